/** Under which names figures of areas stand beside those of devices in the tables. */

const PREFIX = 'area:';

/** What stands in place of a device's id; no device has a colon in its own. */
export const areaKey = (code: string): string => `${PREFIX}${code}`;

export const isAreaKey = (key: string): boolean => key.startsWith(PREFIX);

export const areaOf = (key: string): string => key.slice(PREFIX.length);

/** For SQL: all areas. */
export const AREA_KEYS = `${PREFIX}%`;

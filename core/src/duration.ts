/** Lengths of time in milliseconds, and the offset of the one time zone in use. Free of Node, so that pages use it too. */

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** What Beijing's clocks are ahead of UTC; there has been no daylight saving since 1991. Days and nights are Beijing's. */
export const BEIJING_OFFSET_MS = 8 * HOUR;

/** County, township, village: the tree that every device and every person's rights hang on. */

export const AREA_LEVELS = ['county', 'township', 'village'] as const;
export type AreaLevel = (typeof AREA_LEVELS)[number];

/** A text that people see, Chinese first. */
export interface Label {
  readonly zh: string;
  readonly en: string;
}

export interface Area {
  /** 12-digit statistical division code (统计用区划代码). */
  readonly code: string;
  readonly level: AreaLevel;
  readonly name: Label;
  /** Code of the area above; null for a county. */
  readonly parent: string | null;
  /** Older codes and other names under which local systems know it. */
  readonly aliases: readonly string[];
  /** First and first-not-any-more day (YYYY-MM-DD) of the code; null is open. */
  readonly validFrom: string | null;
  readonly validTo: string | null;
}

export const AREA_CODE_DIGITS = 12;

/** Whether a text is a 12-digit area code. */
export function isAreaCode(text: string): boolean {
  return text.length === AREA_CODE_DIGITS && /^\d+$/.test(text);
}

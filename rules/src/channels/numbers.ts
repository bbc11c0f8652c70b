/** Phone numbers as vendors take them. */

/** The eleven digits of a mobile number of the mainland, written with or without +86 and spaces; undefined for anything else. */
export function mainlandMobile(text: string): string | undefined {
  return /^(?:\+?86|0086)?(1[3-9]\d{9})$/.exec(text.replace(/[\s-]/g, ''))?.[1];
}

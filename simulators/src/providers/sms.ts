/** What all SMS share: how a carrier counts a text, what a number is, and county times as vendors write them. */
import { formatCountyTime } from '@village/core';

/** Carriers count UTF-16 units: 70 in a single message, 67 in each part of a longer one. */
export const segmentsOf = (text: string): number =>
  text.length <= 70 ? 1 : Math.ceil(text.length / 67);

/** 2026-03-01 08:05:09 on the county's clock. */
export const vendorTime = (at: number): string => formatCountyTime(at);

/** 20260301 on the county's clock. */
export const vendorDay = (at: number): string =>
  formatCountyTime(at).slice(0, 10).replaceAll('-', '');

/** Numbers of the mainland, with or without +86, 0086 or 86: the eleven digits; undefined for anything else. */
export function mainlandNumber(text: string): string | undefined {
  return /^(?:\+86|0086|86)?(1[3-9]\d{9})$/.exec(text)?.[1];
}

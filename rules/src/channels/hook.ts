/** What a provider posts to us where it signs nothing: the address itself holds a secret that only the provider was given. */
import { timingSafeEqual } from 'node:crypto';
import { OperationalError, parseTime } from '@village/core';
import { z } from 'zod';
import type { Heard, Inbound } from './contract.ts';

/** Part of an address: long enough that nobody finds it by trying. */
export const hookSecret = z
  .string()
  .regex(/^[A-Za-z0-9_-]{16,128}$/, 'must be 16 to 128 of A-Z a-z 0-9 _ -');

/** @throws OperationalError `not-ours` unless the first part of the path behind the channel's address is the secret */
export function provePath({ path }: Inbound, secret: string | undefined): void {
  const given = Buffer.from(path.split('/').find((part) => part !== '') ?? '');
  const known = Buffer.from(secret ?? '');
  if (secret === undefined || given.length !== known.length || !timingSafeEqual(given, known))
    throw new OperationalError('not-ours', 'the address does not hold the channel’s secret');
}

/** No vendor posts more at once: Tencent 100, Aliyun some tens. */
const ITEMS_MAX = 1000;

/** The objects of a JSON array, or the one object; undefined when the body is neither. */
export function bodyItems({
  body,
}: Pick<Inbound, 'body'>): Readonly<Record<string, unknown>>[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch {
    return undefined;
  }
  const items: unknown[] = Array.isArray(value) ? value : [value];
  return items.length <= ITEMS_MAX && items.every(isObject) ? items : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A body that says nothing known is refused, so that the provider keeps it and its operator sees that. */
export const refused: Heard = {
  receipts: [],
  replies: [],
  answer: { status: 400, type: 'application/json', body: '{"code":1,"msg":"bad body"}' },
};

/** A vendor's 2026-03-01 08:05:09 on Beijing's clock, ms; `otherwise` for anything else. */
export function vendorTime(text: unknown, otherwise: number): number {
  const time =
    typeof text === 'string' ? parseTime(`${text.trim().replace(' ', 'T')}+08:00`) : Number.NaN;
  return Number.isNaN(time) ? otherwise : time;
}

/** A field as text; empty where it is neither text nor number. */
export const field = (item: Readonly<Record<string, unknown>>, name: string): string => {
  const value = item[name];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
};

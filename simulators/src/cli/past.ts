/** `past`: sends what a planned county measured in spans that are over. */
import { randomBytes } from 'node:crypto';
import { constants, setPriority } from 'node:os';
import { resolve } from 'node:path';
import { DAY, formatTime, parseDuration, timerFromText } from '@village/core';
import { readPlan } from '../county/plan-files.ts';
import { fillPast } from '../past/fill.ts';
import { cut, slotsOf, type TimeSpan } from '../past/slots.ts';
import { type Flags, profilesOf, refuse, text, whole } from './flags.ts';
import { stop } from './stop.ts';

const ROWS_MAX = 1_000_000_000;
const TELL_MS = 250;
const SPANS_MAX = 1_000;

/** What is told to whoever started us with a channel. */
export type PastMessage =
  /** Where it begins (null: nothing fits) and how many rows it is. */
  | { readonly past: { readonly rows: number; readonly from: number | null } }
  | { readonly sent: number }
  | { readonly done: TimeSpan };

/** `from/to` in ms since 1970, or a duration that ends now. */
function spansOf(written: string, now: number): TimeSpan[] {
  if (!written.includes('/')) {
    const ms = parseDuration(written);
    if (!(ms > 0)) refuse('--span must be a duration such as 30d, or from/to in ms since 1970');
    return [{ from: now - ms, to: now }];
  }
  const spans = written.split(',').map((one) => {
    const [from = Number.NaN, to = Number.NaN] = one.split('/').map(Number);
    if (!(Number.isSafeInteger(from) && Number.isSafeInteger(to) && from < to && to <= now + DAY))
      refuse(`--span ${one} is none: from/to in ms since 1970`);
    return { from, to };
  });
  return spans.length > SPANS_MAX ? refuse(`--span: at most ${SPANS_MAX}`) : spans;
}

export async function past(flags: Flags): Promise<void> {
  const planned = readPlan(resolve(text(flags, 'plan')), profilesOf(flags));
  const plan = { ...planned, mqttUrl: text(flags, 'mqtt', planned.mqttUrl) };
  const timer = timerFromText(process.env['VILLAGE_CLOCK']);
  const spans = spansOf(text(flags, 'span', '30d'), timer.now());
  const rowsMax = whole(flags, 'rows-max', 0, ROWS_MAX, ROWS_MAX);
  const { pieces, rows, from } = cut(slotsOf(plan), spans, rowsMax);
  // Whoever plays, polls and serves comes first.
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const tell = (message: PastMessage): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  };
  tell({ past: { rows, from } });
  console.log(`${rows} rows${from === null ? '' : ` from ${formatTime(from)}`}`);
  let toldAt = Number.NEGATIVE_INFINITY;
  const began = timer.elapsed();
  const sent = await fillPast(plan, {
    timer,
    pieces,
    epoch: `past-${randomBytes(8).toString('hex')}`,
    signal: stop.signal,
    onRows: (count) => {
      if (timer.elapsed() - toldAt < TELL_MS) return;
      toldAt = timer.elapsed();
      tell({ sent: count });
    },
    onPiece: (done) => tell({ done }),
    onLeftOut: (credential, reason) => console.error(`${credential} is left out: ${reason}`),
  });
  tell({ sent });
  const seconds = (timer.elapsed() - began) / 1000;
  console.log(JSON.stringify({ name: 'past', rows: sent, seconds }));
}

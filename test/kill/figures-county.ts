/** What the kill test of figures says and sends, and what must follow from it: worked out here, with nothing of the product's. */
import { seededRandom } from '@village/core';

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
const BEIJING = 8 * HOUR;
export const DEVICES = ['air-a', 'air-b'];
/** An hour above it is counted. */
const LIMIT = 200;

export interface Correction {
  readonly id: number;
  readonly kind: string;
  readonly device: string;
  readonly from: string;
  readonly to: string;
  readonly value: number | null;
  readonly state: 'waiting' | 'active' | 'undone' | 'withdrawn';
  readonly secondPerson: boolean;
  readonly activated: unknown;
  readonly undone: unknown;
}

export interface AuditEntry {
  readonly action: string;
  readonly target: string;
  readonly actor: string;
}

/** The first instant of a day of Beijing, so many days before that of `now`. */
export const midnight = (now: number, daysBefore: number): number =>
  (Math.floor((now + BEIJING) / DAY) - daysBefore) * DAY - BEIJING;

/** What a device measured in an hour: the same whoever sends it when and how often. */
export const o3At = (device: string, at: number): number =>
  150 + Math.round(seededRandom(`${device} ${at}`)() * 120);

/** Hours of a day above the limit of what was received and of what people have said of it; null where no hour is valid. */
export function hoursAbove(
  received: ReadonlyMap<number, number>,
  statements: readonly Correction[],
  device: string,
  day: number,
): number | null {
  const held = statements.filter((one) => one.state === 'active' && one.device === device);
  let judged = 0;
  let hours = 0;
  for (let at = day; at < day + DAY; at += HOUR) {
    const value = received.get(at);
    const said = held.filter(({ from, to }) => Date.parse(from) <= at && at < Date.parse(to));
    if (value === undefined || said.some(({ kind }) => kind === 'invalid')) continue;
    judged++;
    if (said.reduce((sum, one) => sum + (one.value ?? 0), value) > LIMIT) hours++;
  }
  return judged === 0 ? null : hours;
}

/** What is wrong with how statements and the audit log stand to each other; each step has one entry, and each entry its step. */
export function strays(statements: readonly Correction[], audit: readonly AuditEntry[]): string[] {
  const expected = statements.flatMap(({ id, secondPerson, activated, undone }) => [
    `propose-correction ${id}`,
    ...(secondPerson && activated !== null ? [`approve-correction ${id}`] : []),
    ...(undone !== null ? [`undo-correction ${id}`] : []),
  ]);
  const found = audit
    .filter(({ action }) => action.endsWith('-correction'))
    .map(({ action, target }) => `${action} ${target}`);
  const wrong = statements
    .filter((one) => one.secondPerson && one.state === 'active' && one.activated === null)
    .map(({ id }) => `${id} holds without a second person`);
  return [
    ...wrong,
    ...expected.filter((one) => !found.includes(one)).map((one) => `no entry: ${one}`),
    ...found.filter((one, n) => !expected.includes(one) || found.indexOf(one) !== n),
  ];
}

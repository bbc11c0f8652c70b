/**
 * The questions that are asked over a data folder of an older version, and the same folder unpacked. The recorded answers
 * are that version's own; README.md beside the fixture says how folder and answers were made.
 */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { extract } from 'tar';
import type { Api } from './api.ts';

const fixture = fileURLToPath(new URL('../fixtures/spine-0.1', import.meta.url));

/** When the old version was killed: the newest readings are a second older. */
export const END = Date.parse('2026-10-14T04:00:00Z');

const START = Date.parse('2026-07-13T16:00:00Z');
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NORTH = '330522200000';
const TOWN = '330522001000';
const WEST = '330522104000';

export interface Keys {
  readonly password: string;
  readonly users: readonly string[];
  /** Tokens of a county admin and of a clerk of one township. */
  readonly token: string;
  readonly clerkToken: string;
  /** Cookies of sessions that were open at the end. */
  readonly cookies: Readonly<Record<string, string>>;
  readonly gatewaySecret: string;
}

export type Answers = Readonly<Record<string, unknown>>;

/** By where areas, devices and people come from; the last two hold only what differs from the first. */
export interface Recorded {
  readonly sqlite: Answers;
  readonly postgres: Answers;
  readonly backup: Answers;
}

/** Unpacks `data/`, `outbox/`, `backup/`, `postgres.sql`, `keys.json` and `keys-postgres.json` into a folder. */
export async function unpack(folder: string): Promise<void> {
  const file = join(folder, 'fixture.tar');
  writeFileSync(file, zstdDecompressSync(readFileSync(join(fixture, 'data.tar.zst'))));
  await extract({ file, cwd: folder });
}

export const readKeys = (folder: string, name = 'keys.json'): Keys =>
  JSON.parse(readFileSync(join(folder, name), 'utf8')) as Keys;

export const recorded = (): Recorded =>
  JSON.parse(gunzipSync(readFileSync(join(fixture, 'answers.json.gz'))).toString()) as Recorded;

/** Of this device only history has come. It was never heard to the old version, and is offline since. */
export const HISTORY_ONLY = 'not-yet';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * An answer without what was decided otherwise since: the state of a device of which only history has come, and with it how many are
 * offline and how many were never heard; payloads in the list of what was kept aside.
 */
export function comparable(answer: unknown): unknown {
  if (Array.isArray(answer))
    return answer
      .filter((line) => !/^village_devices\{state="(offline|never)"/.test(String(line)))
      .map(comparable);
  if (!isObject(answer)) return answer;
  const { offline, never, payload, text, ...rest } = answer;
  const counts = typeof never === 'number' ? { silent: Number(offline) + never } : {};
  const told = [rest['id'], rest['device']].includes(HISTORY_ONLY) && 'lastSeenAt' in rest;
  if (told) for (const key of ['state', 'lastSeenAt']) delete rest[key];
  return Object.fromEntries(
    Object.entries({ ...rest, ...counts }).map(([key, value]) => [key, comparable(value)]),
  );
}

interface Question {
  readonly name: string;
  readonly path: string;
  /** Asks with the clerk's token. */
  readonly clerk?: true;
  readonly status?: number;
  /** Readings that come later change the answer. */
  readonly present?: true;
  /** Later versions may tell more of each item. */
  readonly open?: true;
  /** What is kept of the answer. */
  readonly pick?: (answer: string) => unknown;
}

const iso = (at: number): string => new Date(at).toISOString();
const span = (from: number, to: number): string => `from=${iso(from)}&to=${iso(to)}`;
const day = (n: number): number => START + n * DAY;
const all = span(START - DAY, END - 4 * HOUR);
const CHANGED = START + 330 * 3 * HOUR;

export const DEVICES = [
  ...['ph-a1', 'ph-a2', 'ph-a3', 'sew-a1', 'sew-a2', 'wx-a3', 'pow-a1', 'not-yet'],
  ...['ph-b1', 'ph-b2', 'sew-b2', 'sew-b3', 'wx-b1', 'flow-b3', 'wx-b2'],
  ...['air-a1', 'air-b1', 'air-c1', 'air-never', 'bin-c1', 'bin-c2', 'bin-a2', 'bin-b3'],
  ...['cam-c1', 'cam-c2', 'udl-c2'],
];

const json = (text: string): unknown => JSON.parse(text);
/** The columns that the old version wrote; later ones come behind them. */
const COLUMNS = 7;
/** Rows of an export in one order, numbers in one spelling. */
const csv = (text: string): string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => {
      const cells = line.split(',').slice(0, COLUMNS);
      const value = Number(cells[3]);
      return (Number.isNaN(value) ? cells : cells.with(3, String(value))).join(',');
    })
    .sort();
const hashed = (text: string): unknown => {
  const rows = csv(text);
  return { rows: rows.length, sha256: createHash('sha256').update(rows.join('\n')).digest('hex') };
};
const beforeEnd = (text: string): unknown =>
  (JSON.parse(text) as { items: { at: string }[] }).items.filter(({ at }) => at <= iso(END));
/** The items but for the device that is offline since. */
const others = (text: string): unknown => {
  const { items: all, ...rest } = JSON.parse(text) as { items: { id: string }[] };
  const items = all.filter(({ id }) => id !== HISTORY_ONLY);
  return { ...rest, items, total: items.length };
};
/** Tokens come newest first since lists are read part by part. */
const byName = (text: string): unknown => {
  const { items, ...rest } = JSON.parse(text) as { items: { name: string }[] };
  return { ...rest, items: items.sort((a, b) => (a.name < b.name ? -1 : 1)) };
};
const gatewaysOf = (text: string): unknown => (JSON.parse(text) as { gateways: unknown }).gateways;
const METRICS =
  /^village_(store_rows_hot|store_log_rows_damaged|store_files_unreadable|gateway_batches_missing\{.*|gateway_dropped_total\{.*|gateway_outbox_batches\{.*|devices\{.*) /;
const metricsOf = (text: string): unknown => text.split('\n').filter((line) => METRICS.test(line));

const get = (path: string, more: Partial<Question> = {}): Question => ({
  name: path,
  path: `/api/v1${path}`,
  ...more,
});
const readings = (device: string, from: number, to: number, more = 'limit=1000'): Question =>
  get(`/readings?device=${device}&${span(from, to)}&${more}`);
const aggregates = (query: string): Question => get(`/aggregates?${query}`);
const ALL_AGGREGATES = 'agg=count,avg,min,max,sum,first,last';
const completeness = (device: string, from: number, to: number, more: Partial<Question> = {}) =>
  get(`/completeness?device=${device}&${span(from, to)}`, { open: true, ...more });
/** The file as it was before corrections: with what was received alone. */
const exported = (query: string, more: Partial<Question>): Question => ({
  ...get(`/export?format=csv&${query}`, more),
  path: `/api/v1/export?format=csv&${query}&view=received`,
});

const OPEN = { open: true } as const;
const PRESENT = { present: true } as const;
const CLERK = { clerk: true } as const;

const QUESTIONS: readonly Question[] = [
  get('/audit?limit=1000', { ...OPEN, pick: beforeEnd }),
  get('/areas?limit=1000', { ...OPEN, ...PRESENT }),
  get(`/areas?parent=${NORTH}`, { ...OPEN, ...PRESENT }),
  get(`/areas/${WEST}`, { ...OPEN, ...PRESENT }),
  get('/devices?limit=1000', { ...OPEN, ...PRESENT }),
  get('/devices?sort=-lastSeenAt&limit=7', { ...OPEN, ...PRESENT }),
  get('/devices?state=offline&limit=100', { ...OPEN, ...PRESENT, pick: others }),
  get('/devices?limit=100', { ...OPEN, ...PRESENT, ...CLERK, name: 'devices of the clerk' }),
  get('/devices/ph-a1', { ...PRESENT, clerk: true, status: 404, pick: () => null }),
  ...DEVICES.map((id) => get(`/devices/${id}/latest`, PRESENT)),
  get('/users?limit=100', OPEN),
  get('/tokens?limit=100', { ...OPEN, pick: byName }),
  get('/overview', { ...OPEN, ...PRESENT }),
  get(`/overview?area=${TOWN}`, { ...OPEN, ...PRESENT }),
  get('/system', { ...OPEN, ...PRESENT, pick: gatewaysOf }),
  { name: 'metrics', path: '/metrics', present: true, pick: metricsOf },
  get('/quarantine?limit=100', OPEN),
  get('/quarantine?limit=100&state=rerun', OPEN),
  get(`/events?${all}&limit=1000`),
  get(`/events?device=ph-b1&${span(START, END + HOUR)}&limit=100`, PRESENT),
  get(`/events?area=${WEST}&${span(day(10), day(40))}&limit=5`),

  readings('sew-a1', day(19), day(23)),
  readings('ph-b1', day(6) - HOUR, day(7)),
  readings('wx-b1', CHANGED - DAY, CHANGED + DAY),
  readings('wx-b1', CHANGED - DAY, CHANGED + DAY, 'limit=3&metric=temperature,wind-speed'),
  readings('sew-b2', START + 400 * 3 * HOUR - DAY, START + 400 * 3 * HOUR + DAY),
  readings('ph-b2', END - 12 * DAY, END - 8 * DAY),
  readings('bin-c1', day(11), day(14)),
  readings('bin-c2', day(39), day(41)),
  readings('air-c1', day(22), day(25)),
  readings('not-yet', START, day(30)),
  readings('pow-a1', day(60), day(61)),
  { ...readings('air-b1', END - 12 * HOUR, END), ...PRESENT },
  { ...readings('air-a1', END - 12 * HOUR, END + DAY), ...PRESENT },
  { ...readings('ph-a1', END - 12 * HOUR, END), ...PRESENT },

  aggregates(`metric=water.ph&${all}&every=1d&groupBy=township&${ALL_AGGREGATES}`),
  aggregates(`metric=water.cod&area=${NORTH}&${all}&every=1d&groupBy=village&agg=count,avg,max`),
  aggregates(`metric=water.cod&${all}&every=30d&groupBy=township&agg=count,sum`),
  aggregates(
    `metric=air.temperature&area=${NORTH}&${all}&every=7d&groupBy=device&${ALL_AGGREGATES}`,
  ),
  aggregates(`metric=air.temperature&${span(day(40), day(42))}&every=1h&groupBy=none&agg=avg`),
  aggregates(`metric=air.pm25&${span(day(20), day(30))}&every=30m&offset=0h&agg=count,last`),
  aggregates(`metric=bin.fill-level&${all}&every=92d&groupBy=device&agg=max&top=2`),
  aggregates(`metric=ph&device=sew-a2&${span(CHANGED - 3 * DAY, CHANGED + 3 * DAY)}&every=6h`),
  { ...aggregates(`metric=ph&${span(END - DAY, END)}&every=1h&groupBy=village`), ...PRESENT },
  { ...aggregates(`metric=air.pm25&${all}&every=10d&groupBy=village&agg=sum`), ...CLERK },

  completeness('sew-a1', day(19), day(23), PRESENT),
  completeness('not-yet', day(14), day(17), PRESENT),
  completeness('ph-b2', END - 12 * DAY, END - 8 * DAY),
  completeness('wx-b1', CHANGED - DAY, CHANGED + DAY),
  completeness('air-c1', day(22), day(25)),
  completeness('air-never', day(1), day(2)),

  exported(`area=${WEST}&${span(day(30), day(33))}`, { pick: csv }),
  exported(`area=${TOWN}&metric=ph,temperature&${all}`, { pick: hashed }),
  exported(all, { pick: hashed }),
  exported(span(START - DAY, END + DAY), { ...PRESENT, pick: hashed }),
];

/** Whether later versions may tell more than was recorded. */
export const isOpen = (name: string): boolean =>
  QUESTIONS.some((question) => question.name === name && question.open === true);

/** Asks everything; with `history` only what readings of later times leave as it was. */
export async function ask(api: Api, keys: Keys, history = false): Promise<Answers> {
  const answers: Record<string, unknown> = {};
  for (const { name, path, clerk, status = 200, present, pick = json } of QUESTIONS) {
    if (history && present === true) continue;
    const headers = { authorization: `Bearer ${clerk ? keys.clerkToken : keys.token}` };
    const response = await api.fetch(path, { headers });
    const text = await response.text();
    if (response.status !== status) throw new Error(`${path}: ${response.status} ${text}`);
    answers[name] = pick(text);
  }
  return answers;
}

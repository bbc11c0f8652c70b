/**
 * A small county of the present version: how it is made (`test/fixtures/make-recent.ts`) and what is asked of it, then and by every
 * later version.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { create, extract } from 'tar';
import type { Api } from './api.ts';

const fixture = fileURLToPath(new URL('../fixtures/recent', import.meta.url));

/** When the server was killed. */
export const END = Date.parse('2026-11-20T04:00:00Z');
const HOUR = 3_600_000;
export const FROM = END - 84 * HOUR;
/** Rows of each device, ten minutes apart. */
export const ROWS = 84 * 6;

export const DEVICES = `id,name,profile,area,gateway,address,longitude,latitude,options,secret
sew-1,顾渚污水站,generic/sewage-station,330522200001,,,119.9,31.1,,a-secret-of-20-chars
air-1,顾渚空气站,village/air-weather,330522200001,,,,,,a-secret-of-20-chars
`;

const iso = (at: number): string => new Date(at).toISOString();
const span = `from=${iso(FROM)}&to=${iso(END)}`;

/** What is told of the moment in which it is asked. */
const OF_NOW = new Set([
  'lastSignInAt',
  'lastSeenAt',
  'state',
  'counts',
  'computedAt',
  'payload',
  'text',
  'now',
]);

/** An answer without that. */
export function lasting(answer: unknown): unknown {
  if (Array.isArray(answer)) return answer.map(lasting);
  if (typeof answer !== 'object' || answer === null) return answer;
  return Object.fromEntries(
    Object.entries(answer)
      .filter(([key]) => !OF_NOW.has(key))
      .map(([key, value]) => [key, lasting(value)]),
  );
}

/** Asks for everything that has to be there: by address, what is answered. */
export async function ask(api: Api): Promise<Record<string, unknown>> {
  const answers: Record<string, unknown> = {};
  const get = async <T>(path: string): Promise<T> => {
    const answer = await api.json<T>(`/api/v1${path}`);
    answers[path] = lasting(answer);
    return answer;
  };
  for (const path of ['/areas?limit=100', '/users?limit=100', '/corrections?state=active'])
    await get(path);
  await get('/devices?limit=100');
  await get('/quarantine?limit=100');
  await get(`/events?${span}&limit=100`);
  for (const device of ['sew-1', 'air-1'])
    for (const view of ['corrected', 'received'])
      await get(`/readings?device=${device}&${span}&view=${view}&limit=1000`);
  await get(`/aggregates?metric=water.cod&${span}&every=1d&groupBy=village&agg=count,avg,max`);
  const { items } = await get<{ items: { figure: string }[] }>('/figures/of?device=sew-1');
  for (const { figure } of items) await get(`/figures?figure=${figure}&device=sew-1&${span}`);
  return answers;
}

/** Keeps a data folder and what was answered of it. */
export async function keep(folder: string, answers: object): Promise<void> {
  const file = join(folder, 'data.tar');
  await create({ file, cwd: folder, portable: true }, ['data']);
  writeFileSync(join(fixture, 'data.tar.zst'), zstdCompressSync(readFileSync(file)));
  writeFileSync(join(fixture, 'answers.json.zst'), zstdCompressSync(JSON.stringify(answers)));
}

export async function unpack(folder: string): Promise<Record<string, unknown>> {
  const file = join(folder, 'data.tar');
  writeFileSync(file, zstdDecompressSync(readFileSync(join(fixture, 'data.tar.zst'))));
  await extract({ file, cwd: folder });
  const answers = zstdDecompressSync(readFileSync(join(fixture, 'answers.json.zst'))).toString();
  return JSON.parse(answers) as Record<string, unknown>;
}

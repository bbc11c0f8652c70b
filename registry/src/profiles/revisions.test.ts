/** Texts of device profiles over the years, and frames decoded by the rules of their time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOUR } from '@village/core';
import { type DeviceProfile, decode, parseProfile } from '@village/device-profiles';
import { openRelational, type Relational } from '@village/store/relational';
import {
  postgresFolder,
  startPostgres,
  type TestPostgres,
} from '@village/store/relational/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProfileRevisions } from './revisions.ts';
import { profilesModule } from './schema.ts';

const T = Date.UTC(2026, 0, 1);

const text = (revision: number, scale: number, remark = ''): string => `# ${remark}
profile: test/level
revision: ${revision}
name: { zh: 液位计, en: Level gauge }
kind: water-quality
protocol: modbus
modbus:
  every: 10s
  blocks: { all: { table: holding, address: 0, count: 1 } }
metrics:
  - { key: level, quantity: water.level, from: { block: all, at: 0, type: uint16 }, scale: ${scale}, range: [0, 700] }
examples:
  - name: an ordinary frame
    frame: { all: "0064" }
    readings: { level: ${100 * scale} }
  - name: an empty answer
    frame: { all: "" }
    error: frame-too-short
`;

function profile(...args: Parameters<typeof text>): DeviceProfile {
  const { profile: parsed, faults } = parseProfile(text(...args), 'test/level.yaml');
  if (parsed === undefined) throw new Error(JSON.stringify(faults));
  return parsed;
}

const frame = { protocol: 'modbus', blocks: { all: Uint16Array.of(100) } };
const levelOf = (by: DeviceProfile): number | undefined => decode(by, frame).readings[0]?.value;

const folder = mkdtempSync(join(tmpdir(), 'village-revisions-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Target = { file: string } | { url: string };
let number = 0;

describe('SQLite', () => suite(async () => ({ file: join(folder, `${number++}.sqlite`) })));

describe.skipIf(postgresFolder() === undefined)('PostgreSQL', () => {
  let server: TestPostgres;
  beforeAll(async () => {
    server = await startPostgres(postgresFolder() as string);
  }, 60_000);
  afterAll(() => server.stop());
  suite(async () => {
    const admin = new pg.Client(server.url('postgres'));
    await admin.connect();
    const name = `village_revisions_${number++}`;
    await admin.query(`create database ${name}`);
    await admin.end();
    return { url: server.url(name) };
  });
});

function suite(make: () => Promise<Target>): void {
  let target: Target;
  let relational: Relational;
  let revisions: ProfileRevisions;

  async function open(): Promise<void> {
    relational = await openRelational({ ...target, modules: [profilesModule], clock: () => T });
    revisions = new ProfileRevisions(relational);
  }

  beforeEach(async () => {
    target = await make();
    await open();
  });
  afterEach(() => relational.close());

  it('decodes a frame by the revision of its time, also when the file has that one no more', async () => {
    expect(await revisions.keep([profile(1, 0.01)], T)).toEqual([]);
    expect(await revisions.keep([profile(2, 0.1)], T + HOUR)).toEqual([]);
    await relational.close();
    await open();
    expect(levelOf(await revisions.profileAt('test/level', 1, T))).toBe(1);
    expect(levelOf(await revisions.profileAt('test/level', 2, T + 2 * HOUR))).toBe(10);
    await expect(revisions.profileAt('test/level', 3, T)).rejects.toMatchObject({
      code: 'unknown-profile',
    });
  });

  it('tells of a meaning that changed under the same revision, with its place, once', async () => {
    await revisions.keep([profile(1, 0.01)], T);
    expect(await revisions.keep([profile(1, 0.1)], T + HOUR)).toEqual([
      { profile: 'test/level', revision: 1, file: 'test/level.yaml', line: 3 },
    ]);
    expect(await revisions.keep([profile(1, 0.1)], T + 2 * HOUR)).toEqual([]);
  });

  it('does not tell of comments', async () => {
    await revisions.keep([profile(1, 0.01)], T);
    expect(await revisions.keep([profile(1, 0.01, 'page 7')], T + HOUR)).toEqual([]);
  });

  it('keeps each text of one revision for its own time, also one that comes back', async () => {
    await revisions.keep([profile(1, 0.01)], T);
    await revisions.keep([profile(1, 0.1)], T + HOUR);
    await revisions.keep([profile(1, 0.01)], T + 2 * HOUR);
    const levels = [];
    for (const hours of [-1, 0, 1, 2])
      levels.push(levelOf(await revisions.profileAt('test/level', 1, T + hours * HOUR)));
    expect(levels).toEqual([1, 1, 10, 1]);
  });
}

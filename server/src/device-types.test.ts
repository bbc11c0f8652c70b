/** Files of device types that somebody changes while the server starts: it does not begin without a type that has devices. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRelational } from '@village/store/relational';
import { pino } from 'pino';
import { expect, it } from 'vitest';
import { loadTypes } from './device-types.ts';
import { modules } from './modules/index.ts';
import { relationalModules } from './relational-modules.ts';

it('a file that was broken after the configuration was read ends the start', async () => {
  const clock = () => 1_800_000_000_000;
  const log = pino({ level: 'silent' });
  const folder = mkdtempSync(join(tmpdir(), 'village-types-'));
  mkdirSync(join(folder, 'acme'));
  writeFileSync(join(folder, 'acme', 'air-9.yaml'), 'profile: acme/air-9\n');
  const options = { modules: relationalModules(modules), clock, file: ':memory:' };
  const relational = await openRelational(options);
  try {
    const started = loadTypes({ catalogs: [folder] }, relational, { clock, log });
    await expect(started).rejects.toMatchObject({
      ...{ code: 'bad-config', message: expect.stringContaining('air-9.yaml') },
    });
  } finally {
    await relational.close();
    rmSync(folder, { recursive: true });
  }
});

/** The console has a word in both languages for whatever the domain and the catalogue can send it. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DEVICE_STATES, LANES, QUALITIES, QUANTITIES } from '@village/core';
import { builtinCatalog, KINDS, loadCatalog } from '@village/device-profiles';
import { expect, it } from 'vitest';
import { texts as quarantineTexts } from '../dashboards/console/pages/quarantine/texts.ts';
import { words } from '../dashboards/kit/text/words.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

const missing = (prefix: string, names: Iterable<string>, texts: object = words): string[] =>
  [...names].map((name) => `${prefix}.${name}`).filter((key) => !Object.hasOwn(texts, key));

it('for kinds, qualities, lanes and states of devices', () => {
  expect([
    ...missing('kind', KINDS),
    ...missing('quality', QUALITIES),
    ...missing('lane', LANES),
    ...missing('state', DEVICE_STATES),
  ]).toEqual([]);
});

it('for every reason why a message is kept in quarantine', () => {
  const sources = ['ingest/src', 'device-profiles/src'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
      .map((name) => readFileSync(join(root, folder, name), 'utf8')),
  );
  const reasons = sources.flatMap((text) =>
    [...text.matchAll(/\b(?:refuse|OperationalError)\(\s*(?:rule, )?'([a-z-]+)'/g)].map(
      ([, code = '']) => code,
    ),
  );
  expect(reasons.length).toBeGreaterThan(30);
  expect(missing('reason', new Set(reasons), quarantineTexts)).toEqual([]);
});

it('for every unit that is a Chinese word', () => {
  const units = Object.values(QUANTITIES).map(({ unit }) => unit as string);
  expect(missing('unit', new Set(units.filter((unit) => /\p{Script=Han}/u.test(unit))))).toEqual(
    [],
  );
});

it('for every state of the catalogue that its profile gives no name', () => {
  const metrics = [...loadCatalog([builtinCatalog]).profiles.values()].flatMap(
    (profile) => profile.metrics,
  );
  const nameless = metrics.flatMap((metric) =>
    Object.keys(metric.states ?? {}).filter(
      (state) => !Object.hasOwn(metric.stateNames ?? {}, state),
    ),
  );
  expect(nameless.length).toBeGreaterThan(10);
  expect(missing('mode', new Set(nameless))).toEqual([]);
});

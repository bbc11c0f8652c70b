/** Checking files of device types over HTTP: faults with their places, what a change would cost, within bounds of time. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { builtinCatalog } from '@village/device-profiles';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Client, SOUTH_VILLAGE, startCounty, type TestServer } from '../../testing.ts';
import { checkProfile } from './checker.ts';

const catalogued = (id: string): string => readFileSync(join(builtinCatalog, `${id}.yaml`), 'utf8');
const PH = catalogued('boqu/phg-2091');

interface Answer {
  faults: {
    line: number | null;
    column: number | null;
    path: string;
    message: string;
    zh: string;
  }[];
  profile: { id: string; metrics: { key: string }[] } | null;
  known: { revision: number; devices: number; lost: string[] } | null;
}

let test: TestServer;
let admin: Client;
beforeAll(async () => {
  test = await startCounty();
  admin = await test.client('admin');
}, 60_000);
afterAll(() => test.close());

const check = (text: string | Buffer, who: Client = admin) =>
  who.send('POST', '/profiles/check', Buffer.from(text), 'application/yaml');
async function answered(text: string): Promise<Answer> {
  const response = await check(text);
  expect(response.statusCode).toBe(200);
  return response.json() as Answer;
}

it('takes a sound file of a new type, and knows no device of it', async () => {
  const text = catalogued('village/air-weather').replace('village/air-weather', 'acme/air-9');
  const { faults, profile, known } = await answered(text);
  expect(faults).toEqual([]);
  expect(profile?.id).toBe('acme/air-9');
  expect(profile?.metrics.map(({ key }) => key)).toContain('pm25');
  expect(known).toBeNull();
});

it('tells what the devices of a type that runs here would lose', async () => {
  const same = await answered(PH);
  expect(same.known).toMatchObject({ devices: 2, lost: [] });
  const renamed = await answered(
    PH.replace('key: ph,', 'key: acidity,')
      .replaceAll(' ph: ', ' acidity: ')
      .replace(/^revision: .*$/m, 'revision: 99'),
  );
  expect(renamed.faults).toEqual([]);
  expect(renamed.known).toMatchObject({ devices: 2, lost: ['ph'] });
});

it('tells each fault with its place, those of the examples too', async () => {
  const kind = PH.split('\n').findIndex((line) => line.startsWith('kind:')) + 1;
  const wrong = PH.replace(/^kind: .*$/m, 'kind: teapot').replace(
    'range: [0, 14]',
    'range: [14, 0]',
  );
  const { faults, profile } = await answered(wrong);
  expect(profile).toBeNull();
  expect(faults).toContainEqual(expect.objectContaining({ line: kind, path: 'kind' }));
  expect(faults.some(({ path }) => path.startsWith('metrics[1].range'))).toBe(true);
  const examples = await answered(PH.replace(/\bph: (\d)/, 'ph: 9$1'));
  expect(examples.faults.map(({ path }) => path)).toEqual([
    expect.stringMatching(/^examples\[\d\]\.readings\.ph$/),
  ]);
});

it.each([
  ['no YAML', '{ a: [', 200],
  ['nothing', ' ', 200],
  ['a list', '- 1\n- 2\n', 200],
  [
    'a bomb of aliases',
    `a: &a [x, x, x]\n${'bcdefghij'
      .split('')
      .map((c, n) => `${c}: &${c} [${`*${'abcdefghi'[n]},`.repeat(20)}]`)
      .join('\n')}\n`,
    200,
  ],
  ['another encoding', Buffer.from([0xb4, 0xe5, 0xc0, 0xac]), 400],
  ['more than a file may have', 'a'.repeat(300_000), 200],
  ['more than a request may have', 'a'.repeat(1_100_000), 413],
])('refuses %s', async (_what, text, status) => {
  const response = await check(text);
  expect(response.statusCode).toBe(status);
  if (status === 200) expect((response.json() as Answer).faults).not.toEqual([]);
});

it.each([
  ['metrics', PH.replace('examples:', `${'  - { key: x }\n'.repeat(10_000)}examples:`)],
  ['examples', PH + '  - { name: one, frame: {} }\n'.repeat(8_000)],
  ['lists in lists', `profile: a/b\na: ${'['.repeat(200_000)}`],
  ['maps in maps', `profile: a/b\na: ${'{a: '.repeat(60_000)}`],
  ['keys', 'profile: a/b\n'.repeat(20_000)],
])(
  'tells what is wrong with a file of nothing but %s, within bounds',
  async (_what, text) => {
    const { faults } = await answered(text);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.length).toBeLessThanOrEqual(200);
    // What is wrong with it, not that nobody could look.
    for (const { zh } of faults) expect(zh).toMatch(/^(?!未能|.*见英文|.*秒内).*[\u4e00-\u9fff]/);
  },
  120_000,
);

it('counts what lies outside the area of whoever asks, and names it not', async () => {
  const via = { profile: 'generic/sewage-station', gateway: 'gw-south', area: SOUTH_VILLAGE };
  const station = { id: 'south-sewage', name: '站', address: '9', options: { wordOrder: 'DCBA' } };
  expect((await admin.ask('POST', '/devices', { ...station, ...via })).statusCode).toBe(201);
  const text = catalogued('generic/sewage-station')
    .replace(', DCBA]', ']')
    .replace(/^revision: .*$/m, 'revision: 99');
  const all = (await check(text)).json() as Answer;
  expect([all.faults, all.known]).toMatchObject([
    [],
    { devices: 1, gateways: ['gw-south'], changes: [{ subject: 'south-sewage' }] },
  ]);
  const own = (await check(text, await test.client('north'))).json() as Answer;
  expect(own.known).toMatchObject({
    ...{ devices: 1, gateways: [] },
    changes: [{ what: 'options-unfit', subject: '' }],
  });
});

it('is for administrators', async () => {
  expect((await check(PH, await test.client('village'))).statusCode).toBe(403);
});

it('gives up a file that takes too long, as a fault of it', async () => {
  // No thread begins within a millisecond.
  expect(
    await checkProfile(
      { text: PH, type: '', claims: [], waiting: [], running: null, options: [] },
      1,
    ),
  ).toEqual({
    faults: [
      {
        ...{ line: null, column: null, path: '', message: 'could not be checked within 0.001 s' },
        zh: '0.001 秒内未能校验完',
      },
    ],
    profile: null,
    changes: [],
  });
});

it('checks some at once one after the other, and asks the rest to come again', async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => check(PH)));
  const statuses = answers.map(({ statusCode }) => statusCode);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  // One is checked and four wait, at least.
  expect(statuses.filter((one) => one === 200).length).toBeGreaterThanOrEqual(5);
}, 120_000);

it('tells the first two hundred faults of a file of nothing else', async () => {
  const { faults } = await answered('!!binary '.repeat(25_000));
  expect(faults).toHaveLength(200);
}, 120_000);

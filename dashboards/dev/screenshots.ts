/**
 * Pictures of every page for looking at: three widths, two themes, two languages, with no, three and 3,000 devices. Prints
 * the folder. `screenshots.ts [pattern] [url password]`: only pictures whose name matches; of a running server instead of
 * the fixture.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Cookie, PATIENCE_MS, startBench } from '../browser/testing.ts';
import { LONG_VILLAGE } from './county.ts';
import { ALL_RIGHTS, PASSWORD } from './fixture.ts';

const [pattern = '.', url, password = PASSWORD] = process.argv.slice(2);
const wanted = new RegExp(pattern);
const folder = mkdtempSync(join(tmpdir(), 'console-pictures-'));
const bench = await startBench();

/** A county to take pictures of, and the places in it that are worth one. */
interface Subject {
  readonly name: string;
  readonly url: string;
  readonly shots: readonly (readonly [name: string, path: string])[];
}

const COMMON = [
  ['overview', '/'],
  ['map', '/map'],
  ['map-points', '/map?view=points'],
  ['devices', '/devices'],
  ['corrections', '/corrections'],
  ['quarantine', '/quarantine'],
  ['import', '/import'],
  ['profiles', '/profiles'],
  ['areas', '/areas'],
  ['gateways', '/gateways'],
  ['client-ids', '/client-ids'],
  ['system', '/system'],
  ['people', '/people'],
  ['roles', '/people/roles'],
  ['tokens', '/tokens'],
  ['audit', '/audit'],
  ['configuration', '/system/configuration'],
  ['settings', '/settings'],
] as const;

async function made(count: number): Promise<Subject> {
  const fixture = await bench.fixture({ devices: count, rights: ALL_RIGHTS, corrections: 60 });
  const common = { name: String(count), url: fixture.url };
  if (count < 100) return { ...common, shots: COMMON };
  const online = fixture.devices.filter(({ state }) => state === 'online');
  const of = (start: string): string =>
    online.find(({ id }, index) => id.startsWith(start) && index > 20)?.id ?? '';
  const fresh = fixture.devices.find(({ state }, index) => index % 10 === 9 && state === 'online');
  const long = online.find(({ area }) => area.name.zh === LONG_VILLAGE);
  const ill = fixture.devices.find(({ state }) => state === 'offline');
  const days = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString();
  const never = fixture.devices.find(({ state }) => state === 'never');
  return {
    ...common,
    shots: [
      ...COMMON,
      ['township', '/areas/330522002000'],
      ['village', '/areas/330522002201'],
      ['map-township', '/map?area=330522002000'],
      ['map-found', '/map?q=bin-00'],
      ['found', '/devices?q=bin&state=offline'],
      ['none', '/devices?q=nothing-has-this-name'],
      ['device', `/devices/${of('sewage')}`],
      ['device-refusals', `/devices/${online.find(({ id }) => id.endsWith('7'))?.id}`],
      ['device-bin', `/devices/${of('bin')}`],
      ['device-7d', `/devices/${of('sewage')}?range=7d&metric=nh3n`],
      ['device-table', `/devices/${of('sewage')}?view=table`],
      ['export', `/devices/${of('sewage')}?range=30d&export=1`],
      ['export-county', '/devices?export=1'],
      ['device-fresh', `/devices/${fresh?.id}`],
      ['device-long', `/devices/${long?.id}`],
      ['device-offline', `/devices/${ill?.id}`],
      ['device-never', `/devices/${never?.id}`],
      ['figure', `/devices/${of('sewage')}/figures?figure=hours-above:water.cod&at=${days(3)}`],
      ['figure-hour', `/devices/${of('sewage')}/figures?figure=hourly-mean:water.ph&at=${days(3)}`],
      [
        'figure-area',
        `/areas/330522002000/figures?figure=area-hours-above:water.cod&at=${days(3)}`,
      ],
      ['correcting', `/corrections/devices/${of('sewage')}?metric=nh3n`],
      ['missing', '/devices/none'],
      ['add-device', '/add-device?profile=demo/weather-5'],
      ['connect', `/devices/${of('bin')}/connect`],
      ['connect-gateway', `/devices/${of('sewage')}/connect`],
    ],
  };
}

/** A running server: the common pages, one township and one device of each kind. */
async function running(address: string): Promise<Subject> {
  const { page, context } = await bench.page({ url: address }, { password });
  const ask = async <T>(path: string): Promise<T> =>
    (await (await context.request.get(`${address}/api/v1${path}`)).json()) as T;
  const { items } = await ask<{ items: { id: string; kind: string }[] }>(
    '/devices?limit=1000&sort=-lastSeenAt',
  );
  const areas = await ask<{ items: { code: string }[] }>('/areas?level=township&limit=1');
  await page.close();
  await context.close();
  return {
    name: 'real',
    url: address,
    shots: [
      ...COMMON,
      ['township', `/areas/${areas.items[0]?.code}`],
      ...[...Map.groupBy(items, ({ kind }) => kind)].map(
        ([kind, [first]]) => [`device-${kind}`, `/devices/${first?.id}`] as const,
      ),
    ],
  };
}

/** One sign-in for all pictures: a running server bounds how many there may be in a minute. */
async function signedIn(subject: Subject): Promise<Cookie[]> {
  const { context } = await bench.page(subject, { password });
  const cookies = await context.cookies();
  await context.close();
  return cookies;
}

async function take(subject: Subject): Promise<void> {
  const cookies = await signedIn(subject);
  for (const [width, height] of [
    [390, 844],
    [1440, 900],
    [1920, 1080],
  ] as const)
    for (const dark of [false, true])
      for (const language of ['zh', 'en'] as const)
        for (const [shot, path] of [['sign-in', '/'] as const, ...subject.shots]) {
          const theme = dark ? 'dark' : 'light';
          const name = `${shot}-${subject.name}-${width}-${theme}-${language}`;
          if (!wanted.test(name)) continue;
          const options = {
            ...{ width, height, dark, path, language },
            ...(shot === 'sign-in' ? { signIn: false } : { cookies }),
          };
          const { page, context } = await bench.page(subject, options);
          await page.locator('h1, .notice').first().waitFor();
          await page.locator('.skeleton').first().waitFor({ state: 'detached' });
          // The chart is drawn in the frame after its data.
          await page.waitForTimeout(300);
          const tall = await page.evaluate(() => {
            // Bars that stand at the window's edge would lie across a picture of the whole page.
            for (const bar of document.querySelectorAll<HTMLElement>('.bottombar, .rail'))
              bar.style.position = 'absolute';
            return document.documentElement.scrollHeight;
          });
          // A phone's page is cut into parts that can be looked at.
          const part = width < 800 ? 1_500 : tall;
          for (let y = 0; y < Math.min(tall, 3 * part); y += part)
            await page.screenshot({
              path: join(folder, `${name}${y === 0 ? '' : `-${y / part + 1}`}.png`),
              fullPage: true,
              clip: { x: 0, y, width, height: Math.min(part, tall - y) },
              timeout: PATIENCE_MS,
            });
          await context.close();
        }
}

if (url !== undefined) await take(await running(url));
else for (const count of [3000, 3, 0]) await take(await made(count));
await bench.close();
process.stdout.write(`${folder}\n`);

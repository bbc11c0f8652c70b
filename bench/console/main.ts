/**
 * `npm run bench -- console [pattern]`: how fast the console is, over the fixture: bytes, first useful paint and interactions with
 * 3,000 devices, at full speed and, told but not judged, on a processor four times as slow. Beside each interaction stands
 * what it is made of: waiting for answers, scripts, styles and layout. No test judges wall time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Bench, type OpenPage, startBench } from '../../dashboards/browser/testing.ts';
import { buildConsole } from '../../dashboards/build.ts';
import type { Fixture } from '../../dashboards/dev/fixture.ts';
import { type Case, judge, report } from '../report.ts';

const DEVICES = 3_000;
const ROUNDS = 5;
/** KB before the first page, after gzip. */
const ENTRY = '<= 60';
const PAINT = '<= 1000';
const INTERACTION = '<= 100';
/** Somebody looks at a page before they press something; the files of other pages are fetched meanwhile. */
const LOOKED_AT_MS = 4_000;

const median = (list: readonly number[]): number =>
  list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;

/** Milliseconds from now until `shows` holds and has been painted. Runs in the page. */
const untilPainted = (shows: string): string => `new Promise((resolve, reject) => {
  const began = performance.now();
  const look = () => {
    if (${shows}) requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - began)));
    else if (performance.now() - began > 10000) reject(new Error(${JSON.stringify(shows)}));
    else requestAnimationFrame(look);
  };`;

const click = (selector: string): string =>
  `document.querySelector(${JSON.stringify(selector)}).click()`;
const has = (selector: string): string =>
  `document.querySelector(${JSON.stringify(selector)}) !== null`;

/** What is done, where, and what shows that it is done. */
const interactions = (
  device: string,
): readonly (readonly [name: string, path: string, act: string, shows: string])[] => [
  ['overview → devices', '/', click('a[href="/devices"]'), has('tbody .device-name')],
  ['devices → overview', '/devices', click('a[href="/"]'), has('.tiles .big')],
  [
    'sort the list',
    '/devices',
    click('a.sort[href*="lastSeenAt"]'),
    `${has('[aria-sort="ascending"] a[href*="-lastSeenAt"]')} && !${has('.busy')}`,
  ],
  [
    'filter the list',
    '/devices',
    `{ const s = document.querySelectorAll('select')[1]; s.value = 'offline'; s.dispatchEvent(new Event('change', { bubbles: true })); }`,
    `document.querySelectorAll('tbody .state-online').length === 0 && !${has('.busy')}`,
  ],
  [
    'load 50 more devices',
    '/devices',
    click('.list-foot button'),
    `document.querySelectorAll('tbody tr').length === 100`,
  ],
  ['open a device', '/devices', click('tbody .device-name'), has('.metric .figure')],
  [
    'another metric',
    `/devices/${device}`,
    click('.metric[href*="metric=ph"]'),
    `document.querySelector('.chart-host')?.getAttribute('aria-label').startsWith('pH')`,
  ],
  [
    'seven days',
    `/devices/${device}`,
    click('a[href*="range=7d"]'),
    `document.querySelector('.legend')?.textContent.includes('每 10 分钟')`,
  ],
  [
    'chart → table',
    `/devices/${device}`,
    click('a[href*="view=table"]'),
    has('.table-scroll tbody tr'),
  ],
  [
    'another theme',
    '/settings',
    `document.querySelectorAll('[aria-pressed]')[4].click()`,
    `document.documentElement.dataset.theme === 'dark'`,
  ],
  [
    'another language',
    '/settings',
    click('[lang="en"]'),
    `document.querySelector('h1').textContent === 'Settings'`,
  ],
];

type Built = ReadonlyMap<string, number>;

const kilobytes = (sizes: Built, match: (name: string) => boolean): number =>
  [...sizes].filter(([name]) => match(name)).reduce((all, [, size]) => all + size / 1000, 0);

/** The files that a page has asked for when its figures are shown. */
async function filesBefore(bench: Bench, county: Fixture): Promise<ReadonlySet<string>> {
  const { page, context } = await bench.page(county, { path: '/settings' });
  await page.addInitScript(`{
    const look = () => {
      if (${has('.tiles .big')})
        window.first = performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1));
      else requestAnimationFrame(look);
    };
    look();
  }`);
  await page.goto(`${county.url}/`);
  const asked = (await (
    await page.waitForFunction(() => Reflect.get(window, 'first') as string[])
  ).jsonValue()) as string[];
  await context.close();
  return new Set(asked);
}

async function slowed(opened: OpenPage, rate: number): Promise<void> {
  const session = await opened.context.newCDPSession(opened.page);
  await session.send('Emulation.setCPUThrottlingRate', { rate });
}

/** From asking for the address to figures on the screen; nothing is cached. */
async function firstPaint(
  bench: Bench,
  county: Fixture,
  path: string,
  useful: string,
  rate: number,
): Promise<number> {
  const opened = await bench.page(county, { path: '/settings' });
  await slowed(opened, rate);
  const { page, context } = opened;
  const session = await context.newCDPSession(page);
  await session.send('Network.setCacheDisabled', { cacheDisabled: true });
  await page.goto(county.url + path, { waitUntil: 'commit' });
  const ms: number = await page.evaluate(
    `${untilPainted(useful)} look(); }).then(() => performance.now())`,
  );
  await context.close();
  return ms;
}

/** What an interaction takes in all, and what it is made of; the parts overlap. */
interface Taken {
  readonly ms: number;
  readonly answers: number;
  readonly scripts: number;
  readonly styles: number;
  readonly layout: number;
}

async function interaction(
  bench: Bench,
  county: Fixture,
  [, path, act, shows]: ReturnType<typeof interactions>[number],
  rate: number,
): Promise<Taken> {
  const opened = await bench.page(county, { path });
  const { page, context } = opened;
  await page.locator('h1').first().waitFor();
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
  await page.waitForTimeout(LOOKED_AT_MS);
  await slowed(opened, rate);
  const session = await context.newCDPSession(page);
  await session.send('Performance.enable');
  const costs = async (): Promise<ReadonlyMap<string, number>> =>
    new Map(
      (await session.send('Performance.getMetrics')).metrics.map(({ name, value }) => [
        name,
        value * 1000,
      ]),
    );
  const before = await costs();
  const { ms, answers } = await page.evaluate<{ ms: number; answers: number }>(`{
    const from = performance.now();
    ${untilPainted(shows)} ${act}; look(); }).then((ms) => {
      let until = from;
      let answers = 0;
      const asked = performance.getEntriesByType('resource')
        .filter(({ name, startTime }) => name.includes('/api/') && startTime >= from)
        .sort((a, b) => a.startTime - b.startTime);
      for (const { startTime, responseEnd } of asked) {
        answers += Math.max(0, responseEnd - Math.max(until, startTime));
        until = Math.max(until, responseEnd);
      }
      return { ms, answers };
    });
  }`);
  const after = await costs();
  await context.close();
  const cost = (name: string): number => (after.get(name) ?? 0) - (before.get(name) ?? 0);
  return {
    ms,
    answers,
    scripts: cost('ScriptDuration'),
    styles: cost('RecalcStyleDuration'),
    layout: cost('LayoutDuration'),
  };
}

async function rounds<T>(work: () => Promise<T>): Promise<T[]> {
  const list: T[] = [];
  for (let round = 0; round < ROUNDS; round++) list.push(await work());
  return list;
}

export async function run([pattern = '.']: string[]): Promise<void> {
  const wanted = new RegExp(pattern);
  const cases: Case[] = [];
  const tell = (name: string, value: number, unit: 'ms' | 'KB', target: string | null): void => {
    cases.push(judge(name, Math.round(value * 10) / 10, unit, target));
  };
  const load = (): string =>
    loadavg()
      .map((one) => one.toFixed(1))
      .join(' ');
  console.log(`load of the machine at the begin: ${load()}`);
  const bytes = mkdtempSync(join(tmpdir(), 'console-size-'));
  const sizes = await buildConsole(bytes);
  rmSync(bytes, { recursive: true, force: true });
  tell(
    'files, all of them',
    kilobytes(sizes, () => true),
    'KB',
    null,
  );

  const bench = await startBench();
  const county = await bench.fixture({ devices: DEVICES });
  const first = await filesBefore(bench, county);
  tell(
    'files before the first page',
    kilobytes(sizes, (name) => first.has(name)),
    'KB',
    ENTRY,
  );
  const device = county.devices.find(
    ({ id, state }) => id.startsWith('sewage') && state === 'online',
  )!.id;
  for (const rate of [1, 4]) {
    const at = rate === 1 ? '' : `, processor ÷ ${rate}`;
    for (const [name, path, useful] of [
      ['overview', '/', has('.tiles .big')],
      ['devices', '/devices', has('tbody .device-name')],
      ['device', `/devices/${device}`, has('.metric .figure')],
    ] as const) {
      if (!wanted.test(name)) continue;
      const taken = await rounds(() => firstPaint(bench, county, path, useful, rate));
      tell(`first useful paint: ${name}${at}`, median(taken), 'ms', rate === 1 ? PAINT : null);
    }
    for (const one of interactions(device)) {
      const [name] = one;
      if (!wanted.test(name)) continue;
      const taken = await rounds(() => interaction(bench, county, one, rate));
      const of = (part: keyof Taken): number => median(taken.map((all) => all[part]));
      tell(`${name}${at}`, of('ms'), 'ms', rate === 1 ? INTERACTION : null);
      const parts = (['answers', 'scripts', 'styles', 'layout'] as const)
        .map((part) => `${part} ${of(part).toFixed(0)}`)
        .join(', ');
      console.log(`${name}${at}: ${of('ms').toFixed(0)} ms; ${parts}`);
    }
  }
  await bench.close();
  console.log(`load of the machine at the end: ${load()}`);
  report('console', cases);
}

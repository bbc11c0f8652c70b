/**
 * How fast the console is: bytes, first useful paint and interactions over the fixture with 3,000 devices, at full speed
 * and, told but not judged, on a processor four times as slow. No test judges wall time. Last line: one JSON object.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OpenPage, type Page, startBench } from '../browser/testing.ts';
import { buildConsole } from '../build.ts';

const DEVICES = 3_000;
const ROUNDS = 5;
const PAINT_MS = 1_000;
const INTERACTION_MS = 100;

interface Case {
  readonly case: string;
  readonly value: number;
  readonly unit: 'ms' | 'KiB';
  /** Null where it is only told. */
  readonly target: number | null;
  readonly ok: boolean;
}
const cases: Case[] = [];
function tell(name: string, value: number, unit: Case['unit'], target: number | null): void {
  const ok = target === null || value <= target;
  const one = { case: name, value: Math.round(value * 10) / 10, unit, target, ok };
  cases.push(one);
  const mark = target === null ? '·' : ok ? '✓' : '✗';
  process.stdout.write(
    `${mark} ${name}: ${one.value} ${unit}${target === null ? '' : ` (≤ ${target})`}\n`,
  );
}
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

/** Does something in the page and measures until its effect is painted. */
const measure = (page: Page, act: string, shows: string): Promise<number> =>
  page.evaluate(`${untilPainted(shows)} ${act}; look(); })`);

const click = (selector: string): string =>
  `document.querySelector(${JSON.stringify(selector)}).click()`;
const has = (selector: string): string =>
  `document.querySelector(${JSON.stringify(selector)}) !== null`;

const bytes = mkdtempSync(join(tmpdir(), 'console-size-'));
const sizes = await buildConsole(bytes);
rmSync(bytes, { recursive: true, force: true });
const sum = (match: (name: string) => boolean): number =>
  [...sizes].filter(([name]) => match(name)).reduce((all, [, size]) => all + size / 1024, 0);
tell(
  'bundle, all of it',
  sum(() => true),
  'KiB',
  80,
);

const bench = await startBench();
const county = await bench.fixture({ devices: DEVICES });

/** The files that a page has asked for when its figures are shown. */
async function filesBefore(path: string, useful: string): Promise<ReadonlySet<string>> {
  const { page, context } = await bench.page(county, { path });
  await page.locator(useful).first().waitFor();
  const asked: string[] = await page.evaluate(
    `performance.getEntriesByType('resource').map(({ name }) => name.split('/').at(-1))`,
  );
  await context.close();
  return new Set(asked);
}
const first = await filesBefore('/', '.tiles .big');
tell(
  'bundle before the first page',
  sum((name) => first.has(name)),
  'KiB',
  40,
);
const device = county.devices.find(
  ({ id, state }) => id.startsWith('sewage') && state === 'online',
)?.id;

async function slowed(opened: OpenPage, rate: number): Promise<void> {
  const session = await opened.context.newCDPSession(opened.page);
  await session.send('Emulation.setCPUThrottlingRate', { rate });
}

/** From asking for the address to figures on the screen; nothing is cached. */
async function firstPaint(path: string, useful: string, rate: number): Promise<number> {
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

const interactions: readonly (readonly [name: string, path: string, act: string, shows: string])[] =
  [
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

async function interaction(
  path: string,
  act: string,
  shows: string,
  rate: number,
): Promise<number> {
  const opened = await bench.page(county, { path });
  await opened.page.locator('h1').first().waitFor();
  await opened.page.locator('.skeleton').first().waitFor({ state: 'detached' });
  await opened.page.waitForTimeout(300);
  await slowed(opened, rate);
  const ms = await measure(opened.page, act, shows);
  await opened.context.close();
  return ms;
}

async function rounds(work: () => Promise<number>): Promise<number> {
  const list: number[] = [];
  for (let round = 0; round < ROUNDS; round++) list.push(await work());
  return median(list);
}

for (const rate of [1, 4]) {
  const at = rate === 1 ? '' : `, processor ÷ ${rate}`;
  for (const [name, path, useful] of [
    ['overview', '/', has('.tiles .big')],
    ['devices', '/devices', has('tbody .device-name')],
    ['device', `/devices/${device}`, has('.metric .figure')],
  ] as const)
    tell(
      `first useful paint: ${name}${at}`,
      await rounds(() => firstPaint(path, useful, rate)),
      'ms',
      rate === 1 ? PAINT_MS : null,
    );
  for (const [name, path, act, shows] of interactions)
    tell(
      `${name}${at}`,
      await rounds(() => interaction(path, act, shows, rate)),
      'ms',
      rate === 1 ? INTERACTION_MS : null,
    );
}
await bench.close();
const ok = cases.every((one) => one.ok);
process.stdout.write(`${JSON.stringify({ name: 'console', ok, cases })}\n`);

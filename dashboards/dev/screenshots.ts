/** Pictures of every page for looking at: three widths, two themes, many and no devices. Prints the folder. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBench } from '../browser/testing.ts';

const folder = mkdtempSync(join(tmpdir(), 'console-pictures-'));
const only = process.argv[2];
const bench = await startBench();
const many = await bench.fixture();
const sewage =
  many.devices.find(({ id, state }) => id.startsWith('sewage') && state === 'online')?.id ?? '';
const shots: [name: string, path: string][] = [
  ['overview', '/'],
  ['township', '/areas/330522002000'],
  ['village', '/areas/330522002201'],
  ['devices', '/devices'],
  ['device', `/devices/${sewage}`],
  ['device-7d', `/devices/${sewage}?range=7d&metric=nh3n`],
  ['device-table', `/devices/${sewage}?view=table`],
  ['quarantine', '/quarantine'],
  ['system', '/system'],
  ['settings', '/settings'],
  ['missing', '/devices/none'],
];
for (const [width, height] of [
  [390, 844],
  [1440, 900],
  [1920, 1080],
] as const)
  for (const dark of [false, true])
    for (const [name, path] of shots) {
      if (only !== undefined && !name.startsWith(only)) continue;
      const { page, context } = await bench.page(many, { width, height, dark, path });
      await page.locator('h1, .notice').first().waitFor();
      await page.waitForLoadState('load');
      await page.waitForTimeout(700);
      await page.screenshot({
        path: join(folder, `${name}-${width}-${dark ? 'dark' : 'light'}.png`),
        fullPage: true,
      });
      await context.close();
    }
await bench.close();
process.stdout.write(`${folder}\n`);

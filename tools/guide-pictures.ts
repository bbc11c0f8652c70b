/**
 * `node tools/node24.mjs tools/guide-pictures.ts [name …]`: takes the pictures of the Chinese guides (docs/zh/pictures) anew, all or those
 * named, of the built console over its fixture county. Needs Chromium. Run it when a page that a guide shows has changed.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PATIENCE_MS, startBench } from '../dashboards/browser/testing.ts';
import { ALL_RIGHTS } from '../dashboards/dev/fixture.ts';

const FOLDER = fileURLToPath(new URL('../docs/zh/pictures', import.meta.url));
const WIDTH = 1_200;
/** What is worth a look lies above; a picture of a whole long page is not read. */
const HEIGHT = 800;
const QUALITY = 75;

mkdirSync(FOLDER, { recursive: true });
const bench = await startBench();
try {
  const fixture = await bench.fixture({ devices: 300, rights: ALL_RIGHTS, corrections: 20 });
  const one = (kind: string): string =>
    fixture.devices.find(({ id, state }) => id.startsWith(kind) && state === 'online')?.id ?? '';
  const pictures: readonly (readonly [name: string, path: string])[] = [
    ['overview', '/'],
    ['devices', '/devices'],
    ['device', `/devices/${one('sewage')}`],
    ['map', '/map'],
    ['borders', '/map/borders'],
    ['profiles', '/profiles'],
    ['client-ids', '/client-ids'],
    ['audit', '/audit'],
    ['areas', '/areas'],
    ['add-device', '/add-device'],
    ['gateways', '/gateways'],
    ['people', '/people'],
    ['quarantine', '/quarantine'],
    ['system', '/system'],
    ['corrections', '/corrections'],
  ];
  const wanted = process.argv.slice(2);
  for (const [name, path] of pictures) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    const options = { width: WIDTH, height: HEIGHT, language: 'zh', path } as const;
    const { page, context, faults } = await bench.page(fixture, options);
    await page.locator('.skeleton').first().waitFor({ state: 'detached' });
    // A chart is drawn in the frame after its data.
    await page.waitForTimeout(500);
    await page.screenshot({
      path: join(FOLDER, `${name}.jpg`),
      type: 'jpeg',
      quality: QUALITY,
      timeout: PATIENCE_MS,
    });
    if (faults.length > 0) throw new Error(`${path}: ${faults.join('; ')}`);
    await context.close();
  }
} finally {
  await bench.close();
}

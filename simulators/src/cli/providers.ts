/** `providers`: fake vendors of messages with a demonstration's accounts, until it is stopped. */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { seededRandom, timerFromText } from '@village/core';
import { demoProviders } from '../providers/demo.ts';
import { startProviders } from '../providers/providers.ts';
import { type Flags, refuse, text, whole } from './flags.ts';
import { stop } from './stop.ts';

export async function providers(flags: Flags): Promise<void> {
  const seed = whole(flags, 'seed', 0, Number.MAX_SAFE_INTEGER, 1);
  const port = whole(flags, 'port', 0, 65_535, 18_090);
  const hook = flags['hook'] === undefined ? null : text(flags, 'hook');
  if (hook !== null && !URL.canParse(hook)) refuse('--hook must be an address');
  const timer = timerFromText(process.env['VILLAGE_CLOCK']);
  const demo = demoProviders(seed, hook);
  const random = seededRandom(seed);
  const running = await startProviders({ port, timer, random, providers: demo.providers });
  demo.people(running.world);
  const { url } = running;
  if (flags['channels'] !== undefined)
    writeFileSync(
      resolve(text(flags, 'channels')),
      `${JSON.stringify({ channels: demo.channels(url) }, null, 2)}\n`,
      { mode: 0o600 },
    );
  console.log(`providers: ${url}/ (phones), ${url}/phones (JSON)`);
  if (process.connected) process.send?.({ providers: url });
  const { promise, resolve: stopped } = Promise.withResolvers<void>();
  stop.signal.addEventListener('abort', () => stopped());
  if (!stop.signal.aborted) await promise;
  await running.close();
}

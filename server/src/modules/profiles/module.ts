/** The module of device types: checking a file, and trying it on what is kept aside, before it is put where the server reads it. */
import { isUtf8 } from 'node:buffer';
import { profiles as api } from '@village/api';
import { OperationalError } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { defineModule, problem, route, Turns } from '@village/platform';
import type { Directory } from '@village/registry';
import type { Needs } from '../needs.ts';
import { type Checked, checkProfile } from './checker.ts';
import { tryProfile } from './trier.ts';

const WAITING = 4;
const WAIT_MS = 30_000;

/** What becomes of the devices here that have the type of that name, when the file takes the place of the one that runs. */
function knownOf(
  { profile }: Checked,
  profiles: ReadonlyMap<string, DeviceProfile>,
  directory: Directory,
): { revision: number; devices: number; lost: string[] } | null {
  const running = profile === null ? undefined : profiles.get(profile.id);
  if (profile === null || running === undefined) return null;
  const kept = new Set(profile.metrics.map(({ key }) => key));
  let devices = 0;
  for (const id of directory.ids()) if (directory.known(id)?.profile.id === profile.id) devices++;
  const lost = running.metrics.filter(({ key }) => !kept.has(key)).map(({ key }) => key);
  return { revision: running.revision, devices, lost };
}

/** The text of a file that was sent. @throws unsupported-content-type, bad-request */
function textOf(body: unknown): string {
  if (!Buffer.isBuffer(body))
    throw new OperationalError('unsupported-content-type', 'send the file as application/yaml');
  if (!isUtf8(body)) throw new OperationalError('bad-request', 'the file is not UTF-8');
  return body.toString('utf8');
}

export const profilesModule = defineModule<Needs>({
  name: 'profiles',
  title: { zh: '设备类型', en: 'Device types' },
  rights: {
    'profiles.check': {
      title: { zh: '校验设备类型文件', en: 'Check files of device types' },
      roles: ['admin'],
    },
  },
  start: (needs) => {
    const { profiles, directory, timer, rights } = needs;
    const turns = new Turns({
      ...{ timer, running: 1, runningOfOne: 1, waiting: WAITING, waitingOfOne: WAITING },
      waitMs: WAIT_MS,
      refusal: { code: 'busy', message: 'other files are being checked; try again in a moment' },
    });
    return {
      routes: [
        route(api.check, async ({ body, caller, signal }) => {
          const text = textOf(body);
          const checked = await turns.run(caller.actor, () => checkProfile(text), signal);
          return { ...checked, known: knownOf(checked, profiles, directory) };
        }),
        route(api.tryOut, ({ body, caller, signal }) => {
          const may = rights.of(caller.role, directory.isTop(caller.area));
          if (!may.includes('quarantine.read'))
            return problem(403, 'forbidden', 'this needs the right to see quarantine too');
          const text = textOf(body);
          return turns.run(caller.actor, () => tryProfile(needs, caller, text), signal);
        }),
      ],
    };
  },
});

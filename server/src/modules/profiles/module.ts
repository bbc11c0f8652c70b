/** The module of device types: checking a file before it is put where the server reads it. */
import { isUtf8 } from 'node:buffer';
import { profiles as api } from '@village/api';
import { OperationalError } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import { defineModule, problem, route, Turns } from '@village/platform';
import type { Directory } from '@village/registry';
import type { Needs } from '../needs.ts';
import { type Checked, checkProfile } from './checker.ts';

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

export const profilesModule = defineModule<Needs>({
  name: 'profiles',
  title: { zh: '设备类型', en: 'Device types' },
  rights: {
    'profiles.check': {
      title: { zh: '校验设备类型文件', en: 'Check files of device types' },
      roles: ['admin'],
    },
  },
  start: ({ profiles, directory, timer }) => {
    const turns = new Turns({
      ...{ timer, running: 1, runningOfOne: 1, waiting: WAITING, waitingOfOne: WAITING },
      waitMs: WAIT_MS,
      refusal: { code: 'busy', message: 'other files are being checked; try again in a moment' },
    });
    return {
      routes: [
        route(api.check, async ({ body, caller, signal }) => {
          if (!Buffer.isBuffer(body))
            return problem(415, 'unsupported-content-type', 'send the file as application/yaml');
          if (!isUtf8(body)) throw new OperationalError('bad-request', 'the file is not UTF-8');
          const text = body.toString('utf8');
          const checked = await turns.run(caller.actor, () => checkProfile(text), signal);
          return { ...checked, known: knownOf(checked, profiles, directory) };
        }),
      ],
    };
  },
});

/** The module of device types: checking a file, trying it on what is kept aside, and taking it in. */
import { isUtf8 } from 'node:buffer';
import { profiles as api, type shapes } from '@village/api';
import { OperationalError } from '@village/core';
import { answer, defineModule, notFound, problem, route, Turns } from '@village/platform';
import { problemText } from '../../http/problem.ts';
import type { Needs } from '../needs.ts';
import { adopt, examine, listWaiting } from './adopting.ts';
import { tryProfile } from './trier.ts';

const WAITING = 4;
const WAIT_MS = 30_000;

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
    'profiles.adopt': {
      title: { zh: '启用设备类型文件', en: 'Take files of device types in' },
      roles: ['admin'],
    },
  },
  start: (needs) => {
    const { directory, timer, rights } = needs;
    const turns = new Turns({
      ...{ timer, running: 1, runningOfOne: 1, waiting: WAITING, waitingOfOne: WAITING },
      waitMs: WAIT_MS,
      refusal: { code: 'busy', message: 'other files are being checked; try again in a moment' },
    });
    return {
      routes: [
        route(api.check, async ({ body, caller, signal }) => {
          const text = textOf(body);
          const { answer } = await turns.run(caller.actor, () => examine(needs, text), signal);
          return answer;
        }),
        route(api.tryOut, ({ body, caller, signal }) => {
          const may = rights.of(caller.role, directory.isTop(caller.area));
          if (!may.includes('quarantine.read'))
            return problem(403, 'forbidden', 'this needs the right to see quarantine too');
          const text = textOf(body);
          return turns.run(caller.actor, () => tryProfile(needs, caller, text), signal);
        }),
        route(api.adopt, async (call) => {
          const { body, caller, signal } = call;
          const text = textOf(body);
          const done = await turns.run(caller.actor, () => adopt(needs, text, call), signal);
          if ('adopted' in done) return answer(202, done.adopted);
          const { code, detail, errors } = done.refused;
          const status = code === 'would-break' ? 409 : 422;
          const document = JSON.parse(problemText(status, code, detail, errors)) as shapes.Problem;
          return answer(status, document, { 'content-type': 'application/problem+json' });
        }),
        route(api.waiting, () => listWaiting(needs)),
        route(api.takeBack, async ({ params, audited }) => {
          const id = `${params.vendor}/${params.model}`;
          const entry = audited('take-profile-back', id);
          if (!(await needs.ownProfiles.takeBack(id, entry))) return notFound('waiting profile');
          return answer(204, null);
        }),
      ],
    };
  },
});

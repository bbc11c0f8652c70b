/** The module of device types: checking a file, trying it on what is kept aside, and taking it in. */
import { isUtf8 } from 'node:buffer';
import { profiles as api, type shapes } from '@village/api';
import { OperationalError } from '@village/core';
import { answer, defineModule, notFound, problem, route, Turns } from '@village/platform';
import { problemText } from '../../http/problem.ts';
import type { Needs } from '../needs.ts';
import { adopt, examine } from './adopting.ts';
import { fileOf, listSources, listWaiting, removalOf, removeOwn } from './removing.ts';
import { tryProfile } from './trier.ts';

const WAITING = 4;
const WAIT_MS = 30_000;

const JSON_PROBLEM = { 'content-type': 'application/problem+json' };

/** A refusal with what it is about. */
const refusal = (status: number, { code, detail, errors }: api.Refused): shapes.Problem =>
  JSON.parse(problemText(status, code, detail, errors)) as shapes.Problem;

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
          const { answer } = await turns.run(
            caller.actor,
            () => examine(needs, text, caller.area),
            signal,
          );
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
          const status = done.refused.code === 'would-break' ? 409 : 422;
          return answer(status, refusal(status, done.refused), JSON_PROBLEM);
        }),
        route(api.waiting, () => listWaiting(needs)),
        route(api.takeBack, async ({ params, audited }) => {
          const id = `${params.vendor}/${params.model}`;
          const entry = audited('take-profile-back', id);
          if (!(await needs.ownProfiles.takeBack(id, entry))) return notFound('waiting profile');
          return answer(204, null);
        }),
        route(api.sources, () => listSources(needs)),
        route(api.file, async ({ params: { vendor, model }, query }) => {
          const text = await fileOf(needs, `${vendor}/${model}`, query.of);
          if (text === null) return notFound('file of such a type');
          return answer(200, text, {
            'content-type': 'application/yaml; charset=utf-8',
            'content-disposition': `attachment; filename="${model}.yaml"`,
          });
        }),
        route(api.removal, async ({ params: { vendor, model }, caller, signal }) => {
          const look = () => removalOf(needs, `${vendor}/${model}`, caller.area);
          const found = await turns.run(caller.actor, look, signal);
          return found === null ? notFound('type that was taken in') : found.answer;
        }),
        route(api.remove, async (call) => {
          const id = `${call.params.vendor}/${call.params.model}`;
          const remove = () => removeOwn(needs, id, call);
          const done = await turns.run(call.caller.actor, remove, call.signal);
          if (done === null) return notFound('type that was taken in');
          if ('refused' in done) return answer(409, refusal(409, done.refused), JSON_PROBLEM);
          return answer(202, { profile: id, holds: 'after-restart', gateways: done.gateways });
        }),
      ],
    };
  },
});

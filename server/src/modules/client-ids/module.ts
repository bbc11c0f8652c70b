/** The module of client ids that credentials are bound to: who is bound to which, and releasing one. */
import { clientIds as api } from '@village/api';
import { formatTime, MINUTE } from '@village/core';
import { answer, type Caller, defineModule, metricGroup, notFound, route } from '@village/platform';
import type { Directory } from '@village/registry';
import type { Needs } from '../needs.ts';
import { listBindings, viewRefusals } from './list.ts';

/** How often what could not be written down is tried again. */
const AGAIN_MS = MINUTE;

/** A device or gateway of the caller's area. */
function holderFor(
  directory: Directory,
  caller: Caller,
  id: string,
): { readonly id: string; readonly kind: 'device' | 'gateway' } {
  const holder = directory.holder(id);
  if (holder === undefined || directory.area(caller.area, holder.area) === undefined)
    return notFound('client');
  return { id, kind: holder.kind };
}

export const clientIdsModule = defineModule<Needs>({
  name: 'client-ids',
  title: { zh: 'MQTT 客户端标识', en: 'MQTT client ids' },
  rights: {
    'client-ids.release': {
      title: { zh: '解除客户端标识的绑定', en: 'Release client ids' },
      roles: ['admin'],
    },
  },
  start: ({ clientIds, directory, pipeline }) => ({
    routes: [
      route(api.list, ({ caller, query }) =>
        listBindings({ clientIds, directory, pipeline }, caller, query),
      ),
      route(api.get, ({ caller, params }) => {
        const { id, kind } = holderFor(directory, caller, params.id);
        const bound = clientIds?.of(id) ?? null;
        return {
          isBound: bound !== null,
          clientId: bound?.clientId ?? null,
          boundAt: bound === null ? null : formatTime(bound.boundAt),
          ...viewRefusals({ clientIds, directory, pipeline }, kind, id),
        };
      }),
      route(api.release, async ({ caller, params, audited }) => {
        const { id } = holderFor(directory, caller, params.id);
        if ((await clientIds?.release(id, { audited })) !== true) notFound('client id');
        return answer(204, null);
      }),
    ],
    ...(clientIds === null
      ? {}
      : {
          ticks: [{ kind: 'client-ids', everyMs: AGAIN_MS, run: () => clientIds.save() }],
          metrics: [
            metricGroup(
              () => clientIds.counters,
              [
                {
                  kind: 'gauge',
                  name: 'client_ids_bound',
                  help: 'Credentials that are bound to a client id',
                  value: ({ bound }) => bound,
                },
                {
                  kind: 'gauge',
                  name: 'client_ids_unsaved',
                  help: 'Of these, those that are not written down yet',
                  value: ({ unsaved }) => unsaved,
                },
              ],
            ),
          ],
        }),
  }),
});

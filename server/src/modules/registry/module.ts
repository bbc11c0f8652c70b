/** The module of the registry: areas, device types and devices, their states, and imports of them. */
import * as api from '@village/api';
import { DEVICE_STATES, MINUTE, SECOND } from '@village/core';
import {
  type AnyRoute,
  answer,
  type Call,
  cursorOf,
  defineModule,
  metricGroup,
  openCursor,
  pageByKey,
  problem,
  route,
} from '@village/platform';
import { encodingOf, registryStore, VERSION_CHANNEL } from '@village/registry';
import { areaFor, deviceFor } from '../../http/query.ts';
import { streamed } from '../../http/streamed.ts';
import { viewProfile } from '../../http/view-profile.ts';
import {
  viewArea,
  viewBound,
  viewClock,
  viewDevice,
  viewLatest,
  viewRefusal,
  viewRefusedByGateway,
  viewRefusedPart,
} from '../../http/views.ts';
import type { Needs } from '../needs.ts';
import { listDevices } from './device-list.ts';
import { lifecycleRoutes, originOf } from './lifecycle.ts';
import { mapRoutes } from './map.ts';
import { registrationRoutes } from './registration.ts';

/** How often it is looked whether what is stored is newer than the directory: what it holds may be rights taken away. */
const RELOAD_MS = 2 * SECOND;
/** Several changes that come together are read together. */
const HEARD_MS = 100;

function areaRoutes({ directory, sending }: Needs): AnyRoute[] {
  return [
    route(api.areas.list, (call) => {
      const { caller, query } = call;
      const { level, parent, state = 'in-service', limit = 1000, cursor } = query;
      const after = (openCursor(cursor, ['string'])?.[0] as string | undefined) ?? '';
      const nodes = directory
        .below(caller.area)
        .filter(
          ({ area }) =>
            (state === 'all' || (state === 'retired') === (area.retiredAt !== null)) &&
            (level === undefined || area.level === level) &&
            (parent === undefined || area.parent === parent) &&
            area.path > after,
        );
      const items = nodes.slice(0, limit);
      const last = items.at(-1);
      const next = last === undefined || nodes.length <= limit ? null : cursorOf(last.area.path);
      return streamed(call, sending, { fields: { next }, items, view: viewArea });
    }),
    route(api.areas.get, ({ caller, params }) => viewArea(areaFor(directory, caller, params.code))),
  ];
}

function deviceRoutes({
  directory,
  latest,
  profiles,
  pipeline,
  clientIds,
  sending,
}: Needs): AnyRoute[] {
  return [
    route(api.devices.profiles, ({ query }) => {
      const { items, next } = pageByKey([...profiles.values()], ({ id }) => id, query);
      return { items: items.map(viewProfile), next };
    }),
    route(api.devices.list, (call) => listDevices({ directory, latest, sending }, call)),
    route(api.devices.get, ({ caller, params }) => {
      const entry = deviceFor(directory, caller, params.id);
      const { id, gateway } = entry.device;
      const told = gateway === null ? undefined : pipeline.gateways().get(gateway)?.refused;
      const byGateway = viewRefusedByGateway(told, id).map(({ device, ...refusal }) => refusal);
      const refusals = [
        ...pipeline.notTaken({ kind: 'device', id }).map(viewRefusal),
        ...pipeline.notTakenParts(id).map(viewRefusedPart),
        ...byGateway,
      ].sort((one, other) => other.lastAt.localeCompare(one.lastAt));
      const clock = pipeline.clockOf(id);
      return {
        ...viewDevice(entry, latest),
        ...viewBound(clientIds?.of(id) ?? null),
        ...(clock === null ? {} : { clock: viewClock(clock) }),
        ...(refusals.length === 0 ? {} : { refusals }),
      };
    }),
    route(api.devices.latest, ({ caller, params }) =>
      viewLatest(deviceFor(directory, caller, params.id), latest),
    ),
  ];
}

function importRoutes({ imports }: Needs): AnyRoute[] {
  const importOf = async (
    what: 'areas' | 'devices',
    {
      body,
      query,
      contentType,
      caller,
      audited,
      signal,
    }: Pick<
      Call<typeof api.areas.importFile>,
      'body' | 'query' | 'contentType' | 'caller' | 'audited' | 'signal'
    >,
  ) => {
    if (!Buffer.isBuffer(body))
      return problem(415, 'unsupported-content-type', 'send the file as text/csv');
    const [, charset = ''] = /;\s*charset="?([^\s;"]+)/i.exec(contentType) ?? [];
    const file = { content: body, encoding: query.encoding ?? encodingOf(charset), signal };
    const result = await imports[what](file, caller.area, originOf({ caller, audited }));
    return result.faults.length > 0 ? answer(422, result) : answer(200, result);
  };
  return [
    route(api.areas.importFile, (call) => importOf('areas', call)),
    route(api.devices.importFile, (call) => importOf('devices', call)),
  ];
}

/** Keeps what gateways said last over a restart; only what was said since the last time is written. */
async function saveGateways(
  { pipeline, directory, relational }: Needs,
  saved: Map<string, number>,
): Promise<void> {
  for (const state of pipeline.gateways().values()) {
    // A gateway that was never registered has no row to hang its status on.
    if (saved.get(state.id) === state.at) continue;
    if (directory.holder(state.id)?.kind !== 'gateway') continue;
    await registryStore(relational).saveGatewayStatus({
      gateway: state.id,
      online: state.online,
      at: state.at,
      body: { ...state },
    });
    saved.set(state.id, state.at);
  }
}

const looks = ['clerk', 'officer', 'admin'] as const;

/** Other processes over the same database tell of their changes. */
function listenForChanges({
  relational,
  directory,
  timer,
  clock,
  failed,
}: Needs): () => Promise<void> {
  let waiting = false;
  return relational.listen(VERSION_CHANNEL, () => {
    if (waiting) return;
    waiting = true;
    timer
      .sleep(HEARD_MS)
      .then(() => {
        waiting = false;
        return directory.reload(clock());
      })
      .catch((error: unknown) => failed('directory', error));
  });
}

export const registryModule = defineModule<Needs>({
  name: 'registry',
  title: { zh: '区域与设备', en: 'Areas and devices' },
  rights: {
    'areas.read': { title: { zh: '查看区域', en: 'See areas' }, roles: looks },
    'devices.read': { title: { zh: '查看设备', en: 'See devices' }, roles: looks },
    'areas.import': { title: { zh: '导入区域', en: 'Import areas' }, roles: ['admin'] },
    'devices.import': { title: { zh: '导入设备', en: 'Import devices' }, roles: ['admin'] },
  },
  start: (needs) => {
    const { directory, clock } = needs;
    const saved = new Map<string, number>();
    const stopListening = listenForChanges(needs);
    return {
      routes: [
        ...areaRoutes(needs),
        ...deviceRoutes(needs),
        ...importRoutes(needs),
        ...lifecycleRoutes(needs),
        ...mapRoutes(needs),
        ...registrationRoutes(needs),
      ],
      ticks: [
        { kind: 'directory', everyMs: RELOAD_MS, run: () => directory.reload(clock()) },
        { kind: 'gateways', everyMs: MINUTE, run: () => saveGateways(needs, saved) },
      ],
      close: stopListening,
      metrics: [
        metricGroup(
          () => directory.tops().map((top) => directory.counts(top)),
          [
            {
              kind: 'gauge',
              name: 'devices',
              help: 'Devices by state',
              labels: ['state'],
              value: (tops) =>
                DEVICE_STATES.map((state) => [
                  { state },
                  tops.reduce((sum, counts) => sum + (counts?.[state] ?? 0), 0),
                ]),
            },
          ],
        ),
      ],
    };
  },
});

/** The module of the platform itself: how its parts stand, their metrics, and the archive's work at night. */

import * as api from '@village/api';
import { formatTime } from '@village/core';
import type { GatewayState } from '@village/ingest';
import { defineModule, nightly, route } from '@village/platform';
import { registryStore } from '@village/registry';
import type { TimeSeriesStore } from '@village/store/time-series';
import { sequencesOf } from '../../http/views.ts';
import type { Needs, Tools } from '../needs.ts';
import { proveArchive } from './check-archive.ts';
import {
  brokerMetrics,
  gatewayMetrics,
  pipelineMetrics,
  relationalMetrics,
  storeMetrics,
} from './metrics.ts';

/** The counters under the names that the interface gave them; of files only where there are any, no zeros in their place. */
function viewStore({ keepsFiles, counters }: TimeSeriesStore): api.system.System['store'] {
  const { flushes, flushFailures, rowsFlushed, rowsInMemtable, ...same } = counters();
  const { deadLetters, deadLettersDropped, ...more } = same;
  const { archiveBytes, filesUnreadable, ...rest } = more;
  const ofFiles = {
    archiveBytes,
    filesUnreadable,
    seals: flushes,
    sealFailures: flushFailures,
    rowsSealed: rowsFlushed,
    rowsHot: rowsInMemtable,
  };
  return {
    ...rest,
    ...(keepsFiles ? ofFiles : {}),
    quarantined: deadLetters,
    quarantineDropped: deadLettersDropped,
  };
}

/** What gateways said before the last restart. */
async function rememberedGateways({ relational }: Needs): Promise<Map<string, GatewayState>> {
  const remembered = new Map<string, GatewayState>();
  // We wrote it ourselves, from a checked status.
  for (const { gateway, body } of await registryStore(relational).gatewayStatuses())
    remembered.set(gateway, { ...(body as unknown as GatewayState), online: false });
  return remembered;
}

function viewSystem(
  { store, broker, pipeline, directory, backups }: Needs,
  remembered: ReadonlyMap<string, GatewayState>,
): api.system.System {
  const heard = pipeline.gateways();
  const gateways = directory.tops().flatMap((top) => directory.gateways(top));
  const { last } = backups;
  return {
    store: viewStore(store),
    broker: { ...broker.counters() },
    pipeline: { ...pipeline.counters() },
    gateways: gateways.map(({ id, name }) => {
      const state = heard.get(id) ?? remembered.get(id);
      return {
        id,
        name,
        online: state?.online ?? false,
        at: state === undefined ? null : formatTime(state.at),
        version: state?.version ?? null,
        waiting: state?.waiting ?? null,
        dropped: { ...state?.dropped },
        sequences: sequencesOf(store, id),
      };
    }),
    backup: last === null ? null : { ...last, startedAt: formatTime(last.startedAt) },
  };
}

async function tidyArchive({ store, config, clock, log }: Needs): Promise<void> {
  const { compacted } = await store.compact(clock());
  log.info({ compacted }, 'archive compacted');
  const { retention } = config.store;
  if (retention === undefined) return;
  const { files } = await store.retain(clock() - retention);
  log.info({ files }, 'old archive files deleted');
}

export const systemModule = defineModule<Needs, Tools>({
  name: 'system',
  title: { zh: '系统', en: 'System' },
  rights: {
    'system.read': {
      title: { zh: '查看系统状态', en: 'See how the system stands' },
      roles: ['admin'],
    },
  },
  commands: [proveArchive],
  start: async (needs) => {
    const { store, relational, failed } = needs;
    const remembered = await rememberedGateways(needs);
    return {
      routes: [route(api.system.get, () => viewSystem(needs, remembered))],
      jobs: [
        {
          kind: 'archive',
          title: { zh: '整理历史数据', en: 'Compact the archive and delete what is too old' },
          schedule: nightly(),
          run: () => tidyArchive(needs),
        },
      ],
      metrics: [
        storeMetrics(needs),
        brokerMetrics(needs),
        pipelineMetrics(needs),
        gatewayMetrics(needs),
        relationalMetrics(needs),
      ],
      health: async () => {
        const faults = store.commitFault === null ? [] : ['the log can not be written'];
        try {
          await registryStore(relational).roots();
        } catch (error) {
          failed('health', error);
          faults.push(`the relational store does not answer: ${(error as { code?: string }).code}`);
        }
        return faults;
      },
    };
  },
});

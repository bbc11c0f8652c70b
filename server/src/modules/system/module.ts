/** The module of the platform itself: how its parts stand, their metrics, and the archive's work at night. */

import * as api from '@village/api';
import { daysLeft } from '@village/broker/transport';
import { type ClockFault, formatTime, SECOND } from '@village/core';
import type { GatewayState } from '@village/ingest';
import { defineModule, nightly, route } from '@village/platform';
import { type ListedGateway, registryStore } from '@village/registry';
import type { TimeSeriesStore } from '@village/store/time-series';
import { configurationAsItHolds } from '../../config/holds.ts';
import { isOnline, rememberedGateways } from '../../http/gateway-standing.ts';
import { streamed } from '../../http/streamed.ts';
import {
  sequencesOf,
  viewBound,
  viewClock,
  viewRefusal,
  viewRefusedByGateway,
} from '../../http/views.ts';
import type { Needs, Tools } from '../needs.ts';
import { proveArchive } from './check-archive.ts';
import { disksOf } from './disks.ts';
import {
  brokerMetrics,
  fairMetrics,
  gatewayMetrics,
  pipelineMetrics,
  relationalMetrics,
  storeMetrics,
} from './metrics.ts';

const LOOK_MS = 10 * SECOND;

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

type GatewayView = api.system.System['gateways'][number];

/** How each gateway is told. */
function gatewayView(
  { store, pipeline, clientIds }: Needs,
  remembered: ReadonlyMap<string, GatewayState>,
): (gateway: ListedGateway) => GatewayView {
  const heard = pipeline.gateways();
  return ({ id, name }) => {
    const state = heard.get(id) ?? remembered.get(id);
    const spoke = pipeline.gatewayHeard(id);
    const refusals = [
      ...pipeline.notTaken({ kind: 'gateway', id }).map(viewRefusal),
      ...viewRefusedByGateway(state?.refused),
    ].sort((one, other) => other.lastAt.localeCompare(one.lastAt));
    const clockOf = pipeline.clockOfGateway(id);
    return {
      id,
      name,
      ...(clockOf === null ? {} : { clock: viewClock(clockOf) }),
      online: isOnline(state, spoke),
      at: state === undefined ? null : formatTime(state.at),
      heardAt: spoke === null ? null : formatTime(spoke.at),
      version: state?.version ?? null,
      waiting: state?.waiting ?? null,
      dropped: { ...state?.dropped },
      sequences: sequencesOf(store, id),
      // What was remembered by an earlier version lacks it.
      refusedLane: state?.refusedLane ?? null,
      ...viewBound(clientIds?.of(id) ?? null),
      ...(refusals.length === 0 ? {} : { refusals }),
    };
  };
}

/** Everything but the gateways. */
async function viewSystem(needs: Needs): Promise<Omit<api.system.System, 'gateways'>> {
  const { store, broker, pipeline, backups, certificates, clock } = needs;
  const { last } = backups;
  return {
    store: viewStore(store),
    broker: { ...broker.counters() },
    pipeline: { ...pipeline.counters() },
    certificates: certificates.states().map(({ setting, subject, validTo, fault }) => ({
      setting,
      subject,
      validTo: formatTime(validTo),
      daysLeft: daysLeft(validTo, clock()),
      fault,
    })),
    clockFault: pipeline.clockFault,
    now: formatTime(clock()),
    disks: await disksOf(needs),
    backup: last === null ? null : { ...last, startedAt: formatTime(last.startedAt) },
  };
}

const CLOCK_FAULT_TEXTS: Readonly<Record<ClockFault, string>> = {
  'clock-not-set':
    '本机时钟没有设好，设好之前不接收任何数据；设好后自动恢复，不必重启 · the clock of this machine is not set; nothing is taken in until it is',
  'clock-behind-stored':
    '本机时钟比已存的数据落后数年，校正之前不接收任何数据（确实无误时用 clock.trust 说明） · the clock of this machine is years behind what is stored; nothing is taken in until it is set (or clock.trust says that it is right)',
  'clock-ahead-of-stored':
    '本机时钟比最后所存的数据超前数年，校正之前不接收任何数据（确实无误时用 clock.trust 说明） · the clock of this machine is years ahead of what was stored last; nothing is taken in until it is set (or clock.trust says that it is right)',
  'clock-ahead-of-others':
    '本机时钟比设备和网关的时钟超前数年，校正之前不接收任何数据（确实无误时用 clock.trust 说明） · the clock of this machine is years ahead of those of devices and gateways; nothing is taken in until it is set (or clock.trust says that it is right)',
};

/** Says in the log when the clock becomes wrong, and when it is right again. */
function clockTeller({ pipeline, log }: Needs): () => void {
  let told: ClockFault | null = null;
  return () => {
    const { clockFault } = pipeline;
    if (clockFault === told) return;
    told = clockFault;
    if (clockFault === null)
      log.info('本机时钟已恢复正常 · the clock of this machine is right again');
    else log.error({ code: clockFault }, CLOCK_FAULT_TEXTS[clockFault]);
  };
}

async function tidyArchive({ store, config, clock, ages, log }: Needs): Promise<void> {
  const { compacted } = await store.compact(clock());
  log.info({ compacted }, 'archive compacted');
  const { retention } = config.store;
  if (retention === undefined) return;
  const { files } = await store.retain(ages.before(retention));
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
    const { store, relational, pipeline, directory, sending, config, failed } = needs;
    const configuration = { path: config.origin.path, items: configurationAsItHolds(config) };
    const remembered = await rememberedGateways(needs.relational);
    const tellClock = clockTeller(needs);
    tellClock();
    return {
      routes: [
        route(api.system.get, async (call) => {
          const fields = await viewSystem(needs);
          const items = directory.tops().flatMap((top) => directory.gateways(top));
          const view = gatewayView(needs, remembered);
          return streamed(call, sending, { fields, list: 'gateways', items, view });
        }),
        route(api.system.configuration, () => configuration),
      ],
      jobs: [
        {
          kind: 'archive',
          title: { zh: '整理历史数据', en: 'Compact the archive and delete what is too old' },
          schedule: nightly(),
          run: () => tidyArchive(needs),
        },
      ],
      ticks: [{ kind: 'own-clock', everyMs: LOOK_MS, run: async () => tellClock() }],
      metrics: [
        storeMetrics(needs),
        brokerMetrics(needs),
        pipelineMetrics(needs),
        fairMetrics(needs),
        gatewayMetrics(needs),
        relationalMetrics(needs),
      ],
      health: async () => {
        const faults = store.commitFault === null ? [] : ['the log can not be written'];
        const { clockFault } = pipeline;
        if (clockFault !== null) faults.push(`${clockFault}: ${CLOCK_FAULT_TEXTS[clockFault]}`);
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

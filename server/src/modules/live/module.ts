/** The module of live views: the overview, and what changes as server-sent events. */
import * as api from '@village/api';
import { SECOND } from '@village/core';
import { defineModule, metricGroup, route, takeOver } from '@village/platform';
import type { DeviceEntry } from '@village/registry';
import type { ChangedAlert } from '@village/rules';
import { areaFor, deviceFor } from '../../http/query.ts';
import { areasNow, viewAlert } from '../../http/view-alert.ts';
import { viewLatest } from '../../http/views.ts';
import type { Needs } from '../needs.ts';
import type { LiveAlert, ToldAlerts } from './audience.ts';
import { LiveHub } from './hub.ts';
import { overviewRoute } from './overview.ts';

/** With the names that everybody knows who sees its subject; null where that stands nowhere. */
function liveAlert(needs: Needs, alert: ChangedAlert): LiveAlert | null {
  const areas = areasNow(needs, alert);
  const area = areas.at(-1);
  if (area === undefined) return null;
  const device = alert.subject_kind === 'device' ? alert.subject : null;
  const text = JSON.stringify(viewAlert(needs, area, alert, needs.clock()));
  return { id: alert.id, device, areas, text };
}

export const liveModule = defineModule<Needs>({
  name: 'live',
  title: { zh: '实时', en: 'Live views' },
  start: (needs) => {
    const { directory, latest, config, clock, pipeline, corrections, failed, rights } = needs;
    const corrected = new Set<string>();
    corrections.onChange((devices) => {
      for (const id of devices) corrected.add(id);
    });
    const takeCorrected = (): Set<DeviceEntry> => {
      const entries = [...corrected].flatMap((id) => directory.known(id) ?? []);
      corrected.clear();
      return new Set(entries);
    };
    const takeAlerts = (): ToldAlerts => {
      const { alerts, more } = needs.alertFeed.take();
      return { alerts: alerts.flatMap((one) => liveAlert(needs, one) ?? []), more };
    };
    const hub = new LiveHub({
      clientsMax: config.limits.liveClients,
      latest: (id) => {
        const entry = directory.known(id);
        return entry === undefined ? null : JSON.stringify(viewLatest(entry, latest));
      },
      isIn: (id, area) => directory.entry(area, id) !== undefined,
      failed: (error) => failed('live-rights', error),
    });
    const follow = route(api.live.follow, ({ caller, query, mayStill }) => {
      const { area, device } = query;
      const { code } = areaFor(directory, caller, area).area;
      if (device !== undefined) deviceFor(directory, caller, device);
      hub.check(caller.actor);
      const watch = {
        asker: caller.actor,
        node: () => directory.area(caller.area, code),
        device: device ?? null,
        sees: (id: string) => directory.entry(caller.area, id) !== undefined,
        seesAlerts: rights.of(caller.role, directory.isTop(caller.area)).includes('alerts.read'),
        mayWatch: mayStill,
      };
      return takeOver((response, headers) => hub.add(response, watch, headers));
    });
    return {
      routes: [overviewRoute(needs), follow],
      ticks: [
        {
          kind: 'states',
          everyMs: SECOND,
          run: () =>
            hub.tick(directory.tick(clock(), pipeline.takeStored()), takeCorrected(), takeAlerts()),
        },
      ],
      metrics: [
        metricGroup(
          () => hub.counters(),
          [
            {
              kind: 'counter',
              name: 'live_closed_slow_total',
              help: 'Live streams closed as too slow',
              value: ({ closedSlow }) => closedSlow,
            },
            {
              kind: 'counter',
              name: 'live_closed_revoked_total',
              help: 'Live streams closed because their caller may watch no longer',
              value: ({ closedRevoked }) => closedRevoked,
            },
            {
              kind: 'gauge',
              name: 'live_clients',
              help: 'Open live streams',
              value: ({ clients }) => clients,
            },
          ],
        ),
      ],
      drain: () => hub.close(),
    };
  },
});

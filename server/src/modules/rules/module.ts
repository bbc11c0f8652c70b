/** The module of rules and alerts: the reader that finds them, what people see of them and do with them. */
import { randomInt } from 'node:crypto';
import { join } from 'node:path';
import { SECOND } from '@village/core';
import { defineModule } from '@village/platform';
import { registryStore } from '@village/registry';
import {
  alertMigrations,
  countBySeverity,
  Handling,
  Keeper,
  limitsOf,
  RULES,
  RulesReader,
  Snapshots,
  Subjects,
} from '@village/rules';
import type { Needs } from '../needs.ts';
import { alertMetrics, type Counted } from './metrics.ts';
import { alertRoutes } from './routes.ts';

/** How often it is looked whether something was put aside for long enough. */
const SHELVED_MS = 5 * SECOND;
/** How often the place of the reader is put down when nothing comes, and how often open alerts are counted. */
const PLACE_MS = 2 * SECOND;
const COUNT_MS = 5 * SECOND;
/** Of the data folder; what is in it can be done without. */
const SNAPSHOTS_FOLDER = 'rules';

export const rulesModule = defineModule<Needs>({
  name: RULES,
  title: { zh: '告警', en: 'Alerts' },
  migrations: alertMigrations,
  rights: {
    'alerts.read': {
      title: { zh: '查看告警', en: 'See alerts' },
      roles: ['clerk', 'officer', 'admin'],
    },
    'alerts.acknowledge': {
      title: { zh: '确认收到告警、填写备注', en: 'Acknowledge alerts and comment on them' },
      roles: ['clerk', 'officer', 'admin'],
    },
    'alerts.handle': {
      title: { zh: '指派、搁置告警', en: 'Assign alerts and put them aside' },
      roles: ['officer', 'admin'],
    },
    'alerts.verdict': {
      title: { zh: '判定告警属实或误报', en: 'Say whether alerts were right' },
      roles: ['officer', 'admin'],
    },
  },
  start: (needs) => {
    const { relational, clock, alertFeed, failed } = needs;
    const handling = new Handling({ relational, clock, changed: alertFeed.note });
    const keeper = new Keeper({ engine: relational.engine, random });
    const reader = readerOf(needs, keeper);
    let open: Counted['open'] = {};
    return {
      routes: alertRoutes(needs, handling),
      readers: [reader],
      ticks: [
        {
          kind: 'alerts-shelved',
          everyMs: SHELVED_MS,
          run: async () => {
            await handling.endShelving();
          },
        },
        { kind: 'alerts-place', everyMs: PLACE_MS, run: () => reader.putWhenDue() },
        {
          kind: 'alerts-open',
          everyMs: COUNT_MS,
          run: async () => {
            open = await countBySeverity(relational);
          },
        },
      ],
      metrics: [alertMetrics(() => ({ open, keeper: keeper.counters, reader }))],
      // What can't be kept now is read again after the next start.
      close: () => reader.stop().catch((error: unknown) => failed('rules-stop', error)),
    };
  },
});

/** By chance, so that nobody guesses a code. */
const random = (): number => randomInt(2 ** 32) / 2 ** 32;

function readerOf(needs: Needs, keeper: Keeper): RulesReader {
  const { config, store, relational, directory, timer, failed, log, alertFeed } = needs;
  return new RulesReader({
    ...{ store, relational, timer, keeper, failed },
    rules: needs.rules.set,
    limitOf: limitsOf(needs.standards),
    subjects: new Subjects({ directory, relational, now: timer.now }),
    snapshots: new Snapshots({
      ...{ folder: join(config.data, SNAPSHOTS_FOLDER), journal: store.id },
      unusable: (error) => failed('rules-snapshot', error),
    }),
    heardAt: (id) => directory.known(id)?.lastSeenAt ?? null,
    gateways: () => registryStore(relational).gatewayStatuses(),
    changed: alertFeed.note,
    log: (message, detail) => log.warn(detail, message),
  });
}

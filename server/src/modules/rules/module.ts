/** The module of rules and alerts: what people see of alerts and do with them. */
import { SECOND } from '@village/core';
import { defineModule } from '@village/platform';
import { alertMigrations, Handling, RULES } from '@village/rules';
import type { Needs } from '../needs.ts';
import { alertRoutes } from './routes.ts';

/** How often it is looked whether something was put aside for long enough. */
const SHELVED_MS = 5 * SECOND;

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
    const { relational, clock, alertFeed } = needs;
    const handling = new Handling({ relational, clock, changed: alertFeed.note });
    return {
      routes: alertRoutes(needs, handling),
      ticks: [
        {
          kind: 'alerts-shelved',
          everyMs: SHELVED_MS,
          run: async () => {
            await handling.endShelving();
          },
        },
      ],
    };
  },
});

/** The module of people and machines: accounts, rights, tokens and the audit log, each admin within their own area. */
import * as api from '@village/api';
import { type AnyRoute, defineModule, metricGroup, nightly, route } from '@village/platform';
import type { Needs, Tools } from '../needs.ts';
import { auditFileRoute, auditRoute, trimAudit } from './audit.ts';
import { resetPassword } from './reset-password.ts';
import { tokenRoutes } from './tokens.ts';
import { userRoutes } from './users.ts';

/** Which role holds which right, of the modules that are there. */
const rightsRoute = ({ rights }: Needs): AnyRoute =>
  route(api.rights.list, () => ({
    items: rights.listed.map(({ module, title, rights: all }) => ({
      module,
      title,
      rights: all.map(({ roles, ...right }) => ({ ...right, roles: [...roles] })),
    })),
  }));

export const peopleModule = defineModule<Needs, Tools>({
  name: 'people',
  title: { zh: '用户与审计', en: 'People and audit' },
  rights: {
    'users.manage': { title: { zh: '管理用户', en: 'Manage users' }, roles: ['admin'] },
    'tokens.manage': { title: { zh: '管理令牌', en: 'Manage tokens' }, roles: ['admin'] },
    'audit.read': { title: { zh: '查看审计日志', en: 'See the audit log' }, roles: ['admin'] },
  },
  commands: [resetPassword],
  start: (needs) => {
    let trimmed = 0;
    return {
      routes: [
        ...[...userRoutes(needs), rightsRoute(needs), ...tokenRoutes(needs)],
        ...[auditRoute(needs), auditFileRoute(needs)],
      ],
      jobs: [
        {
          kind: 'audit',
          title: { zh: '清理旧审计记录', en: 'Delete old audit entries' },
          schedule: nightly(),
          run: async () => {
            const before = needs.ages.before(needs.config.audit.retention);
            trimmed += await trimAudit(needs.relational, before, needs.log);
          },
        },
      ],
      metrics: [
        metricGroup(
          () => trimmed,
          [
            {
              kind: 'counter',
              name: 'audit_trimmed_total',
              help: 'Old audit entries deleted',
              value: (count) => count,
            },
          ],
        ),
      ],
    };
  },
});

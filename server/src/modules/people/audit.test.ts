import { DAY } from '@village/core';
import { openRelational } from '@village/store/relational';
import { describe, expect, it } from 'vitest';
import { relationalModules } from '../../relational-modules.ts';
import { trimAudit } from './audit.ts';

describe('the audit log', () => {
  it('loses what is older than it is kept, counts that, and says so itself', async () => {
    let now = Date.UTC(2020, 0, 1);
    const clock = () => now;
    const relational = await openRelational({
      modules: relationalModules(),
      file: ':memory:',
      clock,
    });
    const logged: unknown[] = [];
    const log = { info: (detail: unknown) => logged.push(detail) };
    const write = (action: string) =>
      relational.audit.append({
        actor: 'a',
        address: '',
        action,
        target: '',
        outcome: 'done',
        detail: {},
      });
    const trim = () => trimAudit(relational, clock() - 365 * DAY, log);
    await write('first');
    await write('second');
    now += 100 * DAY;
    await write('third');
    expect([await trim(), logged]).toEqual([0, []]);
    now += 266 * DAY;
    expect([await trim(), logged]).toEqual([2, [{ deleted: 2 }]]);
    const left = await relational.audit.list({ limit: 9 });
    expect(left.map(({ action, detail }) => [action, detail['deleted']])).toEqual([
      ['trim-audit', 2],
      ['third', undefined],
    ]);
    await relational.close();
  });
});

import { DAY, HOUR } from '@village/core';
import { openRelational } from '@village/store/relational';
import { describe, expect, it } from 'vitest';
import { trimAudit, untilNight } from './maintenance.ts';
import { relationalModules } from './relational-modules.ts';

describe('nights', () => {
  it('are Beijing nights, never now', () => {
    const two = Date.UTC(2026, 0, 1, 18);
    expect(untilNight(two)).toBe(DAY);
    expect(untilNight(two - 1)).toBe(1);
    expect(untilNight(two + HOUR)).toBe(23 * HOUR);
  });
});

describe('the audit log', () => {
  it('loses what is older than it is kept, counts that, and says so itself', async () => {
    let now = Date.UTC(2020, 0, 1);
    const clock = () => now;
    const relational = await openRelational({
      modules: relationalModules,
      file: ':memory:',
      clock,
    });
    const trimmed = { audit: 0 };
    const context = { relational, clock, trimmed, config: { audit: { retention: 365 * DAY } } };
    const told: unknown[] = [];
    const log = { info: (detail: unknown) => told.push(detail) };
    const write = (action: string) =>
      relational.audit.append({
        actor: 'a',
        address: '',
        action,
        target: '',
        outcome: 'done',
        detail: {},
      });
    await write('first');
    await write('second');
    now += 100 * DAY;
    await write('third');
    await trimAudit(context, log);
    expect([trimmed.audit, told]).toEqual([0, []]);
    now += 266 * DAY;
    await trimAudit(context, log);
    expect([trimmed.audit, told]).toEqual([2, [{ deleted: 2 }]]);
    const left = await relational.audit.list({ limit: 9 });
    expect(left.map(({ action, detail }) => [action, detail['deleted']])).toEqual([
      ['trim-audit', 2],
      ['third', undefined],
    ]);
    await relational.close();
  });
});

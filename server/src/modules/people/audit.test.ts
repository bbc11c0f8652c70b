import { DAY } from '@village/core';
import { openRelational } from '@village/store/relational';
import { describe, expect, it } from 'vitest';
import { relationalModules } from '../../relational-modules.ts';
import { NORTH, PASSWORD, startCounty } from '../../testing.ts';
import { fileOf, trimAudit } from './audit.ts';

const lines = (text: string): string[] => text.trimEnd().split('\r\n');

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
  it('is saved as a file, filtered, with what a spreadsheet would run made harmless, by who may', async () => {
    const test = await startCounty();
    try {
      const admin = await test.client('admin');
      const send = (name: string) =>
        admin.ask('PUT', `/users/${name}`, {
          ...{ displayName: '=1+1', role: 'officer', area: NORTH, password: PASSWORD },
        });
      expect([(await send('wang')).statusCode, (await send('li')).statusCode]).toEqual([200, 200]);
      const file = await admin.ask('GET', '/audit/file?action=save-user&q=wang');
      expect([file.statusCode, file.headers['content-type']]).toEqual([
        200,
        'text/csv; charset=utf-8',
      ]);
      const [head, ...rows] = lines(file.body);
      expect(head).toBe('\ufeffid,at,actor,address,action,target,outcome,detail');
      expect(rows).toHaveLength(1);
      expect(rows[0]).toMatch(/^\d+,2\d{3}-.*Z,admin,[^,]*,save-user,wang,done,"\{""/);
      const taken = await admin.get<{ items: { detail: unknown }[] }>('/audit?action=export-audit');
      expect(taken.items.map(({ detail }) => detail)).toEqual([{ action: 'save-user', q: 'wang' }]);
      const wang = await test.client('wang');
      expect((await wang.ask('GET', '/audit/file')).statusCode).toBe(403);
      expect((await admin.ask('GET', '/audit/file?limit=3')).statusCode).toBe(400);
    } finally {
      await test.close();
    }
  });

  it('says in its last line when there is more than a file holds, and stops with its asker', async () => {
    const relational = await openRelational({
      ...{ modules: relationalModules(), file: ':memory:', clock: () => Date.UTC(2026, 0, 1) },
    });
    const entry = (target: string) => ({
      ...{ actor: '@a', address: '', action: 'x', target, outcome: 'done' as const, detail: {} },
    });
    for (const target of ['first', 'a "b", c', 'third'])
      await relational.audit.append(entry(target));
    const over = new AbortController();
    const all = async (most: number): Promise<string[]> => {
      const pieces: string[] = [];
      for await (const piece of fileOf(relational, {}, most, over.signal)) pieces.push(piece);
      return lines(pieces.join('')).slice(1);
    };
    const at = '2026-01-01T00:00:00Z';
    expect(await all(2)).toEqual([
      `3,${at},'@a,,x,third,done,{}`,
      `2,${at},'@a,,x,"a ""b"", c",done,{}`,
      `more,${at},,,,,,`,
    ]);
    expect(await all(3)).toHaveLength(3);
    over.abort(new Error('gone'));
    await expect(all(3)).rejects.toThrow('gone');
    await relational.close();
  });
});

/** Alerts over HTTP: who sees which, what each may do with them, what is refused, and what pages that watch are told. */
import type { alerts as api } from '@village/api';
import { DAY, formatTime, HOUR, MINUTE, seededRandom } from '@village/core';
import { Keeper, type RuleSet, readRules, type ToldTransition } from '@village/rules';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Client,
  COUNTY,
  listen,
  NORTH,
  NORTH_VILLAGE,
  PASSWORD,
  rulesFollow,
  SOUTH,
  SOUTH_VILLAGE,
  startCounty,
  type TestServer,
  until,
} from '../../testing.ts';

type Alert = api.Alert;
type Detail = api.AlertDetail;

const RULES = `
apiVersion: rules/v1
kind: RuleSet
metadata: { name: test }
rules:
  - id: ph-high
    title: { zh: pH 过高, en: pH high }
    scope: { kind: water-quality }
    input: { value: ph }
    levels: [{ severity: major, when: value > 9 }]
`;
const rules = readRules(RULES, { file: 'test.yaml' }).set as RuleSet;

let test: TestServer;
let start: number;
const clients = new Map<string, Client>();
const as = (name: string): Client => clients.get(name) as Client;
let keeper: Keeper;

beforeAll(async () => {
  test = await startCounty(undefined, { rules });
  await rulesFollow(test);
  const admin = await test.client('admin');
  for (const [name, area, role] of [
    ['clerk', NORTH, 'clerk'],
    ['officer', NORTH, 'officer'],
    ['other', NORTH, 'officer'],
  ] as const) {
    const user = { displayName: name, role, area, password: PASSWORD };
    expect((await admin.ask('PUT', `/users/${name}`, user)).statusCode).toBe(200);
  }
  for (const name of ['admin', 'north', 'south', 'village', 'clerk', 'officer', 'other'])
    clients.set(name, await test.client(name));
  start = test.timer.now() - DAY;
  keeper = new Keeper({ engine: test.server.relational.engine, random: seededRandom('alerts') });
}, 60_000);
afterAll(() => test.close());

const lines: Readonly<Record<string, readonly string[]>> = {
  'north-ph': [COUNTY, NORTH, NORTH_VILLAGE],
  'north-air': [COUNTY, NORTH, NORTH_VILLAGE],
  'south-ph': [COUNTY, SOUTH, SOUTH_VILLAGE],
  'gw-north': [COUNTY, NORTH],
  [SOUTH]: [COUNTY, SOUTH],
};

/** What the engine would tell of a subject, so many minutes after the start. */
async function tell(
  kind: ToldTransition['transition']['kind'],
  subject: string,
  minute: number,
  more: Partial<ToldTransition['transition']> = {},
): Promise<string> {
  const at = start + minute * MINUTE;
  const subjectKind = subject.startsWith('gw') ? 'gateway' : subject === SOUTH ? 'area' : 'device';
  const told: ToldTransition = {
    ...{ subjectKind, areas: lines[subject] ?? [], latch: false, at: at + 1_000 },
    transition: {
      ...{ rule: 'ph-high', subject, discriminator: '', kind, severity: 'major', at, since: at },
      ...{ value: 9.5, limit: 9, suppression: null, by: null },
      ...more,
    },
  };
  const changed = await test.server.relational.transaction(
    async (tx) => (await keeper.put(tx, [told])).changed,
  );
  return changed[0]?.id ?? '';
}

const found = async (client: Client, query = ''): Promise<string[]> =>
  (await client.get<{ items: Alert[] }>(`/alerts${query}`)).items.map(({ subject }) => subject.id);

/** Status and code of a refusal. */
async function refused(asked: Promise<{ statusCode: number; json: <T>() => T }>) {
  const answer = await asked;
  return [answer.statusCode, answer.json<{ code: string }>().code];
}

const post = (who: string, id: string, what: string, body: object = {}) =>
  as(who).ask('POST', `/alerts/${id}/${what}`, body);

describe('alerts', () => {
  it('are told with names, state and times, to whom they concern', async () => {
    const id = await tell('open', 'north-ph', 0, { since: start - 5 * MINUTE });
    const alert = await as('clerk').get<Detail>(`/alerts/${id}`);
    expect(alert).toMatchObject({
      rule: { id: 'ph-high', title: { zh: 'pH 过高', en: 'pH high' } },
      subject: { kind: 'device', id: 'north-ph', name: '北村 pH' },
      gateway: { id: 'gw-north', name: '北网关' },
      area: { code: NORTH_VILLAGE, name: { zh: '北村', en: 'North Village' } },
      areas: [COUNTY, NORTH, NORTH_VILLAGE],
      ...{ severity: 'major', worst: 'major', state: 'active', flapping: false },
      beganAt: formatTime(start - 5 * MINUTE),
      raisedAt: formatTime(start),
      openedAt: formatTime(start + 1_000),
      ...{ endedAt: null, closedAt: null, metric: 'ph', unit: '', value: 9.5, limit: 9 },
      ...{ suppression: [], acknowledged: null, verdict: null, steps: 1 },
      timeline: [{ number: 1, kind: 'opened', by: null, happenedAt: formatTime(start) }],
    });
    expect(alert.lastedSeconds).toBeGreaterThan(DAY / 1_000);
    expect(alert.code).toMatch(/^[A-Z2-9]{4,6}$/);
    // The gateway stands in the township, of which the village does not know.
    const below = await as('village').get<Detail>(`/alerts/${id}`);
    expect(below.gateway).toEqual({ id: 'gw-north', name: null });
    for (const name of ['admin', 'north', 'clerk', 'village'])
      expect(await found(as(name))).toEqual(['north-ph']);
    expect(await found(as('south'))).toEqual([]);
    expect(await refused(as('south').ask('GET', `/alerts/${id}`))).toEqual([404, 'not-found']);
    await tell('close', 'north-ph', 30, { value: 8 });
    expect(await as('clerk').get<Detail>(`/alerts/${id}`)).toMatchObject({
      ...{ state: 'ended', lastedSeconds: 35 * 60, value: 9.5 },
      endedAt: formatTime(start + 30 * MINUTE),
    });
  });

  it('of gateways and areas go to those who see them', async () => {
    const gateway = await tell('open', 'gw-north', 40, { rule: 'gone' });
    const area = await tell('open', SOUTH, 41, { rule: 'many', severity: 'critical' });
    expect(await as('north').get<Detail>(`/alerts/${gateway}`)).toMatchObject({
      rule: { id: 'gone', title: null },
      subject: { kind: 'gateway', name: '北网关' },
      ...{ gateway: null, metric: null, unit: null },
    });
    expect(await as('south').get<Detail>(`/alerts/${area}`)).toMatchObject({
      subject: { kind: 'area', id: SOUTH, name: '南镇' },
    });
    expect((await as('village').ask('GET', `/alerts/${gateway}`)).statusCode).toBe(404);
    expect((await as('north').ask('GET', `/alerts/${area}`)).statusCode).toBe(404);
    await tell('close', 'gw-north', 42, { rule: 'gone' });
    await tell('close', SOUTH, 42, { rule: 'many', severity: 'critical' });
  });

  it('are found by what is asked for, page by page', async () => {
    for (let n = 0; n < 7; n++) await tell('open', 'south-ph', 100 + n, { rule: `r${n}` });
    const admin = as('admin');
    const seen: string[] = [];
    for (let cursor = ''; ; ) {
      const page = await admin.get<{ items: Alert[]; next: string | null }>(
        `/alerts?device=south-ph&limit=3${cursor}`,
      );
      seen.push(...page.items.map(({ rule }) => rule.id));
      if (page.next === null) break;
      cursor = `&cursor=${page.next}`;
    }
    expect(seen).toEqual(['r6', 'r5', 'r4', 'r3', 'r2', 'r1', 'r0']);
    const from = formatTime(start + 101 * MINUTE);
    const to = formatTime(start + 103 * MINUTE);
    expect(await found(admin, `?from=${from}&to=${to}`)).toHaveLength(2);
    expect(await found(admin, `?state=open&area=${NORTH}`)).toEqual([]);
    expect(await found(admin, `?state=open&area=${SOUTH}&severity=critical,major`)).toHaveLength(7);
    expect(await found(admin, '?severity=critical')).toEqual([SOUTH]);
    expect(await found(admin, '?rule=r3')).toEqual(['south-ph']);
    expect(await found(admin, '?suppressed=yes')).toEqual([]);
  });

  it.each([
    ['?state=closed', 400, 'invalid-request'],
    ['?severity=bad', 400, 'invalid-request'],
    ['?severity=major,major,major,major,major', 400, 'invalid-request'],
    ['?from=yesterday-or-maybe-not', 400, 'invalid-request'],
    ['?from=2026-06-02T00:00:00Z&to=2026-06-01T00:00:00Z', 400, 'bad-time'],
    [`?area=999999999999`, 404, 'not-found'],
    ['?device=nothing', 404, 'not-found'],
    ['?device=', 400, 'invalid-request'],
    [`?device=${'x'.repeat(65)}`, 400, 'invalid-request'],
    ['?cursor=WzEsMl0', 400, 'bad-cursor'],
    ['?cursor=%00', 400, 'bad-cursor'],
    ['?limit=100000', 400, 'invalid-request'],
    ['?what=ever', 400, 'invalid-request'],
  ])('refuse %s', async (query, status, code) => {
    expect(await refused(as('admin').ask('GET', `/alerts${query}`))).toEqual([status, code]);
  });
});

describe('people', () => {
  it('acknowledge at the same time: the first holds, and the second is told by whom', async () => {
    const id = await tell('open', 'north-air', 200);
    const answers = await Promise.all([
      post('officer', id, 'acknowledge', { note: '我去看' }),
      post('other', id, 'acknowledge'),
    ]);
    const [first, second] = answers.toSorted((a, b) => a.statusCode - b.statusCode);
    expect([first?.statusCode, second?.statusCode]).toEqual([200, 409]);
    const by = first?.json<Detail>().acknowledged?.by as string;
    expect(second?.json<{ detail: string; code: string }>()).toMatchObject({
      code: 'already-acknowledged',
      detail: expect.stringMatching(new RegExp(`^${by} acknowledged it at 2`)),
    });
    await tell('worse', 'north-air', 201, { severity: 'critical' });
    expect(await as('other').get<Detail>(`/alerts/${id}`)).toMatchObject({ acknowledged: null });
    expect((await post('clerk', id, 'acknowledge')).statusCode).toBe(200);
    await tell('close', 'north-air', 202);
  });

  it('acknowledge what is over, and are told so', async () => {
    const id = await tell('open', 'north-air', 210);
    await tell('close', 'north-air', 211);
    const answer = await post('village', id, 'acknowledge');
    expect(answer.json<Detail>()).toMatchObject({
      state: 'ended',
      acknowledged: { by: 'village' },
    });
    expect(answer.json<Detail>().timeline.at(-1)).toMatchObject({
      kind: 'acknowledged',
      over: true,
    });
  });

  it('comment, assign, put aside and judge', async () => {
    const id = await tell('open', 'north-air', 220);
    const until = formatTime(test.timer.now() + HOUR);
    const done = [
      await post('clerk', id, 'comment', { note: '探头有泥\n已清洗' }),
      await post('officer', id, 'assign', { to: 'clerk' }),
      await post('officer', id, 'shelve', { until, note: '清洗中' }),
      await post('officer', id, 'verdict', { verdict: 'false', cause: 'probe-fouled' }),
    ];
    expect(done.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    expect(done.at(-1)?.json<Detail>()).toMatchObject({
      ...{ assignedTo: 'clerk', shelvedUntil: until, suppression: ['shelved'] },
      verdict: { verdict: 'false', cause: 'probe-fouled', note: null, by: 'officer' },
      timeline: [
        { kind: 'opened' },
        { kind: 'commented', by: 'clerk', note: '探头有泥\n已清洗' },
        { kind: 'assigned', by: 'officer', to: 'clerk' },
        { kind: 'shelved', until, note: '清洗中' },
        { kind: 'judged', verdict: 'false', cause: 'probe-fouled' },
      ],
    });
    expect((await post('officer', id, 'shelve', { until: null })).json<Detail>()).toMatchObject({
      ...{ shelvedUntil: null, suppression: [] },
    });
    const { entries } = await test.server.relational.audit.search(
      { actor: 'officer' },
      { limit: 9 },
    );
    expect(entries.filter(({ target }) => target === id).map(({ action }) => action)).toEqual([
      ...['alert-unshelved', 'alert-judged', 'alert-shelved', 'alert-assigned'],
    ]);
    await tell('close', 'north-air', 221);
  });

  it('are told when something put aside is due', async () => {
    const id = await tell('open', 'north-air', 230);
    const due = { until: formatTime(test.timer.now() + 20 * MINUTE) };
    expect((await post('officer', id, 'shelve', due)).statusCode).toBe(200);
    test.timer.shift += 20 * MINUTE;
    test.timer.haste = 100;
    await until(
      'the end of putting it aside',
      async () => (await as('admin').get<Detail>(`/alerts/${id}`)).suppression.length === 0,
    );
    test.timer.haste = 1;
    await tell('close', 'north-air', 231);
  });

  it.each([
    ['acknowledge', { note: '' }, 400, 'invalid-request'],
    ['acknowledge', { note: 'x'.repeat(501) }, 400, 'invalid-request'],
    ['acknowledge', { who: 'me' }, 400, 'invalid-request'],
    ['comment', {}, 400, 'invalid-request'],
    ['comment', { note: 7 }, 400, 'invalid-request'],
    ['assign', {}, 400, 'invalid-request'],
    ['assign', { to: 'nobody' }, 422, 'unknown-person'],
    ['assign', { to: 'south' }, 422, 'unknown-person'],
    ['shelve', { until: '2020-01-01T00:00:00Z' }, 422, 'bad-shelving'],
    ['shelve', { until: '2999-01-01T00:00:00Z' }, 422, 'bad-shelving'],
    ['shelve', { until: 'soon, or whenever it suits' }, 400, 'invalid-request'],
    ['verdict', { verdict: 'maybe' }, 400, 'invalid-request'],
    ['verdict', { verdict: 'false' }, 422, 'cause-needed'],
    ['verdict', { verdict: 'false', cause: 'laziness' }, 400, 'invalid-request'],
    ['verdict', { verdict: 'false', cause: 'other' }, 422, 'note-needed'],
    ['verdict', { verdict: 'confirmed', cause: 'power' }, 422, 'cause-needed'],
  ])('are refused to %s with %j', async (what, body, status, code) => {
    await tell('open', 'north-air', 240);
    const { items } = await as('admin').get<{ items: Alert[] }>(`/alerts?state=open&limit=1`);
    const [alert] = items;
    expect(await refused(post('admin', alert?.id ?? '', what, body))).toEqual([status, code]);
  });

  it('of each role do what they may, and nothing outside of their area', async () => {
    const id = await tell('open', 'north-ph', 300);
    const deeds: Record<string, object> = {
      comment: { note: 'x' },
      acknowledge: {},
      assign: { to: null },
      shelve: { until: null },
      verdict: { verdict: 'confirmed' },
    };
    const statuses = async (who: string, of: string): Promise<number[]> => {
      const all: number[] = [];
      for (const [what, body] of Object.entries(deeds))
        all.push((await post(who, of, what, body)).statusCode);
      return all;
    };
    expect(await statuses('clerk', id)).toEqual([200, 200, 403, 403, 403]);
    expect(await statuses('officer', id)).toEqual([200, 409, 200, 200, 200]);
    expect(await statuses('south', id)).toEqual([404, 404, 404, 404, 404]);
    for (const strange of ['0', 'x'.repeat(64), '..%2F..', '%27%20or%201%3D1'])
      expect(await statuses('admin', strange)).toEqual([404, 404, 404, 404, 404]);
    expect((await post('admin', 'x'.repeat(65), 'comment', { note: 'x' })).statusCode).toBe(400);
    await tell('close', 'north-ph', 301);
  });
});

it('pages that watch are told of what people do with alerts they may see', async () => {
  const id = await tell('open', 'north-ph', 400);
  const watching = await listen(test, as('north'));
  const device = await listen(test, as('clerk'), '?device=north-ph');
  const elsewhere = await listen(test, as('south'));
  const another = await listen(test, as('clerk'), '?device=north-air');
  expect((await post('officer', id, 'comment', { note: 'hm' })).statusCode).toBe(200);
  for (const stream of [watching, device]) {
    const told = (): Alert | undefined =>
      stream
        .of<api.AlertChanges>('alert')
        .flatMap(({ items }) => items)
        .find((one) => one.id === id);
    await until('the alert', () => told() !== undefined);
    expect(told()).toMatchObject({
      ...{ steps: 2, state: 'active', gateway: { name: null } },
      subject: { name: '北村 pH' },
    });
  }
  for (const stream of [elsewhere, another]) expect(stream.text()).not.toContain(id);
  for (const stream of [watching, device, elsewhere, another]) stream.close();
});

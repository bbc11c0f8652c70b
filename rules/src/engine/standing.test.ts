/** What the engine goes on with where it has lost or must leave its own memory: open alerts, what was heard, who is there. */
import { DAY, HOUR, MINUTE, SECOND } from '@village/core';
import { describe, expect, it } from 'vitest';
import type { Inhibition, Rule } from '../model.ts';
import { Engine } from './engine.ts';
import type { Directory } from './others.ts';
import type { RuleSubject } from './program-types.ts';
import { nextAwake } from './schedule.ts';
import { fromBytes, toBytes } from './snapshot.ts';
import type { OpenAlert } from './standing.ts';
import {
  device,
  gatewayStatus,
  group,
  noLimit,
  rule,
  type TestGroup,
  threshold,
} from './testing.ts';
import type { Transition } from './transition.ts';

const START = Date.UTC(2026, 5, 1);
const COUNTY = '330522000000';
const TOWNSHIP = '330522101000';
const OTHER = '330522102000';

const high = (more: Partial<Rule> = {}): Rule =>
  rule(
    [
      { severity: 'critical', when: threshold('>', 50), clear: threshold('<', 40) },
      { severity: 'minor', when: threshold('>', 5), clear: threshold('<', 4) },
    ],
    { id: 'high', ...more },
  );
const watch = (id: string, what: 'device-silent' | 'device-never-seen' | 'gateway-offline'): Rule =>
  rule([{ severity: 'major', when: threshold('>=', 1) }], {
    ...{ id, subject: { kind: 'watch', watch: what } },
  });
const SILENT = watch('silent', 'device-silent');
const NEVER = watch('never', 'device-never-seen');
const OFFLINE = watch('offline', 'gateway-offline');
const BEHIND: Inhibition = {
  ...{ source: { rule: 'offline' }, targets: 'behind-gateway', kinds: ['silence'], rules: [] },
};
/** Counts what a rule on townships sees. */
const counting = (counter: 'critical' | 'minor' | 'active' | 'offline', more = 0): Rule => ({
  ...rule(
    [
      {
        severity: 'info',
        when: {
          source: `${counter} > ${more}`,
          evaluate: ({ values }) => Number((values[0] as number) > more),
          threshold: null,
        },
      },
    ],
    { id: counter, subject: { kind: 'area', level: 'township' } },
  ),
  slots: { inputs: [], windows: [], attributes: [], hasLimit: false, counters: [counter] },
});

class Run {
  readonly told: Transition[] = [];
  readonly engine: Engine;
  #id = 0;

  constructor(rules: readonly Rule[], there: Directory, inhibit: readonly Inhibition[] = []) {
    this.engine = new Engine({
      ...{ rules, inhibit, limitOf: noLimit, late: () => undefined },
      tell: (one) => this.told.push(one),
    });
    this.engine.refresh(there);
  }

  take(one: TestGroup): void {
    this.engine.take(group(++this.#id, one));
  }

  reading(id: string, at: number, x: number): void {
    this.take({ at, rows: [{ device: id, at, x }] });
  }

  tick(until: number, every = 10 * SECOND): void {
    for (let at = this.engine.now + every; at <= until; at += every) this.take({ at });
  }

  get kinds(): string[] {
    return this.told.map(({ rule: id, kind, subject }) => `${id} ${kind} ${subject}`);
  }
}

const there = (
  devices: readonly RuleSubject[],
  gateways: readonly RuleSubject[] = [],
): Directory => ({
  devices: () => devices,
  gateways: () => gateways,
  areas: (level) =>
    level === 'township'
      ? [TOWNSHIP, OTHER].map((id) => device(id, MINUTE, { areas: [COUNTY, id] }))
      : [],
});

const open = (id: string, subject: string, more: Partial<OpenAlert> = {}): OpenAlert => ({
  ...{ rule: id, subject, discriminator: '', severity: 'minor', since: START - HOUR },
  ...{ suppression: null, by: null },
  ...more,
});

const heardNever = (): null => null;

describe('alerts that are taken up as open', () => {
  it('end by the next reading that says so, become worse, and are not told to begin again', () => {
    const run = new Run([high()], there([device('d'), device('e'), device('f')]));
    run.engine.begin(START, heardNever);
    for (const id of ['d', 'e', 'f']) expect(run.engine.adopt(open('high', id))).toBe(true);
    expect(run.engine.adopt(open('high', 'nothing'))).toBe(false);
    expect(run.engine.adopt(open('none', 'd'))).toBe(false);
    expect(run.told).toEqual([]);
    run.reading('d', START + MINUTE, 1);
    run.reading('e', START + MINUTE, 60);
    run.reading('f', START + MINUTE, 6);
    expect(run.told).toMatchObject([
      { kind: 'close', subject: 'd', severity: 'minor', since: START - HOUR },
      { kind: 'worse', subject: 'e', severity: 'critical', since: START - HOUR },
    ]);
    expect([...run.engine.open()].map(({ subject, severity }) => [subject, severity])).toEqual([
      ...[
        ['e', 'critical'],
        ['f', 'minor'],
      ],
    ]);
  });

  it('of silent devices end when those are heard, and count where rules on areas see them', () => {
    const run = new Run([SILENT, NEVER, counting('offline')], there([device('d')]));
    run.engine.begin(START, () => START - DAY);
    expect(run.engine.adopt(open('silent', 'd', { severity: 'major' }))).toBe(true);
    run.tick(START + HOUR);
    expect(run.kinds).toEqual([`offline open ${TOWNSHIP}`]);
    run.reading('d', START + HOUR + MINUTE, 1);
    expect(run.kinds.slice(1)).toEqual(['silent close d', `offline close ${TOWNSHIP}`]);
  });

  it('of events end after their time', () => {
    const seen = rule([{ severity: 'minor', when: threshold('>=', 1) }], {
      ...{
        id: 'seen',
        subject: { kind: 'event', event: { types: ['x'], detail: {}, holdMs: HOUR } },
      },
    });
    const run = new Run([seen], there([device('d')]));
    run.engine.begin(START, heardNever);
    run.engine.adopt(open('seen', 'd'));
    run.tick(START + 2 * HOUR, MINUTE);
    expect(run.told).toMatchObject([{ kind: 'close', at: START + HOUR }]);
  });

  it('and are held back go on so until their cause is over, or was over meanwhile', () => {
    const gateways = [
      device('gw', MINUTE, { areas: [COUNTY] }),
      device('g2', MINUTE, { areas: [COUNTY] }),
    ];
    const devices = [
      device('d', MINUTE, { gateway: 'gw' }),
      device('e', MINUTE, { gateway: 'g2' }),
    ];
    const run = new Run([OFFLINE, SILENT], there(devices, gateways), [BEHIND]);
    run.engine.begin(START, () => START - DAY);
    run.engine.adopt(open('offline', 'gw', { severity: 'major' }));
    for (const [id, gateway] of [
      ['d', 'gw'],
      ['e', 'g2'],
    ] as const)
      run.engine.adopt(open('silent', id, { suppression: 'inhibited', by: `offline:${gateway}` }));
    expect([...run.engine.open()].map(({ suppression }) => suppression)).toEqual([
      ...[null, 'inhibited', 'inhibited'],
    ]);
    run.tick(START + HOUR);
    expect(run.kinds).toEqual(['silent released e']);
    const back = START + HOUR + SECOND;
    run.take({ at: back, system: [gatewayStatus('gw', true, back)] });
    run.tick(back + 10 * MINUTE);
    expect(run.kinds).toEqual(['silent released e', 'offline close gw', 'silent released d']);
  });
});

describe('a begin without memory', () => {
  it('neither takes devices that were heard for ones that never were, nor its own absence for silence', () => {
    const devices = [device('old'), device('new', MINUTE, { registeredAt: START - HOUR })];
    const run = new Run([SILENT, NEVER], there(devices));
    run.engine.begin(START, (id) => (id === 'old' ? START - HOUR : null));
    run.tick(START + 7 * MINUTE);
    expect(run.kinds).toEqual([]);
    run.tick(START + 9 * MINUTE);
    expect(run.kinds).toEqual(['silent open old']);
    run.tick(START + DAY, MINUTE);
    expect(run.kinds).toEqual(['silent open old', 'never open new']);
  });
});

it('a device that is new and was heard is silent after its time, and not a day later', () => {
  const run = new Run([SILENT, NEVER], there([]));
  run.engine.begin(START, heardNever);
  run.take({ at: START });
  run.engine.refresh(there([device('d', MINUTE, { registeredAt: START })]));
  run.reading('d', START + HOUR, 1);
  run.tick(START + HOUR + 4 * MINUTE);
  expect(run.told).toMatchObject([{ rule: 'silent', kind: 'open', at: START + HOUR + 3 * MINUTE }]);
  run.tick(START + 3 * DAY, HOUR);
  expect(run.kinds).toEqual(['silent open d']);
});

describe('rules on areas', () => {
  it('see how bad alerts are now', () => {
    const run = new Run([high(), counting('critical'), counting('minor')], there([device('d')]));
    const readings = [6, 60, 30, 6, 60, 1];
    for (const [n, x] of readings.entries()) run.reading('d', START + n * MINUTE, x);
    const own = run.told.filter(({ subject }) => subject === TOWNSHIP);
    expect(own.map(({ rule: id, kind, at }) => `${(at - START) / MINUTE} ${id} ${kind}`)).toEqual([
      ...['0 minor open', '1 critical open', '1 minor close', '2 critical close', '2 minor open'],
      ...['4 critical open', '4 minor close', '5 critical close'],
    ]);
  });

  it('see alerts where their gateway stands now', () => {
    const gateway = (area: string) => device('gw', MINUTE, { areas: [COUNTY, area] });
    const run = new Run([OFFLINE, counting('active')], there([], [gateway(TOWNSHIP)]));
    run.take({ at: START, system: [gatewayStatus('gw', false, START)] });
    run.engine.refresh(there([], [gateway(OTHER)]));
    run.take({ at: START + MINUTE });
    expect(run.kinds).toEqual([
      ...['offline open gw', `active open ${TOWNSHIP}`],
      ...[`active close ${TOWNSHIP}`, `active open ${OTHER}`],
    ]);
  });
});

describe('a gateway that is gone', () => {
  it('has no open alert, and comes back as another', () => {
    const gateway = device('gw', MINUTE, { areas: [COUNTY] });
    const run = new Run([OFFLINE], there([], [gateway]));
    run.take({ at: START, system: [gatewayStatus('gw', false, START)] });
    run.engine.refresh(there([]));
    expect(run.kinds).toEqual(['offline open gw', 'offline close gw']);
    run.take({ at: START + MINUTE, system: [gatewayStatus('gw', false, START + MINUTE)] });
    run.engine.refresh(there([], [gateway]));
    run.take({ at: START + HOUR, system: [gatewayStatus('gw', false, START + HOUR)] });
    expect(run.kinds.slice(2)).toEqual(['offline open gw']);
  });
});

describe('a rule that sleeps', () => {
  // Beijing time; the start is 08:00 on a Monday.
  const schedule = { days: [1, 2, 3, 4, 5], from: 9 * 60, to: 17 * 60 };

  it('tells of what is still there when it wakes', () => {
    const run = new Run([high({ schedule })], there([device('d'), device('e')]));
    run.reading('d', START, 6);
    run.reading('e', START, 6);
    run.reading('e', START + MINUTE, 1);
    run.tick(START + HOUR - 10 * SECOND);
    expect(run.told.map(({ kind, suppression }) => [kind, suppression])).toEqual([
      ...[
        ['open', 'outside-schedule'],
        ['open', 'outside-schedule'],
        ['close', 'outside-schedule'],
      ],
    ]);
    expect([...run.engine.open()]).toMatchObject([{ suppression: 'outside-schedule', by: null }]);
    run.tick(START + HOUR);
    expect(run.told.at(-1)).toMatchObject({ kind: 'released', subject: 'd', at: START + HOUR });
    // As taken up from what is on record.
    const other = new Run([high({ schedule })], there([device('d'), device('e')]));
    other.engine.begin(START, heardNever);
    other.engine.adopt(open('high', 'd', { suppression: 'outside-schedule' }));
    other.tick(START + HOUR);
    expect(other.kinds).toEqual(['high released d']);
  });

  it('wakes at its next begin, over a weekend and after midnight', () => {
    expect(nextAwake(schedule, START)).toBe(START + HOUR);
    const friday = START + 4 * DAY + 9 * HOUR;
    expect(nextAwake(schedule, friday)).toBe(START + 7 * DAY + HOUR);
    const night = { days: [6], from: 22 * 60, to: 6 * 60 };
    expect(nextAwake(night, START)).toBe(START + 5 * DAY + 14 * HOUR);
    expect(nextAwake({ ...night, days: [] }, START)).toBe(Number.POSITIVE_INFINITY);
  });
});

it('goes on from parts as from one piece, however many devices there are', () => {
  const devices = Array.from({ length: 2_500 }, (_, n) => device(`d${n}`));
  const rules = (): Rule[] => [high({ clearForMs: MINUTE }), SILENT];
  const first = new Run(rules(), there(devices));
  const values = (shift: number) => devices.map((_, n) => ((n + shift) % 9) + 1);
  const all = (run: Run, at: number, shift: number): void =>
    run.take({
      at,
      rows: values(shift).map((x, n) => ({ device: `d${n}`, at, x })),
    });
  for (let n = 0; n < 4; n++) all(first, START + n * MINUTE, n);
  const state = fromBytes(toBytes(first.engine.state()));
  expect(state.filter(({ kind }) => kind === 'program')).toHaveLength(10);
  const second = new Run(rules(), there(devices));
  second.engine.restore(state);
  expect([...second.engine.open()]).toEqual([...first.engine.open()]);
  first.told.length = 0;
  for (let n = 4; n < 12; n++) for (const run of [first, second]) all(run, START + n * MINUTE, n);
  for (const run of [first, second]) run.tick(START + HOUR);
  expect(first.told.length).toBeGreaterThan(5_000);
  const sorted = ({ told }: Run): string[] => told.map((one) => JSON.stringify(one)).sort();
  expect(sorted(second)).toEqual(sorted(first));
});

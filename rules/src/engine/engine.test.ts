/** The engine over groups of the journal: what it tells, whatever order things come in and wherever it is started again. */
import { DAY, HOUR, MINUTE, SECOND, seededRandom } from '@village/core';
import type { CommittedGroup } from '@village/store/time-series';
import { describe, expect, it } from 'vitest';
import type { Inhibition, Rule } from '../model.ts';
import { Engine, type EngineOptions } from './engine.ts';
import type { Directory } from './others.ts';
import type { RuleSubject } from './program-types.ts';
import { fromBytes, toBytes } from './snapshot.ts';
import {
  device,
  gatewayStatus,
  group,
  noLimit,
  rule,
  type TestGroup,
  type TestRow,
  threshold,
} from './testing.ts';
import type { Transition } from './transition.ts';

const START = Date.UTC(2026, 5, 1);

const gateway = (id: string): RuleSubject => device(id, MINUTE, { areas: ['330522000000'] });

const directory = (
  devices: readonly RuleSubject[],
  gateways: readonly RuleSubject[] = [],
): Directory => ({
  devices: () => devices,
  gateways: () => gateways,
  areas: (level) => {
    const place = ['county', 'township', 'village'].indexOf(level);
    const codes = new Set(devices.map(({ areas }) => areas[place] as string));
    return [...codes].map((id) => device(id, MINUTE, { areas: [id] }));
  },
});

class Run {
  readonly told: Transition[] = [];
  readonly late: { device: string; at: number }[] = [];
  readonly groups: CommittedGroup[] = [];
  engine: Engine;
  readonly #options: EngineOptions;
  readonly #directory: Directory;
  #id = 0;

  constructor(rules: readonly Rule[], devices: Directory, inhibit: readonly Inhibition[] = []) {
    this.#options = {
      ...{ rules, inhibit, limitOf: noLimit },
      tell: (one) => this.told.push(one),
      late: (id, at) => this.late.push({ device: id, at }),
    };
    this.#directory = devices;
    this.engine = this.#make();
  }

  #make(): Engine {
    const engine = new Engine(this.#options);
    engine.refresh(this.#directory);
    return engine;
  }

  take(one: TestGroup): void {
    const made = group(++this.#id, one);
    this.groups.push(made);
    this.engine.take(made);
  }

  /** Readings of one device, each in a group of its own when it comes. */
  readings(id: string, values: readonly number[], from: number, every = MINUTE): void {
    values.forEach((x, n) => {
      const at = from + n * every;
      this.take({ at, rows: [{ device: id, at, x }] });
    });
  }

  tick(until: number, every = 10 * SECOND): void {
    for (let at = this.engine.now + every; at <= until; at += every) this.take({ at });
  }

  restart(): void {
    const bytes = toBytes(this.engine.state());
    this.engine = this.#make();
    this.engine.restore(fromBytes(bytes));
  }

  get kinds(): string[] {
    return this.told.map(({ rule: id, kind, subject }) => `${id} ${kind} ${subject}`);
  }
}

const high = (more: Partial<Rule> = {}, forMs = 0): Rule =>
  rule([{ severity: 'major', when: threshold('>', 5), clear: threshold('<', 4), forMs }], more);

const silent = (more: Partial<Rule> = {}): Rule =>
  rule([{ severity: 'minor', when: threshold('>=', 1) }], {
    ...{ id: 'silent', subject: { kind: 'watch', watch: 'device-silent' } },
    ...more,
  });

const offline = (): Rule =>
  rule([{ severity: 'major', when: threshold('>=', 1) }], {
    ...{ id: 'offline', subject: { kind: 'watch', watch: 'gateway-offline' } },
  });

const BEHIND: Inhibition = {
  ...{ source: { rule: 'offline' }, targets: 'behind-gateway', kinds: ['silence'], rules: [] },
};

describe('readings', () => {
  it('raise and end an alert with hysteresis', () => {
    const run = new Run([high()], directory([device('d')]));
    run.readings('d', [1, 6, 4.5, 6, 4.5, 3, 1], START);
    expect(run.told).toMatchObject([
      { kind: 'open', at: START + MINUTE, since: START + MINUTE, value: 6, severity: 'major' },
      { kind: 'close', at: START + 5 * MINUTE, value: 3 },
    ]);
  });

  it('are held to be so until their moment when none comes, but not for long', () => {
    const run = new Run([high({}, 2 * MINUTE)], directory([device('d')]));
    run.readings('d', [6, 6], START);
    run.tick(START + 2 * MINUTE + 10 * SECOND);
    expect(run.told).toMatchObject([{ kind: 'open', at: START + 2 * MINUTE, since: START }]);
    const long = new Run([high({}, HOUR)], directory([device('d')]));
    long.readings('d', [6, 6], START);
    long.tick(START + 2 * HOUR, MINUTE);
    // Silent for two hours and then one reading: nobody knows what was between.
    long.readings('d', [6], START + 2 * HOUR + MINUTE);
    expect(long.told).toEqual([]);
  });

  it('that come late page nobody, and are told of so that the past is judged again', () => {
    const run = new Run([high()], directory([device('d')]));
    run.readings('d', [1], START);
    run.take({
      at: START + 2 * HOUR,
      rows: Array.from({ length: 60 }, (_, n) => ({
        ...{ device: 'd', at: START + (n + 1) * MINUTE, x: 9, lane: 'backfill' as const },
      })),
    });
    run.readings('d', [1], START + 2 * HOUR + MINUTE);
    // Older than what was judged, though it is of the live lane.
    run.take({
      at: START + 2 * HOUR + 2 * MINUTE,
      rows: [{ device: 'd', at: START + 2 * HOUR + 30 * SECOND, x: 9 }],
    });
    expect(run.told).toEqual([]);
    expect(run.late).toHaveLength(61);
    expect(run.engine.counters.late).toBe(61);
  });

  it('of a clock that is ahead are not judged', () => {
    const run = new Run([high()], directory([device('d')]));
    run.take({ at: START, rows: [{ device: 'd', at: START + HOUR, x: 9 }] });
    run.readings('d', [1], START + MINUTE);
    expect(run.told).toEqual([]);
    expect(run.engine.counters.future).toBe(1);
  });

  it('of a quality that does not count neither raise nor end', () => {
    const run = new Run([high()], directory([device('d')]));
    const calibration = 5;
    run.take({ at: START, rows: [{ device: 'd', at: START, x: 9, quality: calibration }] });
    run.readings('d', [9], START + MINUTE);
    const at = START + 2 * MINUTE;
    run.take({ at, rows: [{ device: 'd', at, x: 0, quality: calibration }] });
    expect(run.kinds).toEqual(['r open d']);
  });

  it('that go to and fro are one alert, told once, and over when it has been quiet', () => {
    const flap = { transitions: 6, inMs: HOUR, holdMs: 30 * MINUTE };
    const run = new Run([high({ flap })], directory([device('d')]));
    run.readings(
      'd',
      Array.from({ length: 20 }, (_, n) => (n % 2 === 0 ? 6 : 1)),
      START,
    );
    run.readings('d', new Array(60).fill(1), START + 20 * MINUTE);
    expect(run.kinds).toEqual([
      ...['r open d', 'r close d', 'r open d', 'r close d', 'r open d', 'r close d'],
      ...['r open d', 'r flapping d', 'r close d'],
    ]);
    expect(run.told.at(-1)?.at).toBe(START + 19 * MINUTE + 30 * MINUTE);
  });

  it('raise by repetition, whatever was between', () => {
    const repeat = { count: 3, inMs: 10 * MINUTE };
    const run = new Run([high({ repeat })], directory([device('d')]));
    run.readings('d', [6, 1, 6, 1, 1, 6, 1], START);
    expect(run.told).toMatchObject([
      { kind: 'open', at: START + 5 * MINUTE, since: START },
      { kind: 'close', at: START + 6 * MINUTE },
    ]);
  });
});

describe('a gateway with two hundred devices', () => {
  const devices = Array.from({ length: 200 }, (_, n) => device(`d${n}`, MINUTE, { gateway: 'gw' }));
  const there = directory(devices, [gateway('gw')]);

  /** All of them normal, off for two hours, and back with what they measured, high for one of them. */
  function outage(shuffle: (rows: TestRow[]) => TestRow[]): Run {
    const run = new Run([offline(), high(), silent()], there, [BEHIND]);
    const all = (at: number): TestRow[] => devices.map(({ id }) => ({ device: id, at, x: 1 }));
    run.take({ at: START, rows: all(START), system: [gatewayStatus('gw', true, START)] });
    const off = START + MINUTE;
    run.take({ at: off, system: [gatewayStatus('gw', false, off)] });
    run.tick(off + 2 * HOUR, MINUTE);
    const back = run.engine.now + SECOND;
    run.take({ at: back, system: [gatewayStatus('gw', true, back)], rows: all(back) });
    const backlog = devices.flatMap(({ id }) =>
      Array.from({ length: 100 }, (_, n): TestRow => {
        const at = START + (n + 2) * MINUTE;
        return { device: id, at, x: id === 'd7' && n > 20 && n < 50 ? 9 : 1, lane: 'backfill' };
      }),
    );
    const mixed = shuffle(backlog);
    for (let n = 0; n < mixed.length; n += 500)
      run.take({ at: run.engine.now + SECOND, rows: mixed.slice(n, n + 500) });
    for (let minute = 1; minute < 20; minute++) {
      const at = back + minute * MINUTE;
      run.take({ at, rows: all(at) });
    }
    return run;
  }

  it('is one cause: its devices are held back, and nobody is paged by what comes late', () => {
    const run = outage((rows) => rows);
    const news = run.told.filter(({ suppression }) => suppression === null);
    const told = news.filter(({ rule: id }) => id !== 'silent').map(({ kind }) => kind);
    expect(told).toEqual(['open', 'close']);
    const held = run.told.filter(({ rule: id, kind }) => id === 'silent' && kind === 'open');
    expect(held).toHaveLength(200);
    expect(
      held.every(({ suppression, by }) => suppression === 'inhibited' && by === 'offline:gw'),
    ).toBe(true);
    expect(run.told.some(({ kind }) => kind === 'released')).toBe(false);
  });

  it('tells the same whatever order its backlog comes in', () => {
    const random = seededRandom('backlog');
    const run = outage((rows) => rows.sort(() => random() - 0.5));
    expect(run.told).toEqual(outage((rows) => rows).told);
    expect(new Set(run.late.map(({ device: id, at }) => `${id} ${at}`)).size).toBe(200 * 100);
  });

  it('is told of again for a device that does not come back with it', () => {
    const run = new Run([offline(), silent()], there, [BEHIND]);
    const all = (at: number, without?: string): TestRow[] =>
      devices.filter(({ id }) => id !== without).map(({ id }) => ({ device: id, at, x: 1 }));
    run.take({ at: START, rows: all(START), system: [gatewayStatus('gw', true, START)] });
    run.take({ at: START + MINUTE, system: [gatewayStatus('gw', false, START + MINUTE)] });
    run.tick(START + HOUR, MINUTE);
    const back = run.engine.now + SECOND;
    run.take({ at: back, system: [gatewayStatus('gw', true, back)], rows: all(back, 'd3') });
    for (let minute = 1; minute < 20; minute++)
      run.take({ at: back + minute * MINUTE, rows: all(back + minute * MINUTE, 'd3') });
    const released = run.told.filter(({ kind }) => kind === 'released');
    expect(released.map(({ subject }) => subject)).toEqual(['d3']);
  });
});

describe('silence', () => {
  it('is told when a device may be silent no longer, and ends when it is heard, late or not', () => {
    const run = new Run([silent()], directory([device('d')]));
    run.readings('d', [1], START);
    run.tick(START + 10 * MINUTE);
    const at = START + 11 * MINUTE;
    run.take({ at, rows: [{ device: 'd', at: START + MINUTE, x: 1, lane: 'backfill' }] });
    expect(run.told).toMatchObject([
      { kind: 'open', at: START + 3 * MINUTE },
      { kind: 'close', at },
    ]);
  });

  it('does not count while the platform was down', () => {
    const run = new Run([silent()], directory([device('d')]));
    run.readings('d', [1], START);
    const up = START + HOUR;
    run.take({ at: up, system: [{ type: 'platform-start', at: up }] });
    run.tick(up + 5 * MINUTE);
    expect(run.told).toEqual([]);
    run.tick(up + 9 * MINUTE);
    expect(run.told).toMatchObject([{ kind: 'open', at: up + 5 * MINUTE + 3 * MINUTE }]);
  });

  it('survives a clock that leaps by years, at once', () => {
    const devices = Array.from({ length: 1000 }, (_, n) => device(`d${n}`));
    const run = new Run([silent(), high({}, HOUR)], directory(devices));
    run.take({ at: START, rows: devices.map(({ id }) => ({ device: id, at: START, x: 9 })) });
    run.take({ at: START + 20 * 365 * DAY });
    expect(run.told.filter(({ rule: id }) => id === 'silent')).toHaveLength(1000);
    run.take({ at: START + 20 * 365 * DAY + 1 });
  });
});

describe('areas', () => {
  it('are judged by how many of their devices are silent', () => {
    const counted: Rule = {
      ...rule(
        [
          {
            severity: 'critical',
            when: {
              source: 'offline > 2',
              evaluate: ({ values }) => Number((values[0] as number) > 2),
              threshold: null,
            },
          },
        ],
        { id: 'township', subject: { kind: 'area', level: 'township' } },
      ),
      slots: { inputs: [], windows: [], attributes: [], hasLimit: false, counters: ['offline'] },
    };
    const devices = Array.from({ length: 5 }, (_, n) => device(`d${n}`));
    const run = new Run([silent(), counted], directory(devices));
    run.take({ at: START, rows: devices.map(({ id }) => ({ device: id, at: START, x: 1 })) });
    run.tick(START + 10 * MINUTE);
    const at = run.engine.now + SECOND;
    run.take({ at, rows: devices.map(({ id }) => ({ device: id, at, x: 1 })) });
    const own = run.told.filter(({ rule: id }) => id === 'township');
    expect(own.map(({ kind, subject }) => `${kind} ${subject}`)).toEqual([
      'open 330522101000',
      'close 330522101000',
    ]);
  });
});

describe('events', () => {
  it('raise an alert that is over when no more of them have come for a while', () => {
    const seen = rule([{ severity: 'minor', when: threshold('>=', 1) }], {
      id: 'seen',
      subject: {
        kind: 'event',
        event: { types: ['crossed'], detail: { kind: ['truck'] }, holdMs: 10 * MINUTE },
      },
    });
    const run = new Run([seen], directory([device('d')]));
    const event = (at: number, kind: string) => ({
      ...{ device: 'd', at, receivedAt: at, type: 'crossed', detail: { kind } },
    });
    run.take({ at: START, events: [event(START, 'car')] });
    run.take({ at: START + MINUTE, events: [event(START + MINUTE, 'truck')] });
    run.take({ at: START + 8 * MINUTE, events: [event(START + 8 * MINUTE, 'truck')] });
    run.tick(START + HOUR);
    expect(run.told).toMatchObject([
      { kind: 'open', at: START + MINUTE },
      { kind: 'close', at: START + 18 * MINUTE },
    ]);
  });
});

describe('a restart', () => {
  it('after any group changes nothing that is told', () => {
    const rules = () => [
      offline(),
      high(
        { clearForMs: 90 * SECOND, flap: { transitions: 6, inMs: HOUR, holdMs: 10 * MINUTE } },
        MINUTE,
      ),
      silent(),
    ];
    const devices = Array.from({ length: 6 }, (_, n) =>
      device(`d${n}`, MINUTE, { gateway: n < 3 ? 'gw' : null }),
    );
    const there = directory(devices, [gateway('gw')]);
    const play = (restartEvery: number): Run => {
      const random = seededRandom('restart');
      const run = new Run(rules(), there, [BEHIND]);
      let at = START;
      for (let n = 0; n < 1500; n++) {
        at += Math.ceil(random() * 40) * SECOND;
        const rows = devices
          .filter(() => random() < 0.4)
          .map(
            ({ id }): TestRow => ({
              ...{ device: id, at: at - Math.floor(random() * 90) * SECOND },
              x: Math.floor(random() * 10),
            }),
          );
        const system = random() < 0.02 ? [gatewayStatus('gw', random() < 0.5, at)] : [];
        run.take({ at, rows: random() < 0.05 ? [] : rows, system });
        if (restartEvery > 0 && n % restartEvery === 0) run.restart();
      }
      return run;
    };
    const whole = play(0);
    expect(whole.told.length).toBeGreaterThan(300);
    for (const every of [1, 7, 100]) expect(play(every).told).toEqual(whole.told);
  });

  it('with a rule that was changed keeps what is open, and one that is damaged is refused', () => {
    const there = directory([device('d')]);
    const before = new Run([high()], there);
    before.readings('d', [6], START);
    const state = fromBytes(toBytes(before.engine.state()));
    const after = new Run([high({ clearForMs: MINUTE })], there);
    after.engine.restore(state);
    after.readings('d', [6, 1, 1], START + MINUTE);
    expect(after.kinds).toEqual(['r close d']);
    const bytes = toBytes(before.engine.state());
    bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
    expect(() => fromBytes(bytes)).toThrow(/damaged/);
  });
});

describe('what is registered', () => {
  it('ends what is open of a device that is gone, and keeps what is open of one that was moved', () => {
    const run = new Run([high()], directory([device('d'), device('e')]));
    run.take({
      at: START,
      rows: [
        { device: 'd', at: START, x: 9 },
        { device: 'e', at: START, x: 9 },
      ],
    });
    run.engine.refresh(
      directory([device('d', MINUTE, { areas: ['330522000000', '330522102000'] })]),
    );
    expect(run.kinds).toEqual(['r open d', 'r open e', 'r close e']);
    run.readings('d', [1], START + MINUTE);
    expect(run.kinds.at(-1)).toBe('r close d');
  });
});

/** A county of a test: devices, gateways and areas, the engine over them, an archive of what they sent, and a clock that the test moves. */
import { MINUTE, SECOND } from '@village/core';
import type { DeviceProfile } from '@village/device-profiles';
import type { CommittedGroup, SystemEvent } from '@village/store/time-series';
import {
  type Columns,
  Engine,
  fromBytes,
  History,
  type LimitOf,
  type RuleSubject,
  toBytes,
} from '../engine/index.ts';
import type { RuleSet } from '../model.ts';
import { type LateSpan, LateSpans } from '../past/late.ts';
import { judgedFrom, reconcile } from '../past/reconcile.ts';
import type { TestDevice, TestEvent } from '../testing-model.ts';
import { codeOf, TestBlock, type TestReading } from './block.ts';
import { TestRecords } from './records.ts';

export interface WorldOptions {
  readonly rules: RuleSet;
  readonly devices: readonly TestDevice[];
  readonly profiles: ReadonlyMap<string, DeviceProfile>;
  readonly limitOf: LimitOf;
  /** ms since 1970. */
  readonly start: number;
}

const COUNTY_DIGITS = 6;
const TOWNSHIP_DIGITS = 9;
const CODE_DIGITS = 12;

/** County, township and village of an area's code. */
function lineOf(area: string | null): string[] {
  if (area === null) return [];
  const above = [COUNTY_DIGITS, TOWNSHIP_DIGITS].map((digits) =>
    area.slice(0, digits).padEnd(CODE_DIGITS, '0'),
  );
  return [...new Set([...above, area])];
}

/** Of a gateway or area, which measure nothing. */
const NO_PROFILE: RuleSubject['profile'] = {
  ...{ id: '', kind: 'sewage-monitor' as const, metrics: [] },
  ...{ reportEveryMs: MINUTE, silentAfterMs: 3 * MINUTE },
};

const other = (id: string, areas: readonly string[]): RuleSubject => ({
  ...{ id, profile: NO_PROFILE, attributes: {}, labels: {}, areas, gateway: null },
  registeredAt: 0,
});

/** What a group brings. */
export interface Arrival {
  readonly readings?: readonly TestReading[];
  readonly events?: readonly TestEvent[];
  readonly system?: readonly SystemEvent[];
}

export class World {
  readonly records: TestRecords;
  readonly #options: WorldOptions;
  readonly #subjects = new Map<string, RuleSubject>();
  readonly #gateways: readonly RuleSubject[];
  #engine: Engine;
  #late = new LateSpans();
  /** What each device has sent, by event time. */
  readonly #archive = new Map<string, Map<number, TestReading>>();
  #group = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    for (const device of options.devices) {
      const profile = options.profiles.get(device.profile);
      if (profile === undefined) throw new Error(`no type ${device.profile}`);
      this.#subjects.set(device.id, this.#subjectOf(device, profile));
    }
    const gateways = new Map<string, RuleSubject>();
    for (const { gateway, area } of options.devices)
      if (gateway !== null) gateways.set(gateway, other(gateway, lineOf(area)));
    this.#gateways = [...gateways.values()];
    this.records = new TestRecords(options.rules.rules);
    this.#engine = this.#make();
  }

  get engine(): Engine {
    return this.#engine;
  }

  #subjectOf(device: TestDevice, profile: DeviceProfile): RuleSubject {
    const { id, labels, attributes, gateway, area, intervalMs, registeredMs } = device;
    const { reportEveryMs, silentAfterMs } = profile;
    const every = intervalMs ?? reportEveryMs;
    return {
      ...{ id, labels, attributes, gateway, areas: lineOf(area) },
      // Silent as many intervals as the type says.
      profile: {
        ...profile,
        reportEveryMs: every,
        silentAfterMs: (silentAfterMs / reportEveryMs) * every,
      },
      registeredAt: this.#options.start - registeredMs,
    };
  }

  #make(): Engine {
    const { rules, limitOf } = this.#options;
    const engine = new Engine({
      rules: rules.rules.filter(({ enabled }) => enabled),
      inhibit: rules.inhibit,
      limitOf,
      tell: (transition) => this.records.take(transition, this.#engine.now),
      late: (device, at) => this.#late.note(device, at, this.#engine.now),
    });
    const devices = [...this.#subjects.values()];
    engine.now = this.#options.start;
    engine.refresh({
      devices: () => devices,
      gateways: () => this.#gateways,
      areas: (level) => {
        const place = ['county', 'township', 'village'].indexOf(level);
        const codes = new Set(devices.flatMap(({ areas }) => areas.slice(place, place + 1)));
        return [...codes].map((code) => other(code, [code]));
      },
    });
    return engine;
  }

  /** Time goes on to here, and this comes. */
  take(at: number, { readings = [], events = [], system = [] }: Arrival): void {
    for (const reading of readings) {
      const own = this.#archive.get(reading.device) ?? new Map<number, TestReading>();
      this.#archive.set(reading.device, own);
      const known = own.get(reading.at);
      const values = new Map([...(known?.values ?? []), ...reading.values]);
      own.set(reading.at, { ...reading, values });
    }
    const group: CommittedGroup = {
      ...{ id: ++this.#group, committedAt: at, rowCount: readings.length, damaged: false },
      rows: [...Map.groupBy(readings, ({ device }) => this.#profileOf(device).id)].map(
        ([profile, rows]) => new TestBlock(profile, this.#metricsOf(profile), rows, at),
      ),
      events: events.map(({ device, type, detail }) => ({
        event: { device, type, detail, at, receivedAt: at },
        lane: 'live' as const,
      })),
      ...{ system, frames: [] },
    };
    this.#engine.take(group);
    for (const span of this.#late.takeDue(at)) this.#judgeAgain(span, at);
  }

  #profileOf(device: string): RuleSubject['profile'] {
    return (this.#subjects.get(device) as RuleSubject).profile;
  }

  #metricsOf(profile: string): string[] {
    const { metrics } = this.#options.profiles.get(profile) as DeviceProfile;
    return metrics.map(({ key }) => key);
  }

  /** Readings came late: each rule on them judges again what they touch, in order of time. */
  #judgeAgain({ device, from }: LateSpan, now: number): void {
    const subject = this.#subjects.get(device) as RuleSubject;
    for (const rule of this.#options.rules.rules) {
      if (rule.subject.kind !== 'readings' || !rule.enabled) continue;
      const records = this.records.of(rule.id, device);
      const begin = judgedFrom(rule, from, records);
      const history = new History([rule], subject, this.#options.limitOf);
      history.add(this.#columns(device, begin));
      const found = history.end(now);
      const stands = records.filter(({ to }) => to === null || to >= begin);
      for (const change of reconcile(found, stands)) {
        this.records.change(rule.id, device, change, now);
        if (change.kind === 'raise')
          this.#engine.raise(rule.id, device, change.interval.severity, change.interval.from);
      }
    }
  }

  #columns(device: string, from: number): Columns {
    const metrics = this.#metricsOf(this.#profileOf(device).id);
    const rows = [...(this.#archive.get(device)?.values() ?? [])]
      .filter(({ at }) => at >= from)
      .sort((a, b) => a.at - b.at);
    return {
      metrics,
      at: Float64Array.from(rows, ({ at }) => at),
      values: metrics.map((key) =>
        Float64Array.from(rows, ({ values }) => values.get(key)?.value ?? Number.NaN),
      ),
      qualities: metrics.map((key) =>
        Uint8Array.from(rows, ({ values }) => codeOf(values.get(key)?.quality ?? 'good')),
      ),
    };
  }

  /** The engine is killed, and is there again after so long. */
  restart(at: number, downMs: number): void {
    const bytes = toBytes(this.#engine.state());
    const engine = this.#make();
    engine.restore(fromBytes(bytes));
    this.#engine = engine;
    const up = at + Math.max(downMs, SECOND);
    this.take(up, { system: [{ type: 'platform-start', at: up }] });
  }
}

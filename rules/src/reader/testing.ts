/** The reader of rules over real stores and a real registry, which can be stopped, cut short and started again, for tests. */
import { join } from 'node:path';
import { bug, type Device, HOUR, seededRandom, systemTimer, type Timer } from '@village/core';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { type ModuleReader, runReaders } from '@village/platform';
import { Directory, registryStore } from '@village/registry';
import type { Relational } from '@village/store/relational';
import { device as deviceIn, keepState, type Target } from '@village/store/relational/testing';
import {
  type CommittedGroup,
  openTimeSeries,
  ROW_FLAG,
  type SystemEvent,
  type TimeSeriesStore,
} from '@village/store/time-series';
import { putRow } from '@village/store/time-series/testing';
import { Keeper } from '../alerts/keeper.ts';
import { alertTables } from '../alerts/tables.ts';
import { openTables, VILLAGE } from '../alerts/testing.ts';
import { Engine, type Transition } from '../engine/index.ts';
import { readRules } from '../format/index.ts';
import type { RuleSet } from '../model.ts';
import { RulesReader, type RulesReaderOptions } from './reader.ts';
import { Snapshots } from './snapshots.ts';
import { Subjects } from './subjects.ts';

const LAG_MAX = 1e12;
export const START = Date.UTC(2026, 5, 1);
const PROFILE = 'boqu/phg-2091';
const METRICS = ['temperature', 'ph'];
const { profiles } = loadCatalog([builtinCatalog]);

const HEAD = 'apiVersion: rules/v1\nkind: RuleSet\nmetadata: { name: test }\n';

/** A set from the text of its rules. Dies of one that has a fault. */
export function rulesOf(text: string): RuleSet {
  const { set, faults } = readRules(HEAD + text, { file: 'test.yaml' });
  return set ?? bug(JSON.stringify(faults));
}

/** Readings, silence and what keeps silence back; the last stays until somebody acknowledges it. */
export const RULES_TEXT = `
rules:
  - id: offline
    title: { zh: 离线, en: offline }
    watch: gateway-offline
    levels: [{ severity: major }]
  - id: high
    title: { zh: 过高, en: high }
    scope: { kind: water-quality }
    input: { value: ph }
    levels:
      - { severity: critical, when: value > 11, clear: value < 10.5 }
      - { severity: major, when: value > 9, clear: value < 8.8, for: 1m }
    clearFor: 90s
    flap: { transitions: 6, in: 1h, hold: 10m }
  - id: low
    title: { zh: 过低, en: low }
    scope: { kind: water-quality }
    input: { value: ph }
    levels: [{ severity: minor, when: value < 5 }]
    latch: true
  - id: silent
    title: { zh: 失联, en: silent }
    watch: device-silent
    levels: [{ severity: minor }]
inhibit:
  - { source: { rule: offline }, targets: behind-gateway, kinds: [silence] }
`;

/** Of the county of the store's tests; half of them behind its gateway. */
export const devices = (count: number): Device[] =>
  Array.from({ length: count }, (_, n) =>
    deviceIn(`p${n}`, VILLAGE, { profile: PROFILE, gateway: n % 2 === 0 ? 'gw' : null }),
  );

/** A time that a test moves on; waits are short. */
export class MovedTimer implements Timer {
  at = START;
  readonly now = (): number => this.at;
  readonly elapsed = (): number => this.at;
  readonly sleep: Timer['sleep'] = (ms, signal) => systemTimer.sleep(Math.min(ms / 50, 50), signal);
}

export interface TestReading {
  readonly device: string;
  readonly ph: number;
  /** The present when absent. */
  readonly at?: number;
  readonly backfill?: boolean;
}

export interface RigOptions {
  readonly rules?: RuleSet;
  readonly devices?: number;
  readonly timer?: Timer;
  readonly tickMs?: number;
  readonly more?: Partial<RulesReaderOptions>;
}

export class Rig {
  readonly timer = new MovedTimer();
  readonly failures: string[] = [];
  readonly told: string[] = [];
  store!: TimeSeriesStore;
  relational!: Relational;
  directory!: Directory;
  reader!: RulesReader;
  readonly #folder: string;
  readonly #target: Target;
  readonly #options: RigOptions;
  #ends: (() => Promise<void>) | null = null;
  #isTaking = false;

  constructor(folder: string, target: Target, options: RigOptions = {}) {
    this.#folder = folder;
    this.#target = target;
    this.#options = options;
  }

  get snapshots(): string {
    return join(this.#folder, 'rules');
  }

  get series(): string {
    return join(this.#folder, 'series');
  }

  async open(): Promise<this> {
    const { timer = this.timer, tickMs = Number.POSITIVE_INFINITY } = this.#options;
    this.store = await openTimeSeries({
      ...{ folder: this.series, timer, tickMs, diskReserveBytes: 0 },
    });
    this.relational = await openTables(this.#target, timer.now);
    const { store, relational } = this;
    // Whoever compares reads all groups.
    await store.follow('witness', null, { lagMax: LAG_MAX }).return?.();
    this.directory = new Directory({ relational, store, profiles, log: () => undefined });
    const there = await registryStore(relational).standings();
    if (there.some(({ device }) => device === 'p0')) await this.directory.load(timer.now());
    else await this.register(devices(this.#options.devices ?? 4));
    return this;
  }

  /** Adds devices to those that are there, or changes them. */
  async register(all: readonly Device[]): Promise<void> {
    const { timer = this.timer } = this.#options;
    await registryStore(this.relational).importDevices({
      ...{ at: timer.now() - HOUR, by: 'test', gateways: [], credentials: [], devices: all },
    });
    await this.directory.load(timer.now());
  }

  async retire(device: string): Promise<void> {
    const { timer = this.timer } = this.#options;
    const how = { device, at: timer.now(), by: 'test', reason: null };
    await registryStore(this.relational).retireDevice(how);
    await this.directory.load(timer.now());
  }

  async start(more: Partial<RulesReaderOptions> = {}): Promise<this> {
    await this.open();
    const { timer = this.timer, rules = rulesOf(RULES_TEXT) } = this.#options;
    const { store, relational, directory } = this;
    const failed = this.#failed;
    this.reader = new RulesReader({
      ...{ store, relational, timer, rules, failed },
      limitOf: () => Number.NaN,
      subjects: new Subjects({ directory, relational, now: timer.now }),
      snapshots: new Snapshots({
        ...{ folder: this.snapshots, journal: store.id },
        unusable: (error) => failed('snapshot', error),
      }),
      keeper: new Keeper({
        engine: relational.engine,
        random: seededRandom(`rig ${Math.random()}`),
      }),
      heardAt: (id) => store.lastSeen(id),
      gateways: () => registryStore(relational).gatewayStatuses(),
      changed: (alerts) => this.told.push(...alerts.map(({ id }) => id)),
      log: () => undefined,
      ...this.#options.more,
      ...more,
    });
    this.run();
    // From its place on it gets everything.
    await this.#until('a place', () => store.counters().readerLag['rules'] !== undefined);
    return this;
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    for (let n = 0; n < 2_000; n++) {
      if (holds()) return;
      await systemTimer.sleep(5);
    }
    throw new Error(`waited in vain for ${what}: ${this.failures.join('; ')}`);
  }

  readonly #failed = (kind: string, error: unknown): void => {
    this.failures.push(`${kind}: ${(error as { code?: string }).code ?? String(error)}`);
  };

  /** Lets the reader follow the journal. */
  run(): void {
    const { store, reader } = this;
    const { timer = this.timer } = this.#options;
    const over = new AbortController();
    const own: ModuleReader = {
      ...{ name: reader.name, lagMax: reader.lagMax, stands: () => reader.stands() },
      ...{ place: () => reader.place(), begins: () => reader.begins(), kept: () => reader.kept() },
      missed: (span, resume) => reader.missed(span, resume),
      take: async (group) => {
        this.#isTaking = true;
        await reader.take(group).finally(() => {
          this.#isTaking = false;
        });
      },
    };
    const running = runReaders({ store, timer, failed: this.#failed }, [own], over.signal);
    this.#ends = async () => {
      over.abort();
      await running;
    };
  }

  /** The reader stops where it is, and nothing of it is kept that is not there already. */
  async cut(): Promise<void> {
    await this.#ends?.();
    this.#ends = null;
  }

  /** The end of the process, with all that it does then or with nothing. */
  async stop({ orderly = true } = {}): Promise<void> {
    await this.cut();
    if (orderly) await this.reader.stop();
    await this.store.close();
    await this.relational.close();
  }

  async restart(
    how: { orderly?: boolean; more?: Partial<RulesReaderOptions> } = {},
  ): Promise<void> {
    await this.stop(how);
    await this.start(how.more);
  }

  /** One group at a time: readings, and what else happened. */
  async put(
    at: number,
    readings: readonly TestReading[],
    system: readonly SystemEvent[] = [],
  ): Promise<void> {
    this.timer.at = at;
    for (const { device, ph, at: own = at, backfill = false } of readings)
      putRow(this.store, PROFILE, METRICS, {
        ...{ device, at: own, receivedAt: at, values: { ph } },
        ...(backfill ? { flags: ROW_FLAG.backfill } : {}),
      });
    for (const event of system) this.store.note(event);
    // What has nothing in it is no group.
    if (readings.length + system.length === 0) this.store.note({ type: 'platform-tick', at });
    await this.store.commitNow();
  }

  /** Waits until all is judged and put down. */
  async caughtUp(): Promise<void> {
    const isThere = (): boolean => this.reader.gauges.behind === 0 && !this.#isTaking;
    await this.#until('the reader', isThere);
    await this.reader.putWhenDue();
  }

  /** Keeps what the tables hold now; what it returns brings that back, under whoever has them open. */
  keepTables(): Promise<() => Promise<void>> {
    return keepState(this.#target as { file?: string; url?: string });
  }

  /** What is put down of each alert, in order. */
  putDown(): Promise<Map<string, string[]>> {
    return putDown(this.relational);
  }
}

const STEP: Partial<Record<string, string>> = { open: 'opened', close: 'ended' };

/** Steps that the rules found, by rule and subject. */
export async function putDown(relational: Relational): Promise<Map<string, string[]>> {
  const rows = await alertTables(relational)
    .selectFrom('alert_step as s')
    .innerJoin('alert as a', 'a.id', 's.alert')
    .select(['a.rule', 'a.subject', 's.kind', 's.detail'])
    .where('s.by', 'is', null)
    .orderBy('s.alert')
    .orderBy('s.number')
    .execute();
  const found = new Map<string, string[]>();
  for (const { rule, subject, kind, detail } of rows) {
    const { at, severity } = JSON.parse(detail) as { at: number; severity: string };
    const key = `${rule} ${subject}`;
    const said = `${kind === 'reopened' ? 'opened' : kind} ${(at - START) / 1_000} ${severity}`;
    found.set(key, [...(found.get(key) ?? []), said]);
  }
  return found;
}

/** The same as the engine tells it, in one go over all groups. */
export async function inOneGo(
  groups: AsyncIterable<CommittedGroup> | Iterable<CommittedGroup>,
  directory: Directory,
  relational: Relational,
  { rules = rulesOf(RULES_TEXT), after = 0 }: { rules?: RuleSet; after?: number } = {},
): Promise<Map<string, string[]>> {
  const told: Transition[] = [];
  const engine = new Engine({
    ...{ rules: rules.rules, inhibit: rules.inhibit, limitOf: () => Number.NaN },
    ...{ tell: (one: Transition) => told.push(one), late: () => undefined },
  });
  const subjects = new Subjects({ directory, relational, now: () => START });
  engine.refresh(await subjects.load(null));
  let begun = false;
  for await (const group of groups) {
    if (group.id <= after) continue;
    if (!begun) engine.begin(group.committedAt, () => null);
    begun = true;
    engine.take(group);
  }
  const found = new Map<string, string[]>();
  for (const { rule, subject, kind, at, severity } of told) {
    const key = `${rule} ${subject}`;
    const said = `${STEP[kind] ?? kind} ${(at - START) / 1_000} ${severity}`;
    found.set(key, [...(found.get(key) ?? []), said]);
  }
  return found;
}

/** All groups up to the newest, of a journal that keeps them for the witness. */
export async function* groupsOf(store: TimeSeriesStore): AsyncGenerator<CommittedGroup> {
  const { head } = store;
  for await (const group of store.follow('witness', null, { lagMax: LAG_MAX })) {
    yield group;
    if (group.id >= head) return;
  }
}

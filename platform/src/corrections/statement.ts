/** Statements that put readings right: what they say, which of them contradict each other, and whose times they touch. */
import { DAY, OperationalError } from '@village/core';

export const STATEMENT_KINDS = [
  'invalid',
  'offset',
  'factor',
  'reassign',
  'shift-clock',
  'accept',
] as const;
export type StatementKind = (typeof STATEMENT_KINDS)[number];

export interface Span {
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
}

/** What is said of readings as they were received. */
export interface Saying extends Span {
  readonly kind: StatementKind;
  readonly device: string;
  /** Null means all. */
  readonly metric: string | null;
  /** What is added (offset; ms with shift-clock) or multiplied by (factor). */
  readonly value: number | null;
  /** The device whose readings they are (reassign). */
  readonly target: string | null;
}

/** A statement that holds. */
export interface Statement extends Saying {
  readonly id: number;
}

/** A span of one device's time. */
export interface DeviceSpan extends Span {
  readonly device: string;
}

const OFFSET_MAX = 1e9;
const FACTOR_MAX = 1e6;
/** A clock that is wrong by more has not been set at all. */
const SHIFT_MAX_MS = 366 * 86_400_000;

const refuse = (message: string): never => {
  throw new OperationalError('bad-statement', message);
};

/** Whether the parts of a saying fit together. @throws bad-statement */
export function checkSaying({ kind, device, metric, from, to, value, target }: Saying): void {
  if (!(from < to)) refuse('to: must be later than from');
  const wantsValue = kind === 'offset' || kind === 'factor' || kind === 'shift-clock';
  if (wantsValue !== (value !== null))
    refuse(`value: ${wantsValue ? 'is needed' : 'has no place'}`);
  if ((kind === 'reassign') !== (target !== null))
    refuse(`target: ${kind === 'reassign' ? 'is needed' : 'has no place'}`);
  if (target === device) refuse('target: is the device itself');
  if (value === null) return;
  if (!Number.isFinite(value)) refuse('value: must be a number');
  if (kind === 'factor' && (value === 1 || value === 0 || Math.abs(value) > FACTOR_MAX))
    refuse(`value: a factor is neither 0 nor 1 and at most ${FACTOR_MAX}`);
  if (kind === 'offset' && (value === 0 || Math.abs(value) > OFFSET_MAX))
    refuse(`value: an offset is not 0 and at most ${OFFSET_MAX}`);
  if (kind !== 'shift-clock') return;
  if (value === 0 || !Number.isInteger(value) || Math.abs(value) > SHIFT_MAX_MS)
    refuse('value: a shift is a whole number of milliseconds, not 0 and at most 366 days');
  if (metric !== null) refuse('metric: a clock is of the device, so of all metrics');
}

const meet = (a: Span, b: Span): boolean => a.from < b.to && b.from < a.to;

/** Whether a statement speaks of any of these metrics; absent means all. */
export const speaksOf = (
  { metric }: Pick<Saying, 'metric'>,
  metrics: readonly string[] | undefined,
): boolean => metric === null || metrics === undefined || metrics.includes(metric);

const same = (a: Saying, b: Saying): boolean =>
  a.kind === b.kind &&
  a.metric === b.metric &&
  a.from === b.from &&
  a.to === b.to &&
  a.value === b.value &&
  a.target === b.target;

/**
 * Whether two statements can't both hold: some reading would be valid and not, belong to two devices or have two clocks;
 * or the two are one and the same, said twice. Offsets and factors that meet add up.
 */
export function contradict(a: Saying, b: Saying): boolean {
  if (a.device !== b.device || !meet(a, b)) return false;
  if (a.metric !== null && b.metric !== null && a.metric !== b.metric) return false;
  if (same(a, b)) return true;
  const kinds = [a.kind, b.kind];
  if (kinds.includes('invalid') && kinds.includes('accept')) return true;
  if (a.kind !== b.kind) return false;
  return a.kind === 'shift-clock' || (a.kind === 'reassign' && a.target !== b.target);
}

/** Spans as few that neither meet nor touch, in order. */
export function joined<S extends Span>(spans: readonly S[]): Span[] {
  const list: { from: number; to: number }[] = [];
  for (const { from, to } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = list.at(-1);
    if (last !== undefined && from <= last.to) last.to = Math.max(last.to, to);
    else list.push({ from, to });
  }
  return list;
}

/** What lies between two questions that are asked as one. */
export const NEAR_MS: number = DAY;

/** Spans that lie near each other as one: to ask once more costs as much as to read the rows between. */
export function nearby(spans: readonly Span[]): Span[] {
  const half = NEAR_MS / 2;
  const wider = joined(spans.map(({ from, to }) => ({ from: from - half, to: to + half })));
  return wider.map(({ from, to }) => ({ from: from + half, to: to - half }));
}

/** What two spans share; null when nothing. */
export function shared(a: Span, b: Span): Span | null {
  const from = Math.max(a.from, b.from);
  const to = Math.min(a.to, b.to);
  return from < to ? { from, to } : null;
}

/** A statement with the parts of a device's time that it may change. */
interface Changing {
  readonly statement: Statement;
  readonly spans: readonly Span[];
  readonly within: Span;
}

/** The least span that holds them all. */
const around = (spans: readonly Span[]): Span => ({
  from: spans.reduce((least, { from }) => Math.min(least, from), Number.POSITIVE_INFINITY),
  to: spans.reduce((most, { to }) => Math.max(most, to), Number.NEGATIVE_INFINITY),
});

const changing = (statement: Statement, spans: readonly Span[]): Changing => ({
  statement,
  spans,
  within: around(spans),
});

/** The first of spans in order that ends after a time. */
function firstAfter(spans: readonly Span[], at: number): number {
  let low = 0;
  let high = spans.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (spans[middle]!.to > at) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** What follows from the statements about a device, and from those that give it readings; found once, since every question asks. */
interface Known {
  ordered?: readonly Statement[];
  clock?: readonly (Span & { readonly shift: number })[];
  changing?: readonly Changing[];
  follows?: readonly Changing[];
  within?: DeviceSpan;
  /** By metric; null is any. */
  readonly touched: Map<string | null, readonly Span[]>;
}

interface Change {
  readonly statement: Statement;
  readonly holds: boolean;
}

type ByDevice = ReadonlyMap<string, readonly Statement[]>;

const NONE: readonly Statement[] = [];

/**
 * Statements that hold, by device. Never changed: another one takes its place, which has all in common with it that is about other
 * devices, so that one statement more costs the same whatever the county has said.
 */
export class StatementBook {
  /** The last number of all that changed what holds. */
  readonly number: number;
  /** How many there are. */
  readonly size: number;
  readonly #of: ByDevice;
  readonly #into: ByDevice;
  readonly #known: Map<string, Known>;
  #within: readonly DeviceSpan[] | null = null;

  constructor(statements: readonly Statement[], number = 0, derived?: Derived) {
    this.number = number;
    if (derived !== undefined) {
      ({ size: this.size, of: this.#of, into: this.#into, known: this.#known } = derived);
      return;
    }
    this.size = statements.length;
    this.#of = Map.groupBy(statements, ({ device }) => device);
    const moving = statements.filter(({ target }) => target !== null);
    this.#into = Map.groupBy(moving, ({ target }) => target as string);
    this.#known = new Map();
  }

  #knownOf(device: string): Known {
    const known = this.#known.get(device);
    if (known !== undefined) return known;
    const fresh: Known = { touched: new Map() };
    this.#known.set(device, fresh);
    return fresh;
  }

  /** Devices whose readings may be others than those received. */
  devices(): string[] {
    return [...new Set([...this.#of.keys(), ...this.#into.keys()])];
  }

  /** Statements about readings received from a device. */
  of(device: string): readonly Statement[] {
    return this.#of.get(device) ?? NONE;
  }

  /** The same by when they begin. */
  inOrder(device: string): readonly Statement[] {
    const known = this.#knownOf(device);
    known.ordered ??= this.of(device).toSorted((a, b) => a.from - b.from);
    return known.ordered;
  }

  /** Statements that give a device readings received from others. */
  into(device: string): readonly Statement[] {
    return this.#into.get(device) ?? NONE;
  }

  /** This book with another statement, for trying it. */
  with(statement: Statement): StatementBook {
    return this.#after([{ statement, holds: true }], this.number);
  }

  /** This book after changes, in their order. */
  changed(changes: readonly (Change & { readonly number: number })[]): StatementBook {
    return this.#after(changes, changes.at(-1)?.number ?? this.number);
  }

  #after(changes: readonly Change[], number: number): StatementBook {
    const [of, into, known] = [new Map(this.#of), new Map(this.#into), new Map(this.#known)];
    let { size } = this;
    for (const [device, own] of Map.groupBy(changes, ({ statement }) => statement.device)) {
      const before = this.of(device);
      const all = new Map(before.map((one) => [one.id, one]));
      for (const { statement, holds } of own)
        if (holds) all.set(statement.id, statement);
        else all.delete(statement.id);
      const after = [...all.values()];
      size += after.length - before.length;
      put(of, device, after);
      known.delete(device);
      // Whatever is said of its clock goes along to where its readings go.
      for (const target of targetsOf([...before, ...after])) {
        const others = (into.get(target) ?? NONE).filter((one) => one.device !== device);
        put(into, target, [...others, ...after.filter((one) => one.target === target)]);
        known.delete(target);
      }
    }
    return new StatementBook(NONE, number, { size, of, into, known });
  }

  /** Statements that hold here and not in another book; what another id or content has is another statement. */
  without(other: StatementBook): Statement[] {
    return [...this.#of].flatMap(([device, statements]) => {
      if (other.of(device) === statements) return [];
      const there = new Map(other.of(device).map((one) => [one.id, one]));
      return statements.filter((one) => {
        const known = there.get(one.id);
        // After a database was brought back, ids are given once more.
        return known === undefined || !same(known, one);
      });
    });
  }

  /** Devices whose readings this book and another may leave differently. */
  differing(other: StatementBook): Set<string> {
    const found = new Set<string>();
    for (const { device } of [...this.without(other), ...other.without(this)]) {
      if (found.has(device)) continue;
      found.add(device);
      for (const target of targetsOf([...this.of(device), ...other.of(device)])) found.add(target);
    }
    return found;
  }

  /** A device's time as received, cut where its clock is shifted, and by how much; in order of time. */
  clock(device: string, span: Span): (Span & { readonly shift: number })[] {
    const parts: (Span & { readonly shift: number })[] = [];
    const shifted = this.#shifted(device);
    let { from } = span;
    for (let n = firstAfter(shifted, from); n < shifted.length && from < span.to; n++) {
      const { from: begins, to: ends, shift } = shifted[n]!;
      if (begins > from) parts.push({ from, to: Math.min(begins, span.to), shift: 0 });
      from = Math.max(from, begins);
      if (from < span.to) parts.push({ from, to: Math.min(ends, span.to), shift });
      from = ends;
    }
    if (from < span.to) parts.push({ from, to: span.to, shift: 0 });
    return parts;
  }

  /** Where a device's clock is shifted and by how much, in order. Those that meet add up. */
  #shifted(device: string): readonly (Span & { readonly shift: number })[] {
    const known = this.#knownOf(device);
    if (known.clock !== undefined) return known.clock;
    const shifts = this.of(device).filter(({ kind }) => kind === 'shift-clock');
    const steps = shifts
      .flatMap(({ from, to, value }) => [
        { at: from, by: value ?? 0, held: 1 },
        { at: to, by: -(value ?? 0), held: -1 },
      ])
      .sort((a, b) => a.at - b.at);
    const parts: (Span & { readonly shift: number })[] = [];
    let shift = 0;
    let held = 0;
    for (const [n, { at, by, held: more }] of steps.entries()) {
      shift += by;
      held += more;
      const to = steps[n + 1]?.at ?? at;
      if (held > 0 && at < to) parts.push({ from: at, to, shift });
    }
    known.clock = parts;
    return parts;
  }

  /** Statements that may change a device's corrected readings, where, and what all that lies within. */
  #changes(device: string): readonly Changing[] {
    const known = this.#knownOf(device);
    if (known.changing !== undefined) return known.changing;
    const own = this.of(device).map((one) =>
      changing(one, one.kind === 'shift-clock' ? [one, later(one, one.value ?? 0)] : [one]),
    );
    const others = this.into(device).map((one) =>
      changing(one, joined(this.clock(one.device, one).map((part) => later(part, part.shift)))),
    );
    known.changing = [...own, ...others];
    return known.changing;
  }

  /** Statements that go along with readings to where others move them, and where they then are of the device. */
  #follows(device: string): readonly Changing[] {
    const known = this.#knownOf(device);
    if (known.follows !== undefined) return known.follows;
    const found: Changing[] = [];
    const add = (source: string, one: Statement, within: readonly Span[]): void => {
      const parts = within.flatMap((span) => this.clock(source, span));
      const spans = joined(parts.map((part) => later(part, part.shift)));
      if (spans.length > 0) found.push(changing(one, spans));
    };
    if (this.#shifted(device).length > 0)
      for (const one of this.of(device)) add(device, one, [one]);
    for (const [source, moving] of Map.groupBy(this.into(device), (one) => one.device)) {
      const moved = new Map<string | null, Span[]>();
      for (const one of this.of(source)) {
        const { metric } = one;
        const metrics = metric === null ? undefined : [metric];
        const there = moved.get(metric) ?? joined(moving.filter((by) => speaksOf(by, metrics)));
        moved.set(metric, there);
        add(
          source,
          one,
          there.flatMap((span) => shared(one, span) ?? []),
        );
      }
    }
    known.follows = found;
    return found;
  }

  /** Where a device's corrected readings of a metric (null: of any) may be others than those received; in order. */
  #everTouched(device: string, metric: string | null): readonly Span[] {
    const { touched } = this.#knownOf(device);
    const known = touched.get(metric);
    if (known !== undefined) return known;
    const metrics = metric === null ? undefined : [metric];
    const spans = joined(
      this.#changes(device).flatMap((one) => (speaksOf(one.statement, metrics) ? one.spans : [])),
    );
    touched.set(metric, spans);
    return spans;
  }

  /** Devices of which corrected readings in a span may be others than those received, and some more: whose statements lie around it. */
  devicesAround(span: Span): string[] {
    this.#within ??= this.devices().map((device) => {
      const known = this.#knownOf(device);
      known.within ??= { device, ...around(this.#changes(device).map(({ within }) => within)) };
      return known.within;
    });
    return this.#within.flatMap((one) => (meet(one, span) ? [one.device] : []));
  }

  /** The parts of a span in which a device's corrected readings may be others than those received; in order. */
  touched(device: string, metrics: readonly string[] | undefined, span: Span): Span[] {
    if (!this.#of.has(device) && !this.#into.has(device)) return [];
    const parts = (metrics ?? [null]).flatMap((metric) => {
      const spans = this.#everTouched(device, metric);
      const found: Span[] = [];
      for (let n = firstAfter(spans, span.from); n < spans.length; n++) {
        const part = shared(spans[n]!, span);
        if (part === null) break;
        found.push(part);
      }
      return found;
    });
    return metrics?.length === 1 ? parts : joined(parts);
  }

  /** The parts of a span in which not all of a metric is stated to be invalid; in order. */
  maybeValid(device: string, metric: string, span: Span): Span[] {
    const own = this.of(device);
    // What is moved there may be valid.
    if (this.into(device).length > 0 || own.some(({ kind }) => kind === 'shift-clock'))
      return [span];
    const invalid = own.filter((one) => one.kind === 'invalid' && speaksOf(one, [metric]));
    const parts: Span[] = [];
    let { from } = span;
    for (const one of joined(invalid)) {
      if (one.from > from) parts.push({ from, to: Math.min(one.from, span.to) });
      from = Math.max(from, one.to);
    }
    parts.push({ from, to: span.to });
    return parts.filter((one) => one.from < one.to);
  }

  /** Numbers of the statements that may change a device's corrected readings in a span, in order. */
  touching(device: string, span: Span): number[] {
    const ids = new Set<number>();
    for (const all of [this.#changes(device), this.#follows(device)])
      for (const { statement, within, spans } of all)
        if (meet(within, span) && spans.some((one) => meet(one, span))) ids.add(statement.id);
    return [...ids].sort((a, b) => a - b);
  }

  /** Whose times a statement changes or changed: its own span, widened by shifts, of both devices of a reassignment. */
  reach(statement: Saying): DeviceSpan[] {
    const others = this.of(statement.device).filter((other) => meet(other, statement));
    const shifts = [statement, ...others]
      .filter(({ kind }) => kind === 'shift-clock')
      .map(({ value }) => value ?? 0);
    const targets = [statement, ...others].map(({ target }) => target);
    const devices = new Set([statement.device, ...targets.filter((target) => target !== null)]);
    const spans = joined([0, ...shifts].map((shift) => later(statement, shift)));
    return [...devices].flatMap((device) => spans.map((span) => ({ device, ...span })));
  }
}

/** What one book has in common with another, and what not. */
interface Derived {
  readonly size: number;
  readonly of: ByDevice;
  readonly into: ByDevice;
  readonly known: Map<string, Known>;
}

function put(
  map: Map<string, readonly Statement[]>,
  device: string,
  list: readonly Statement[],
): void {
  if (list.length === 0) map.delete(device);
  else map.set(device, list);
}

const targetsOf = (statements: readonly Statement[]): Set<string> =>
  new Set(statements.flatMap(({ target }) => (target === null ? [] : [target])));

const later = ({ from, to }: Span, by: number): Span => ({ from: from + by, to: to + by });

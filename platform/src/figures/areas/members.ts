/** Devices that a figure of an area is of: where they stood, what they measured there, and a digest of all that held. */
import { createHash } from 'node:crypto';
import { DAY, Slices } from '@village/core';
import type { Circumstances } from '../circumstances.ts';
import { applies } from '../compute.ts';
import { dayStart, type Span } from '../days.ts';
import { type AreaFigure, type Figure, window } from '../figure.ts';
import type { Stood } from './standing.ts';

const meet = (spans: readonly Span[], { from, to }: Span): boolean =>
  spans.some((one) => one.from < to && one.to > from);

/** One device that stands in the area or has stood there, and measures or has measured there what some input is of. */
export class Member {
  readonly device: string;
  readonly stays: readonly Span[];
  readonly service: readonly Span[];
  /** The device wherever it stood, and as far as it stood in the area. */
  readonly held: Circumstances;
  readonly here: Circumstances;
  readonly #measured = new Map<Figure, readonly (readonly Span[])[]>();

  constructor({ device, stays, service }: Stood, held: Circumstances) {
    this.device = device;
    this.stays = stays;
    this.service = service;
    this.held = held;
    this.here = held.within(stays);
  }

  /** Whether it measured, in some of a span and in the area, all that a figure needs. */
  measures(figure: Figure, span: Span): boolean {
    let measured = this.#measured.get(figure);
    if (measured === undefined) {
      measured = figure.inputs.map(({ quantity }) => this.here.measured(quantity));
      this.#measured.set(figure, measured);
    }
    return measured.every((spans) => meet(spans, span));
  }

  inService(span: Span): boolean {
    return meet(this.service, span);
  }

  /** Rows that it is expected to have sent in a span, in the area, for what a figure needs. */
  rowsIn(figure: Figure, { from, to }: Span): number {
    const rows = figure.inputs.map(({ quantity }) =>
      this.here
        .measured(quantity)
        .reduce(
          (sum, one) =>
            sum + Math.max(0, Math.min(to, one.to) - Math.max(from, one.from)) / one.reportEveryMs,
          0,
        ),
    );
    return Math.max(...rows);
  }

  /** Whether it stood there all the time. */
  staysThrough({ from, to }: Span): boolean {
    return this.stays.some((one) => one.from <= from && one.to >= to);
  }
}

/** By the ids of the devices. */
export async function membersOf(
  figure: AreaFigure,
  stood: readonly Stood[],
  circumstances: ReadonlyMap<string, Circumstances>,
): Promise<Member[]> {
  const members: Member[] = [];
  const slices = new Slices();
  for (const one of stood) {
    const held = circumstances.get(one.device);
    if (held === undefined) continue;
    const member = new Member(one, held);
    if (figure.inputs.some((input) => applies(input.figure, member.here))) members.push(member);
    if (slices.over) await slices.next();
  }
  return members.sort((a, b) => (a.device < b.device ? -1 : 1));
}

/** All that a figure of an area looks at for a span. */
export function areaWindow({ inputs }: AreaFigure, span: Span): Span {
  const all = inputs.map(({ figure }) => window(figure, span));
  return {
    from: Math.min(...all.map(({ from }) => from)),
    to: Math.max(...all.map(({ to }) => to)),
  };
}

/** A stretch as far as it lies in a window; null where it goes on beyond. */
const clipped = (one: Span, { from, to }: Span): (number | null)[] => [
  one.from <= from ? null : one.from,
  one.to >= to ? null : one.to,
];

/** What held of the members in a window of time: who stood there, in service or not, what measured, and what was said of it. */
async function heldIn(
  figure: AreaFigure,
  members: readonly Member[],
  around: Span,
): Promise<string> {
  const hash = createHash('sha256');
  const slices = new Slices();
  for (const member of members) {
    if (slices.over) await slices.next();
    const clip = (spans: readonly Span[]): (number | null)[][] =>
      spans.filter((one) => meet([one], around)).map((one) => clipped(one, around));
    const inputs = figure.inputs.map(({ figure: own }) => [
      own.inputs.map(({ quantity }) =>
        member.here
          .measured(quantity)
          .filter((one) => meet([one], around))
          .map((one) => [one.metric, one.reportEveryMs, ...clipped(one, around)]),
      ),
      (own.attributes ?? []).map((key) =>
        member.held
          .said(key)
          .map((one) => ({
            value: one.value,
            from: one.since,
            to: one.until ?? Number.POSITIVE_INFINITY,
          }))
          .filter((one) => meet([one], around))
          .map((one) => [one.value, ...clipped(one, around)]),
      ),
    ]);
    if (!inputs.some(([measured]) => measured?.some((spans) => spans.length > 0))) continue;
    // Out of service it counts by its readings alone, so that a new device changes nothing of the past.
    const silent = inputs.every(([, said]) => said?.every((list) => list.length === 0));
    if (silent && !member.inService(around)) continue;
    hash.update(JSON.stringify([member.device, clip(member.service), inputs]));
  }
  return hash.digest('base64url').slice(0, 22);
}

const EVER: Span = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** Digests of what held for an area's figure day by day. Between two changes it is the same, and computed once. */
export class Holding {
  readonly #figure: AreaFigure;
  readonly #members: readonly Member[];
  readonly #borders: readonly number[];
  readonly #known = new Map<number, string>();

  private constructor(
    figure: AreaFigure,
    members: readonly Member[],
    borders: ReadonlySet<number>,
  ) {
    this.#figure = figure;
    this.#members = members;
    this.#borders = [...borders].sort((a, b) => a - b);
  }

  static async over(figure: AreaFigure, members: readonly Member[]): Promise<Holding> {
    const borders = new Set<number>();
    const slices = new Slices();
    for (const { service, here, held } of members) {
      if (slices.over) await slices.next();
      const measured = figure.inputs.flatMap(({ figure: own }) =>
        own.inputs.flatMap(({ quantity }) => here.measured(quantity)),
      );
      for (const { from, to } of [...service, ...measured]) borders.add(from).add(to);
      for (const { figure: own } of figure.inputs)
        for (const key of own.attributes ?? [])
          for (const { since, until } of held.said(key)) {
            borders.add(since);
            if (until !== null) borders.add(until);
          }
    }
    return new Holding(figure, members, borders);
  }

  /** Of all times. */
  whole(): Promise<string> {
    return heldIn(this.#figure, this.#members, EVER);
  }

  async of(day: number): Promise<string> {
    const around = areaWindow(this.#figure, { from: dayStart(day), to: dayStart(day) + DAY });
    const before = this.#borders.findLastIndex((at) => at <= around.from);
    const after = this.#borders.findIndex((at) => at > around.from);
    const quiet = after === -1 || (this.#borders[after] as number) >= around.to;
    const known = quiet ? this.#known.get(before) : undefined;
    if (known !== undefined) return known;
    const digest = await heldIn(this.#figure, this.#members, around);
    if (quiet) this.#known.set(before, digest);
    return digest;
  }
}

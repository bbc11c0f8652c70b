/** Which devices stood in which area when, by the present tree of areas: what figures of areas are of. */
import { Slices } from '@village/core';
import { registryStore } from '@village/registry';
import type { RelationalAccess } from '@village/store/relational';
import type { Span } from '../days.ts';

/** A device that stands in an area or has stood there. */
export interface Stood {
  readonly device: string;
  /** When it stood there, in order of time; the first place of a device is its place since ever. */
  readonly stays: readonly Span[];
  /** When it was in service. Outside of it, it counts where it left readings: what was measured before it was registered. */
  readonly service: readonly Span[];
}

type Access = Pick<RelationalAccess, 'for'>;

const EVER_FROM = Number.NEGATIVE_INFINITY;
const EVER_TO = Number.POSITIVE_INFINITY;

/** Adds a stretch at the end; two that touch are one. */
function add(spans: { from: number; to: number }[], from: number, to: number): void {
  if (from >= to) return;
  const last = spans.at(-1);
  if (last !== undefined && last.to >= from) last.to = to;
  else spans.push({ from, to });
}

export class Standing {
  readonly #of = new Map<string, Stood[]>();
  readonly #places = new Map<string, readonly (Span & { readonly line: readonly string[] })[]>();
  readonly #service = new Map<string, readonly Span[]>();

  static async load(access: Access): Promise<Standing> {
    const registry = registryStore(access);
    const lines = new Map<string, readonly string[]>();
    for (const root of await registry.roots())
      for (const { code, parent } of await registry.areas(root))
        lines.set(code, [...(lines.get(parent ?? '') ?? []), code]);
    const standing = new Standing();
    const slices = new Slices();
    for (const { device, places, service } of await registry.standings()) {
      if (slices.over) await slices.next();
      const served: { from: number; to: number }[] = [];
      for (const { since, until } of service) add(served, since, until ?? EVER_TO);
      const own = places.map(({ area, since }, n) => ({
        from: n === 0 ? EVER_FROM : since,
        to: places[n + 1]?.since ?? EVER_TO,
        line: lines.get(area) ?? [],
      }));
      standing.#places.set(device, own);
      standing.#service.set(device, served);
      const stays = new Map<string, { from: number; to: number }[]>();
      for (const { from, to, line } of own)
        for (const code of line) {
          const list = stays.get(code) ?? [];
          stays.set(code, list);
          add(list, from, to);
        }
      for (const [code, spans] of stays) {
        const list = standing.#of.get(code) ?? [];
        standing.#of.set(code, list);
        list.push({ device, stays: spans, service: served });
      }
    }
    return standing;
  }

  /** Codes of all areas in which a device stands or has stood. */
  get areas(): readonly string[] {
    return [...this.#of.keys()];
  }

  /** Devices that stand in the area or below it, or did, by id. */
  in(area: string): readonly Stood[] {
    return this.#of.get(area) ?? [];
  }

  /** Whether a device was in service in some of a span. */
  served(device: string, { from, to }: Span): boolean {
    return (this.#service.get(device) ?? []).some((one) => one.from < to && one.to > from);
  }

  /** Areas in which a device stood in some of a span, those above included. */
  areasOf(device: string, { from, to }: Span): ReadonlySet<string> {
    const found = new Set<string>();
    for (const place of this.#places.get(device) ?? [])
      if (place.from < to && place.to > from) for (const code of place.line) found.add(code);
    return found;
  }
}

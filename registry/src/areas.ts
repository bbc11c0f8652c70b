/** The tree of areas: each node knows the way down to it, what lies below it, and the devices that stand there. */
import type { Label } from '@village/core';
import type { DeviceLocation } from '@village/store/time-series';
import type { AreaNode, Counts } from './nodes.ts';
import { emptyRate } from './rates.ts';
import type { StoredArea } from './tables/contract.ts';

/** An area as others refer to it. */
export interface AreaRef {
  readonly code: string;
  readonly name: Label;
}

export const areaRefOf = ({ area: { code, name } }: AreaNode): AreaRef => ({ code, name });

export const noCounts = (): Counts => ({ online: 0, late: 0, offline: 0, never: 0 });

/** Adds an area below its parent, which is there already; `perSecond` is what was counted of it before. */
export function addArea(
  nodes: Map<string, AreaNode>,
  area: StoredArea,
  perSecond = emptyRate(),
): void {
  const parent = area.parent === null ? undefined : nodes.get(area.parent);
  const line: AreaNode[] = [...(parent?.line ?? [])];
  const node: AreaNode = {
    area,
    children: [],
    line,
    entries: [],
    counts: noCounts(),
    perSecond,
  };
  line.push(node);
  parent?.children.push(node);
  nodes.set(area.code, node);
}

/** Where a device of this area stands, for the archive. */
export function locationIn(node: AreaNode): DeviceLocation {
  const code = (level: StoredArea['level']): string | null =>
    node.line.find((one) => one.area.level === level)?.area.code ?? null;
  return {
    county: node.line[0]?.area.code ?? node.area.code,
    township: code('township'),
    village: code('village'),
  };
}

/** Whether the area is `scope` or lies below it. */
export function liesIn(node: AreaNode, scope: string): boolean {
  return node.line.some(({ area }) => area.code === scope);
}

/**
 * Which areas the features of a file are, and whether they lie where these areas are: a map of another county, or one whose
 * townships are mixed up, is refused.
 *
 * An area with devices of known position: at least half of them must lie in the rectangle of its polygons and 5 km around. Another:
 * its rectangle must meet that of all known devices, or of the polygons that are there already, and 30 km around. Where neither is
 * known, nothing can be judged, and the answer says so.
 */
import { type Label, type Position, Slices } from '@village/core';
import type { Directory } from '../directory.ts';
import type { AreaNode, DeviceEntry } from '../nodes.ts';
import { FAULTS_MAX, type GeometryFault, type ReadFeature } from './read.ts';
import { type Bounds, boundsOf, doOverlap, grown, isWithin } from './rings.ts';

const NEAR_M = 5_000;
const AROUND_M = 30_000;
/** Devices of an area that are asked. */
const ASKED_MAX = 2_000;

/** By what it was judged where a map lies. */
export type JudgedBy = 'devices' | 'map' | 'nothing';

export interface PlacedFeature extends ReadFeature {
  readonly area: string;
}

export interface Judged {
  readonly placed: readonly PlacedFeature[];
  readonly faults: readonly GeometryFault[];
  readonly by: JudgedBy;
}

const positionOf = ({ device: { longitude, latitude } }: DeviceEntry): Position | undefined =>
  longitude === null || latitude === null ? undefined : [longitude, latitude];

/** Codes as maps have them: 6 digits of a county or 9 of a township stand for 12. */
const codeOf = (text: string): string =>
  /^(\d{6}|\d{9})$/.test(text) ? text.padEnd(12, '0') : text;

/** The areas of a scope by what files call them. */
class Names {
  readonly #byCode = new Map<string, AreaNode>();
  readonly #byName = new Map<string, AreaNode[]>();

  constructor(nodes: readonly AreaNode[]) {
    for (const node of nodes) {
      const { code, name, aliases, retiredAt } = node.area;
      this.#byCode.set(code, node);
      // A merged village leaves its name to another one.
      if (retiredAt !== null) continue;
      for (const one of new Set([name.zh, name.en, ...aliases]))
        this.#byName.set(one, [...(this.#byName.get(one) ?? []), node]);
    }
  }

  /** The area of a feature, or why there is none. */
  find({ code, name }: Pick<ReadFeature, 'code' | 'name'>): AreaNode | Label {
    if (code !== null) {
      const known = this.#byCode.get(codeOf(code)) ?? this.#only(code);
      if (known !== undefined && known.area.retiredAt !== null)
        return { zh: `区域 ${code} 已停用`, en: `the area ${code} is retired` };
      return (
        known ?? {
          zh: `您的区域里没有代码 ${code}`,
          en: `no area of yours has the code ${code}`,
        }
      );
    }
    const found = this.#byName.get(name ?? '') ?? [];
    if (found.length === 1) return found[0]!;
    if (found.length === 0)
      return { zh: `您的区域里没有“${name}”`, en: `no area of yours is called ${name}` };
    const codes = found.slice(0, 5).map(({ area }) => area.code);
    return {
      zh: `有 ${found.length} 个区域叫“${name}”，请写明 code：${codes.join('、')}`,
      en: `${found.length} areas are called ${name}; give code: ${codes.join(', ')}`,
    };
  }

  #only(alias: string): AreaNode | undefined {
    const found = this.#byName.get(alias) ?? [];
    return found.length === 1 ? found[0] : undefined;
  }
}

const kilometres = (metres: number): string => String(metres / 1000);

/** Whether the rectangle of an area's polygons is where the area is. */
function misplaced(node: AreaNode, bounds: Bounds, around: Bounds | undefined): Label | undefined {
  const known: Position[] = [];
  for (const entry of node.entries) {
    const position = positionOf(entry);
    if (position !== undefined) known.push(position);
    if (known.length === ASKED_MAX) break;
  }
  if (known.length > 0) {
    const wide = grown(bounds, NEAR_M);
    const inside = known.filter((position) => isWithin(wide, position)).length;
    if (inside * 2 >= known.length) return undefined;
    return {
      zh: `不在该区域的位置：已知位置的 ${known.length} 台设备中，只有 ${inside} 台在图形范围及其周围 ${kilometres(NEAR_M)} 公里内`,
      en: `lies elsewhere: of ${known.length} devices of known position only ${inside} are in its rectangle and ${kilometres(NEAR_M)} km around`,
    };
  }
  if (around === undefined || doOverlap(bounds, around)) return undefined;
  return {
    zh: `离本县已知的设备或地图超过 ${kilometres(AROUND_M)} 公里`,
    en: `lies more than ${kilometres(AROUND_M)} km from what is known of the county, its devices or its map`,
  };
}

/** Finds the areas of all features in a scope and judges where they lie. `stored` is what the county's polygons cover already. */
export async function judge(
  features: readonly ReadFeature[],
  scope: string,
  directory: Directory,
  stored: Bounds | undefined,
): Promise<Judged> {
  const slices = new Slices();
  const names = new Names(directory.below(scope));
  const positions: Position[] = [];
  for (const entry of directory.area(scope, scope)?.entries ?? []) {
    if (slices.over) await slices.next();
    const position = positionOf(entry);
    if (position !== undefined) positions.push(position);
  }
  const devices = boundsOf(positions);
  const known = devices ?? stored;
  const around = known === undefined ? undefined : grown(known, AROUND_M);
  const by: JudgedBy = devices !== undefined ? 'devices' : stored !== undefined ? 'map' : 'nothing';
  const placed = new Map<string, PlacedFeature>();
  const faults: GeometryFault[] = [];
  for (const feature of features) {
    if (slices.over) await slices.next();
    const { index, code, name } = feature;
    const tell = (member: string, { zh, en }: Label): void => {
      if (faults.length < FAULTS_MAX)
        faults.push({
          feature: index + 1,
          area: [code, name].filter((text) => text !== null).join(' '),
          path: `features[${index}].${member}`,
          ...{ message: en, zh },
        });
    };
    const found = names.find(feature);
    if (!('area' in found)) {
      tell('properties', found);
      continue;
    }
    const area = found.area.code;
    const twin = placed.get(area);
    const elsewhere = misplaced(found, feature.bounds, around);
    if (twin !== undefined)
      tell('properties', {
        zh: `与第 ${twin.index + 1} 个要素是同一个区域：多块须合为一个 MultiPolygon`,
        en: `is the area of feature ${twin.index + 1}: several parts are one MultiPolygon`,
      });
    else if (elsewhere !== undefined) tell('geometry', elsewhere);
    else placed.set(area, { ...feature, area });
  }
  return { placed: [...placed.values()], faults, by };
}

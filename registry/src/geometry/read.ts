/** What a GeoJSON file says of areas, or every fault of it with its place. Pure: it runs in a thread of its own. */
import type { CoordinateSystem, Label, Position } from '@village/core';
import { convert } from './coordinates.ts';
import {
  type Bounds,
  boundsOf,
  type Polygon,
  pointsOf,
  type Ring,
  ringHas,
  windingOf,
} from './rings.ts';
import { fit } from './simplify.ts';

/** Positions of a file. */
export const POINTS_MAX = 300_000;
export const FEATURES_MAX = 2_000;
/** Faults that are told, the first ones. */
export const FAULTS_MAX = 100;
/** Points that are kept of an area, and of its outline where many are shown at once. */
export const SHAPE_POINTS = 600;
export const OUTLINE_POINTS = 120;

/** One fault of a file; `path` is a place in it as JSON has it, `feature` counts from 1 and is null for the whole file. */
export interface GeometryFault {
  readonly feature: number | null;
  /** What the feature calls its area; empty when it does not. */
  readonly area: string;
  readonly path: string;
  readonly message: string;
  readonly zh: string;
}

/** One feature that can be drawn; shapes are coordinates of a MultiPolygon as JSON, in WGS-84. */
export interface ReadFeature {
  /** From 0. */
  readonly index: number;
  readonly code: string | null;
  readonly name: string | null;
  readonly shape: string;
  readonly outline: string;
  readonly bounds: Bounds;
}

export interface ReadGeometry {
  readonly features: readonly ReadFeature[];
  readonly faults: readonly GeometryFault[];
  readonly points: { readonly read: number; readonly kept: number };
  /** Rings that ran the wrong way round and were turned. */
  readonly turned: number;
}

/** No county is wider or higher; what is goes around the world, or over the meridian where degrees change their sign. */
const SPAN_MAX_DEGREES = 10;

/** How the members that name an area are called, in the order in which they are asked; capitals make no difference. */
const CODE_KEYS = ['code', 'adcode', 'xzqdm', 'xzdm', 'zldwdm', '区划代码', '行政区划代码'];
const NAME_KEYS = ['name', 'xzqmc', 'xzmc', 'zldwmc', '名称', '行政区名称'];
/** Members of a feature that are told where none of them names its area. */
const MEMBERS_TOLD = 12;
/** `crs` members of older files that say what is in degrees. */
const DEGREES = /CRS84|EPSG:+(?:\d*:)?(?:4326|4490)$/i;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function textOf(
  properties: Readonly<Record<string, unknown>>,
  keys: readonly string[],
): string | null {
  const byName = new Map(Object.keys(properties).map((key) => [key.toLowerCase(), key] as const));
  for (const wanted of keys) {
    const key = byName.get(wanted);
    const value = key === undefined ? undefined : properties[key];
    if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
    if (typeof value === 'string' && value.trim() !== '') return value.trim().slice(0, 200);
  }
  return null;
}

/** Why a file of JSON is no FeatureCollection, by what it is instead. */
function notCollection(file: unknown): Label {
  const type = isRecord(file) ? file['type'] : null;
  if (type === 'Topology')
    return {
      zh: '这是 TopoJSON：请转换为 GeoJSON（QGIS 或 mapshaper 均可）后上传',
      en: 'is TopoJSON: turn it into GeoJSON first, with QGIS or mapshaper',
    };
  if (typeof type === 'string')
    return {
      zh: `不是 GeoJSON 的 FeatureCollection，而是 ${type.slice(0, 40)}`,
      en: `is no FeatureCollection of GeoJSON, but a ${type.slice(0, 40)}`,
    };
  return {
    zh: '不是 GeoJSON 的 FeatureCollection',
    en: 'is no FeatureCollection of GeoJSON',
  };
}

/** What bytes are that are no text of GeoJSON, by how they begin; null where that says nothing. */
function otherFormat(bytes: Uint8Array): Label | null {
  const head = Buffer.from(bytes.subarray(0, 64))
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trimStart();
  if (head.startsWith('PK\x03\x04'))
    return {
      zh: '这是压缩包（如 shapefile 的 .zip）：请解开，在 QGIS 中另存为 GeoJSON 后上传',
      en: 'is an archive, such as a .zip with a shapefile: unpack it and save it as GeoJSON, with QGIS',
    };
  if (head.startsWith('\x00\x00\x27\x0a'))
    return {
      zh: '这是 shapefile：请在 QGIS 中另存为 GeoJSON 后上传',
      en: 'is a shapefile: save it as GeoJSON, with QGIS',
    };
  if (head.startsWith('<'))
    return {
      zh: '这是 XML（如 KML、GML）或网页：请另存为 GeoJSON 后上传',
      en: 'is XML, such as KML or GML, or a web page: save it as GeoJSON',
    };
  return null;
}

/** Reads one file; each feature and ring has its own path. */
class Reader {
  readonly faults: GeometryFault[] = [];
  points = 0;
  turned = 0;
  #feature: number | null = null;
  #area = '';
  readonly #system: CoordinateSystem;

  constructor(system: CoordinateSystem) {
    this.#system = system;
  }

  fault(path: string, { zh, en }: Label): undefined {
    if (this.faults.length < FAULTS_MAX)
      this.faults.push({ feature: this.#feature, area: this.#area, path, message: en, zh });
    return undefined;
  }

  /** Whether the file is what can be read at all. */
  collection(file: unknown): readonly unknown[] | undefined {
    if (!isRecord(file) || file['type'] !== 'FeatureCollection' || !Array.isArray(file['features']))
      return this.fault('', notCollection(file));
    this.#expectDegrees(file['crs']);
    const { features } = file as { features: unknown[] };
    if (features.length === 0)
      return this.fault('features', { zh: '没有要素', en: 'has no features' });
    if (features.length > FEATURES_MAX)
      return this.fault('features', {
        zh: `有 ${features.length} 个要素，最多 ${FEATURES_MAX} 个`,
        en: `has ${features.length} features; at most ${FEATURES_MAX} are read`,
      });
    return features;
  }

  #expectDegrees(crs: unknown): void {
    const name = isRecord(crs) && isRecord(crs['properties']) ? crs['properties']['name'] : null;
    if (typeof name === 'string' && !DEGREES.test(name))
      this.fault('crs', {
        zh: `坐标参考为 ${name.slice(0, 80)}：请以经纬度（度）导出`,
        en: `says ${name.slice(0, 80)}: export it in degrees of longitude and latitude`,
      });
  }

  feature(feature: unknown, index: number): ReadFeature | undefined {
    const path = `features[${index}]`;
    this.#feature = index + 1;
    this.#area = '';
    if (!isRecord(feature) || feature['type'] !== 'Feature')
      return this.fault(path, { zh: '不是 Feature', en: 'is no Feature' });
    const properties = isRecord(feature['properties']) ? feature['properties'] : {};
    const code = textOf(properties, CODE_KEYS);
    const name = textOf(properties, NAME_KEYS);
    this.#area = [code, name].filter((text) => text !== null).join(' ');
    if (code === null && name === null) {
      const there = Object.keys(properties).slice(0, MEMBERS_TOLD).join(', ').slice(0, 200);
      return this.fault(`${path}.properties`, {
        zh: `没有说明是哪个区域：须有 code（区划代码）或 name（名称）${there === '' ? '' : `，现有 ${there}`}`,
        en: `does not say which area it is: code or name is needed${there === '' ? '' : `, there is ${there}`}`,
      });
    }
    const before = this.faults.length;
    const polygons = this.#polygons(feature['geometry'], `${path}.geometry`);
    if (polygons === undefined || this.faults.length > before) return undefined;
    const shape = fit(polygons, SHAPE_POINTS);
    const outline = fit(polygons, OUTLINE_POINTS);
    const bounds = boundsOf(shape.flatMap(([outer]) => outer ?? []));
    if (bounds === undefined) return undefined;
    const { west, south, east, north } = bounds;
    if (east - west > SPAN_MAX_DEGREES || north - south > SPAN_MAX_DEGREES)
      return this.fault(`${path}.geometry`, {
        zh: `跨度超过 ${SPAN_MAX_DEGREES} 度，不是一个县以内的区域`,
        en: `spans more than ${SPAN_MAX_DEGREES} degrees, as no area of a county does`,
      });
    return {
      ...{ index, code, name, bounds },
      shape: JSON.stringify(shape),
      outline: JSON.stringify(outline),
    };
  }

  #polygons(geometry: unknown, path: string): Polygon[] | undefined {
    const type = isRecord(geometry) ? geometry['type'] : null;
    const given = isRecord(geometry) ? geometry['coordinates'] : null;
    const at = `${path}.coordinates`;
    if (type !== 'Polygon' && type !== 'MultiPolygon')
      return this.fault(path, {
        zh: `须为 Polygon 或 MultiPolygon${typeof type === 'string' ? `，而不是 ${type.slice(0, 40)}` : ''}`,
        en: `must be a Polygon or MultiPolygon${typeof type === 'string' ? `, not a ${type.slice(0, 40)}` : ''}`,
      });
    if (!Array.isArray(given) || given.length === 0)
      return this.fault(at, { zh: '没有坐标', en: 'has no coordinates' });
    const parts =
      type === 'Polygon'
        ? [[given, at] as const]
        : given.map((part, n) => [part, `${at}[${n}]`] as const);
    return parts.flatMap(([part, place]) => {
      const polygon = this.#polygon(part, place);
      return polygon === undefined ? [] : [polygon];
    });
  }

  #polygon(given: unknown, path: string): Polygon | undefined {
    if (!Array.isArray(given) || given.length === 0)
      return this.fault(path, { zh: '没有环', en: 'has no rings' });
    const rings: Ring[] = [];
    for (const [n, one] of given.entries()) {
      const ring = this.#ring(one, `${path}[${n}]`, n === 0);
      if (ring === undefined) return undefined;
      rings.push(ring);
    }
    const [outer, ...holes] = rings as [Ring, ...Ring[]];
    for (const [n, hole] of holes.entries())
      if (!hole.some((position) => ringHas(outer, position)))
        return this.fault(`${path}[${n + 1}]`, {
          zh: '孔不在外环之内',
          en: 'is a hole that lies outside of the outer ring',
        });
    return rings;
  }

  /** A closed ring in WGS-84 that runs as RFC 7946 has it: against the clock outside, with it around holes. */
  #ring(given: unknown, path: string, isOuter: boolean): Ring | undefined {
    if (!Array.isArray(given)) return this.fault(path, { zh: '不是环', en: 'is no ring' });
    this.points += given.length;
    if (this.points > POINTS_MAX) return undefined;
    const ring: Position[] = [];
    for (const [n, one] of given.entries()) {
      const position = this.#position(one, `${path}[${n}]`);
      if (position === undefined) return undefined;
      ring.push(position);
    }
    const [first, last] = [ring[0], ring.at(-1)];
    if (ring.length < 4)
      return this.fault(path, {
        zh: `环只有 ${ring.length} 个点，至少 4 个`,
        en: `is a ring of ${ring.length} positions; 4 are the least`,
      });
    if (first === undefined || first[0] !== last?.[0] || first[1] !== last[1])
      return this.fault(path, {
        zh: '环没有闭合：首尾两点须相同',
        en: 'is an open ring: its first and last positions must be the same',
      });
    const winding = windingOf(ring);
    if (winding === 0)
      return this.fault(path, { zh: '环没有面积', en: 'is a ring without any area' });
    if (winding > 0 !== isOuter) {
      this.turned++;
      ring.reverse();
    }
    return ring.map((position) => convert(position, this.#system, 'wgs84'));
  }

  #position(given: unknown, path: string): Position | undefined {
    const [x, y] = Array.isArray(given) ? (given as unknown[]) : [];
    if (typeof x !== 'number' || typeof y !== 'number')
      return this.fault(path, {
        zh: '不是坐标：须为 [经度, 纬度]',
        en: 'is no position: [longitude, latitude] is',
      });
    if (Math.abs(x) <= 180 && Math.abs(y) <= 90) return [x, y];
    const told = `[${x}, ${y}]`;
    if (Math.abs(x) <= 90 && Math.abs(y) <= 180)
      return this.fault(path, {
        zh: `${told} 的纬度超出范围：经度和纬度的次序似乎颠倒了`,
        en: `${told} is out of range: longitude and latitude seem to be the wrong way round`,
      });
    return this.fault(path, {
      zh: `${told} 超出范围：须为经纬度（度），不能是投影坐标（米）`,
      en: `${told} is out of range: degrees are needed, not metres of a projection`,
    });
  }

  /** `count` is null where nobody has counted to the end. */
  tooMany(count: number | null): void {
    this.#feature = null;
    this.#area = '';
    this.faults.length = 0;
    this.fault('', {
      zh: `${count ?? `多于 ${2 * POINTS_MAX}`} 个坐标点，最多 ${POINTS_MAX} 个：请先化简，地图只需每村几百个点`,
      en: `${count ?? `more than ${2 * POINTS_MAX}`} positions; at most ${POINTS_MAX} are read: simplify it first, a map needs some hundreds for each area`,
    });
  }
}

/** Brackets in a text: each position and ring opens one. */
function bracketsIn(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === 0x5b) count++;
  return count;
}

const nothing = (faults: readonly GeometryFault[], reader?: Reader): ReadGeometry => ({
  ...{ features: [], faults },
  points: { read: reader?.points ?? 0, kept: 0 },
  turned: 0,
});

function parse(reader: Reader, bytes: Uint8Array): unknown {
  const other = otherFormat(bytes);
  if (other !== null) return reader.fault('', other);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return reader.fault('', {
      zh: '不是 UTF-8 编码的文本，GeoJSON 须为 UTF-8',
      en: 'is not UTF-8, which GeoJSON is written in',
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    const said = error.message.slice(0, 160);
    return reader.fault('', { zh: `不是 JSON：${said}`, en: `is no JSON: ${said}` });
  }
}

/** Reads the bytes of a file whose coordinates are of that system. */
export function readGeometry(bytes: Uint8Array, system: CoordinateSystem): ReadGeometry {
  const reader = new Reader(system);
  // What is far too long is not even parsed: a bracket is a position or a ring.
  if (bracketsIn(bytes) > 2 * POINTS_MAX) {
    reader.tooMany(null);
    return nothing(reader.faults);
  }
  const file = parse(reader, bytes);
  if (reader.faults.length > 0) return nothing(reader.faults);
  const collection = reader.collection(file);
  if (collection === undefined) return nothing(reader.faults);
  const features = collection.flatMap((one, index) => reader.feature(one, index) ?? []);
  if (reader.points > POINTS_MAX) reader.tooMany(reader.points);
  if (reader.faults.length > 0) return nothing(reader.faults, reader);
  const kept = features.reduce(
    (sum, { shape }) => sum + pointsOf(JSON.parse(shape) as Polygon[]),
    0,
  );
  return { features, faults: [], points: { read: reader.points, kept }, turned: reader.turned };
}

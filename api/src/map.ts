/** What a map of the county is drawn from: polygons of areas and where devices are. */
import { COORDINATE_SYSTEMS, MINUTE } from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  Code,
  exactly,
  Label,
  LevelWord,
  Nothing,
  orNull,
  page,
  pageQuery,
  pair,
  StateWord,
  words,
} from './shapes.ts';

export const SystemWord = words(COORDINATE_SYSTEMS);

const Rings = Type.Array(Type.Array(pair(Type.Number())));

/** One area; coordinates are WGS-84. */
export const AreaFeature = Type.Object({
  type: words(['Feature']),
  properties: Type.Object({
    code: Type.String(),
    name: Label,
    level: LevelWord,
    /** 审图号, the number under which the map was approved; empty when nobody said one. */
    review: Type.String(),
  }),
  geometry: Type.Object({ type: words(['MultiPolygon']), coordinates: Type.Array(Rings) }),
});
export type AreaFeature = Static<typeof AreaFeature>;

export const AreaFeatures = Type.Object({
  type: words(['FeatureCollection']),
  features: Type.Array(AreaFeature),
});
export type AreaFeatures = Static<typeof AreaFeatures>;

/** What came of a file of polygons, or why nothing did. */
export const GeometryImported = Type.Object({
  /** Areas that have the polygons of the file now. */
  areas: Type.Integer(),
  points: Type.Object({ read: Type.Integer(), kept: Type.Integer() }),
  /** Rings that ran the wrong way round and were turned. */
  turned: Type.Integer(),
  judgedBy: words(['devices', 'map', 'nothing']),
  faults: Type.Array(
    Type.Object({
      /** Counted from 1; null for the whole file. */
      feature: orNull(Type.Integer()),
      /** What the feature calls its area. */
      area: Type.String(),
      /** Its place in the file, such as `features[3].geometry.coordinates[0][2]`. */
      path: Type.String(),
      message: Type.String(),
      zh: Type.String(),
    }),
  ),
});
export type GeometryImported = Static<typeof GeometryImported>;

/** A device as a map shows it. */
export const MapDevice = Type.Object({
  id: Type.String(),
  name: Type.String(),
  kind: Type.String(),
  /** Code of its area. */
  area: Type.String(),
  longitude: Type.Number(),
  latitude: Type.Number(),
  state: StateWord,
});
export type MapDevice = Static<typeof MapDevice>;

const GeoJson = Type.Unsafe<Uint8Array>({
  type: 'string',
  format: 'binary',
  description: 'A FeatureCollection of Polygons and MultiPolygons (RFC 7946)',
});

export const geometry = endpoint({
  method: 'GET',
  path: '/areas/geometry',
  right: 'areas.read',
  summary: 'The polygons of an area and of those right below it, as GeoJSON in WGS-84',
  notes:
    'Simplified: at most 600 points an area, 120 where there are many. `ETag` and `If-None-Match` (304) spare what is known. ' +
    '`review` is the number under which the map was approved (审图号); areas without polygons are left out',
  tags: ['areas'],
  query: exactly({ area: Type.Optional(Code) }),
  answers: { 200: AreaFeatures, 304: Nothing },
});

export const importGeometry = endpoint({
  method: 'POST',
  path: '/areas/geometry',
  right: 'areas.import',
  summary: 'Takes the polygons of areas from a GeoJSON file',
  notes:
    'A FeatureCollection whose features say their area by `code` (`adcode`, `XZQDM`, `XZDM`; 6 or 9 digits will do) or `name` (`XZQMC`, `名称`; capitals make no difference; ' +
    'Chinese, English or an alias). `system` is what its coordinates are: `wgs84`, `cgcs2000` (taken as WGS-84, from which it differs by ' +
    'decimetres), `gcj02`, `bd09`. `review` is the map-review number (审图号), if it has one. Areas of the file get its polygons, others ' +
    'keep theirs; borders are simplified to 2 m or coarser. At most 32 MB, 300,000 positions and 2,000 features. Of an area with devices of ' +
    'known position at least half must lie in the rectangle of its polygons and 5 km around; another must be within 30 km of the known devices ' +
    '(`judgedBy: devices`) or of the polygons that are stored (`map`); `nothing` when neither is known. Faults are told with the feature and their path in the ' +
    'file, the first hundred, and nothing is stored then (422). Rings that run the wrong way round are turned. 422 ' +
    '`unreadable-geometry`; 503 `busy` when four files wait',
  tags: ['areas'],
  consumes: ['application/geo+json', 'application/json', 'application/octet-stream'],
  bodyBytesMax: 32 * 1024 * 1024,
  answerMs: 5 * MINUTE,
  query: exactly({
    system: SystemWord,
    review: Type.Optional(Type.String({ maxLength: 60, pattern: '^[^\\p{Cc}]*$' })),
  }),
  body: GeoJson,
  answers: { 200: GeometryImported, 422: GeometryImported },
});

export const removeGeometry = endpoint({
  method: 'DELETE',
  path: '/areas/geometry',
  right: 'areas.import',
  summary: 'Takes the polygons of an area and of all below it away',
  tags: ['areas'],
  query: exactly({ area: Type.Optional(Code) }),
  answers: { 200: Type.Object({ areas: Type.Integer() }) },
});

export const devices = endpoint({
  method: 'GET',
  path: '/map/devices',
  right: 'devices.read',
  summary: 'Where the devices of an area are, and their states',
  notes:
    'By name, those of known position alone. What changes later is told by `/live`. Bounded for pages: a county of 20,000 devices is 20 answers',
  tags: ['devices'],
  query: pageQuery({ area: Type.Optional(Code) }),
  answers: { 200: page(MapDevice) },
});

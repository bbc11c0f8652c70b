/** Polygons and positions of the fixture: each township a square around its middle, which no map of the county looks like. */
import type * as api from '@village/api';
import { areas, type FixtureArea, type FixtureDevice, middleOf } from '../county.ts';

const HALF = 0.035;

function square(code: string, half: number): [number, number][] {
  const [x, y] = middleOf(code);
  const ring: [number, number][] = [
    [x - half, y - half],
    [x + half, y - half],
    [x + half, y + half],
    [x - half, y + half],
  ];
  return [...ring, ring[0] as [number, number]];
}

/** The polygons of an area and of those right below; none when the county has no map. */
export function geometry(area: FixtureArea, has: boolean): api.map.AreaFeatures {
  const shown = areas.filter(
    ({ code, parent, level }) =>
      level !== 'village' && (code === area.code || parent === area.code),
  );
  return {
    type: 'FeatureCollection',
    features: (has ? shown : []).map(({ code, name, level }) => ({
      type: 'Feature',
      properties: { code, name, level, review: '浙湖S(2026)3号' },
      geometry: {
        type: 'MultiPolygon',
        coordinates: [[square(code, level === 'county' ? 0.4 : HALF)]],
      },
    })),
  };
}

/** One page of devices with a position. */
export function mapDevices(
  devices: readonly FixtureDevice[],
  query: URLSearchParams,
): { items: api.map.MapDevice[]; next: string | null } {
  const start = Number(query.get('cursor') ?? 0);
  const limit = Number(query.get('limit') ?? 1000);
  const items = devices.slice(start, start + limit).flatMap((device) => {
    const { id, name, profile, area, longitude, latitude, state } = device;
    if (longitude === null || latitude === null) return [];
    return [{ id, name, kind: profile.kind, area: area.code, longitude, latitude, state }];
  });
  return { items, next: start + limit < devices.length ? String(start + limit) : null };
}

const COUNTED = {
  areas: 16,
  points: { read: 80, kept: 80 },
  turned: 1,
  judgedBy: 'devices',
} as const;

/** What comes of a file of polygons: faults when it is said to be of Baidu's coordinates, else what was taken. */
export function importedGeometry(system: string): {
  status: number;
  body: api.map.GeometryImported;
} {
  if (system !== 'bd09') return { status: 200, body: { ...COUNTED, faults: [] } };
  return {
    status: 422,
    body: {
      ...{ areas: 0, points: { read: 80, kept: 0 }, turned: 0, judgedBy: 'nothing' },
      faults: [
        {
          ...{ feature: 3, area: '林城镇', path: 'features[2].geometry.coordinates[0][2]' },
          message: 'lies outside China',
          zh: '不在中国境内',
        },
        {
          ...{ feature: null, area: '', path: 'crs' },
          message: 'names another coordinate system than was said',
          zh: '所写坐标系与所选的不同',
        },
      ],
    },
  };
}

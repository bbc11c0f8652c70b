/** What the map page is drawn from: positions page by page, states live, polygons where there are any. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Area, LatestChange } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { allPages, asApiError, useLoad } from '#kit/load.ts';
import { MapPoints } from '#kit/map/points.ts';
import type { MapShape } from '#kit/map/shapes.ts';
import { client } from '#kit/state.ts';

const PAGE = 1_000;
/** 100,000 devices. */
const PAGES_MAX = 100;
/** Live changes are drawn this often. */
const DRAWN_MS = 500;

export interface LivePoints {
  readonly points: MapPoints;
  /** Another number after each change. */
  readonly revision: number;
  readonly loading: boolean;
  readonly error: ApiError | undefined;
  readonly reload: () => void;
  /** Takes live changes over. */
  readonly apply: (changes: readonly LatestChange[]) => void;
}

/** Positions of all devices of an area. */
export function useLivePoints(area: string): LivePoints {
  const [state, setState] = useState({ points: new MapPoints(), revision: 0, loading: true });
  const [error, setError] = useState<ApiError | undefined>(undefined);
  const [turn, setTurn] = useState(0);
  const points = useRef(state.points);
  /** Changes that came while pages were on their way: an answer may be older. */
  const meanwhile = useRef<Map<string, LatestChange> | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | null>(null);

  useEffect(() => {
    const leaving = new AbortController();
    const fresh = new MapPoints();
    points.current = fresh;
    meanwhile.current = new Map();
    setError(undefined);
    setState({ points: fresh, revision: 0, loading: true });
    const page = async (cursor: string | null) => {
      const query = { area, limit: PAGE, cursor };
      const answer = await client.call(calls.mapDevices, { query, signal: leaving.signal });
      fresh.add(answer.items);
      fresh.apply([...(meanwhile.current?.values() ?? [])]);
      setState((before) => ({ points: fresh, revision: before.revision + 1, loading: true }));
      // The frame before the next page is the reader's.
      await new Promise((resolve) => setTimeout(resolve));
      return { items: [], next: answer.next };
    };
    allPages(page, PAGES_MAX)
      .catch((cause: unknown) => {
        if (!leaving.signal.aborted) setError(asApiError(cause));
      })
      .finally(() => {
        if (leaving.signal.aborted) return;
        meanwhile.current = null;
        setState((before) => ({ ...before, revision: before.revision + 1, loading: false }));
      });
    return () => leaving.abort();
  }, [area, turn]);

  useEffect(
    () => () => {
      if (timer.current !== null) clearTimeout(timer.current);
    },
    [],
  );

  return {
    ...{ ...state, error },
    reload: () => setTurn((before) => before + 1),
    apply: (changes) => {
      for (const change of changes) meanwhile.current?.set(change.device, change);
      if (points.current.apply(changes) === 0 || timer.current !== null) return;
      timer.current = setTimeout(() => {
        timer.current = null;
        setState((before) => ({ ...before, revision: before.revision + 1 }));
      }, DRAWN_MS);
    },
  };
}

/** Polygons of an area and those below; none when there are none. */
export interface Shapes {
  readonly shapes: readonly MapShape[];
  readonly reviews: readonly string[];
}

const NO_SHAPES: Shapes = { shapes: [], reviews: [] };

export function useShapes(area: string): { readonly data: Shapes; readonly here: boolean } {
  const load = useLoad(`geometry ${area}`, async (signal): Promise<Shapes> => {
    const { features } = await client.call(calls.areaGeometry, { query: { area }, signal });
    return {
      shapes: features.map(({ properties: { code, name, level }, geometry }) => ({
        ...{ code, name, level, polygons: geometry.coordinates },
      })),
      reviews: features.map(({ properties }) => properties.review),
    };
  });
  return {
    data: load.data ?? NO_SHAPES,
    here: load.data !== undefined || load.error !== undefined,
  };
}

/** All areas below one's own, by code; for names on the ground and for search. */
export function useAreaNames(own: string): ReadonlyMap<string, Area> {
  const load = useLoad(`names ${own}`, async (signal) => {
    const { items } = await allPages(
      (cursor) => client.call(calls.areas, { query: { cursor, limit: PAGE }, signal }),
      PAGES_MAX,
    );
    return new Map(items.map((area) => [area.code, area]));
  });
  return load.data ?? NO_NAMES;
}
const NO_NAMES: ReadonlyMap<string, Area> = new Map();

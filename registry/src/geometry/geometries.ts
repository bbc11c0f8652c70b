/** Polygons of areas: taken from GeoJSON files, all or nothing, one file at a time, and told as GeoJSON. */
import { createHash } from 'node:crypto';
import type { Clock, CoordinateSystem } from '@village/core';
import { FILE_TRANSACTION_MS, type Relational } from '@village/store/relational';
import type { Directory } from '../directory.ts';
import { asSeen } from '../import/as-seen.ts';
import { InTurn } from '../import/in-turn.ts';
import type { Origin } from '../lifecycle.ts';
import type { AreaNode } from '../nodes.ts';
import type { StoredGeometry } from '../tables/contract.ts';
import { registryStore } from '../tables/registry-store.ts';
import { type JudgedBy, judge } from './judge.ts';
import type { GeometryFault } from './read.ts';
import { readInThread } from './reading.ts';
import type { Bounds } from './rings.ts';

/** Areas of one answer. */
const AREAS_MAX = 500;
/** Characters of shapes in an answer, about; where there are more, outlines are told instead. */
const SHAPES_MAX = 500_000;

export interface GeometriesOptions {
  readonly relational: Relational;
  readonly directory: Directory;
  readonly clock: Clock;
}

export interface GeometryFile {
  readonly content: Uint8Array;
  readonly system: CoordinateSystem;
  /** 审图号, the number under which the map was approved; empty when nobody said one. */
  readonly review: string;
  /** Fires when whoever sent it has gone. */
  readonly signal?: AbortSignal;
}

export interface GeometryImported {
  /** Areas that have these polygons now. */
  readonly areas: number;
  readonly points: { readonly read: number; readonly kept: number };
  /** Rings that ran the wrong way round and were turned. */
  readonly turned: number;
  readonly judgedBy: JudgedBy;
  /** When there is one, nothing was stored. */
  readonly faults: readonly GeometryFault[];
}

const unionOf = (stored: readonly StoredGeometry[]): Bounds | undefined =>
  stored.length === 0
    ? undefined
    : {
        west: Math.min(...stored.map(({ west }) => west)),
        south: Math.min(...stored.map(({ south }) => south)),
        east: Math.max(...stored.map(({ east }) => east)),
        north: Math.max(...stored.map(({ north }) => north)),
      };

export class Geometries {
  readonly #options: GeometriesOptions;
  readonly #turns = new InTurn();

  constructor(options: GeometriesOptions) {
    this.#options = options;
  }

  /** Areas in `scope` get the polygons of a file; others keep theirs. @throws busy, query-aborted, unreadable-geometry */
  take(file: GeometryFile, scope: string, origin: Origin): Promise<GeometryImported> {
    return this.#turns.run(
      async () => {
        const { relational, directory, clock } = this.#options;
        const read = await readInThread(file.content, file.system, file.signal);
        const refused = (
          judgedBy: JudgedBy,
          faults: readonly GeometryFault[],
        ): GeometryImported => ({
          ...{ areas: 0, judgedBy, faults, turned: 0 },
          points: { read: read.points.read, kept: 0 },
        });
        if (read.faults.length > 0) return refused('nothing', read.faults);
        return asSeen(this.#options, async (seen) => {
          const codes = directory.below(scope).map(({ area }) => area.code);
          const stored = await registryStore(relational).geometries(codes.slice(0, AREAS_MAX));
          const { placed, faults, by } = await judge(
            read.features,
            scope,
            directory,
            unionOf(stored),
          );
          if (faults.length > 0) return refused(by, faults);
          const at = clock();
          const { system, review } = file;
          const rows = placed.map(
            ({ area, shape, outline, bounds }): StoredGeometry => ({
              ...{ area, shape, outline, system, review, at, by: origin.by },
              ...bounds,
            }),
          );
          await relational.transaction(
            async (tx) => {
              const stored = registryStore(tx);
              // An area may have been moved out of the scope meanwhile, or retired.
              await stored.holdUnchanged(seen);
              await stored.saveGeometries(rows);
            },
            {
              limitMs: FILE_TRANSACTION_MS,
              audit: () =>
                origin.audited('import-geometry', scope, { areas: rows.length, system, review }),
            },
          );
          return {
            ...{ areas: rows.length, points: read.points, turned: read.turned },
            ...{ judgedBy: by, faults: [] },
          };
        });
      },
      { signal: file.signal },
    );
  }

  /** Takes the polygons of an area and of all below it away. */
  async remove(node: AreaNode, origin: Origin): Promise<number> {
    const { relational, directory } = this.#options;
    const codes = directory.below(node.area.code).map(({ area }) => area.code);
    return relational.transaction((tx) => registryStore(tx).removeGeometries(codes), {
      audit: (areas) => origin.audited('remove-geometry', node.area.code, { areas }),
    });
  }

  /** The polygons of an area and of those right below it as GeoJSON in WGS-84, with a tag that is another when they are. */
  async collection(node: AreaNode): Promise<{ body: Buffer; etag: string }> {
    const inService = node.children.filter(({ area }) => area.retiredAt === null);
    const shown = [node, ...inService].slice(0, AREAS_MAX);
    const codes = shown.map(({ area }) => area.code);
    const stored = await registryStore(this.#options.relational).geometries(codes);
    const byArea = new Map(stored.map((one) => [one.area, one]));
    const long = stored.reduce((sum, { shape }) => sum + shape.length, 0) > SHAPES_MAX;
    const features = shown.flatMap(({ area }) => {
      const one = byArea.get(area.code);
      if (one === undefined) return [];
      const properties = JSON.stringify({
        ...{ code: area.code, name: area.name, level: area.level, review: one.review },
      });
      const shape = long ? one.outline : one.shape;
      return [
        `{"type":"Feature","properties":${properties},"geometry":{"type":"MultiPolygon","coordinates":${shape}}}`,
      ];
    });
    const body = Buffer.from(`{"type":"FeatureCollection","features":[${features.join(',')}]}`);
    const hash = createHash('sha256').update(body).digest('base64url').slice(0, 27);
    return { body, etag: `"${hash}"` };
  }
}

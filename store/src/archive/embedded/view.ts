/**
 * What a query reads: the files of the manifest and the memtables, chosen by time; never a look into a folder.
 * What a running query may still read is not deleted before it ends.
 */

import type { ArchiveFile } from './files/manifest.ts';
import type { Generation, Memtable } from './memtable.ts';

/** A half-open stretch of event time, ms. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Holds back deletions while queries that may read the deleted things are running. */
export class Pins {
  #epochs: { users: number; garbage: (() => void)[] }[] = [{ users: 0, garbage: [] }];

  /** Call when a query is made; call the result, once, when it ended. */
  hold(): () => void {
    const epoch = this.#epochs.at(-1)!;
    epoch.users++;
    return () => {
      epoch.users--;
      this.#sweep();
    };
  }

  /** Runs `remove` when everything that was held before has been let go. */
  retire(remove: () => void): void {
    this.#epochs.at(-1)!.garbage.push(remove);
    this.#epochs.push({ users: 0, garbage: [] });
    this.#sweep();
  }

  #sweep(): void {
    while (this.#epochs.length > 1 && this.#epochs[0]!.users === 0)
      for (const remove of this.#epochs.shift()!.garbage) remove();
  }
}

const overlaps = (item: { first: number; last: number }, spans: readonly Span[]): boolean =>
  spans.some((span) => item.first < span.to && item.last >= span.from);

/** The readable archive and the unflushed generations, oldest first; the last generation is open. */
export class View {
  files: ArchiveFile[] = [];
  /** Files of the manifest that are not read, since they were proved damaged or are missing; no rollups. */
  setAside: readonly ArchiveFile[] = [];
  generations: Generation[] = [];
  /** Hours (since 1970) by layout whose rollup does not hold all archived rows. */
  readonly dirty = new Map<number, Set<number>>();

  get open(): Generation {
    return this.generations.at(-1)!;
  }

  dataFiles(layout: number, spans: readonly Span[]): ArchiveFile[] {
    return this.files.filter(
      (file) =>
        file.layout === layout &&
        (file.kind === 'day' || file.kind === 'month') &&
        overlaps(file, spans),
    );
  }

  rollups(layout: number, spans: readonly Span[]): ArchiveFile[] {
    return this.files.filter(
      (file) => file.layout === layout && file.kind === 'rollup' && overlaps(file, spans),
    );
  }

  /** Files set aside that hold readings of the layout (-1: events) in the spans. */
  setAsideIn(layout: number, spans: readonly Span[]): ArchiveFile[] {
    return this.setAside.filter((file) => file.layout === layout && overlaps(file, spans));
  }

  eventFiles(span: Span): ArchiveFile[] {
    return this.files.filter((file) => file.kind === 'events' && overlaps(file, [span]));
  }

  memtables(layout: number, spans: readonly Span[]): Memtable[] {
    return this.generations.flatMap((generation) =>
      generation.tables.filter((table) => table.layout === layout && overlaps(table, spans)),
    );
  }

  /** Whether an hour's rollup says all there is. */
  isSettled(layout: number, hour: number): boolean {
    if (this.dirty.get(layout)?.has(hour) === true) return false;
    for (const generation of this.generations)
      for (const table of generation.tables)
        if (table.layout === layout && table.hours.has(hour)) return false;
    return true;
  }

  addDirty(layout: number, hour: number): void {
    let hours = this.dirty.get(layout);
    if (hours === undefined) {
      hours = new Set();
      this.dirty.set(layout, hours);
    }
    hours.add(hour);
  }
}

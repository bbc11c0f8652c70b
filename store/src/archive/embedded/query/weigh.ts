/** How many rows a question would read, by the manifest and the books of memtables alone. */
import { HOUR } from '@village/core';
import type { Weighed } from '../../contract.ts';
import type { ArchiveParts } from '../parts.ts';
import type { Span } from '../view.ts';
import { rollable, targets } from './aggregate.ts';

interface Stretch {
  readonly rows: number;
  /** Both inclusive. */
  readonly first: number;
  readonly last: number;
}

/** The part of the rows that lies in the span, as if they were spread evenly. */
function rowsWithin({ rows, first, last }: Stretch, { from, to }: Span): number {
  const shared = Math.min(to, last + 1) - Math.max(from, first);
  return shared <= 0 ? 0 : rows * (shared / (last + 1 - first));
}

/** Rows of all devices of a layout. */
function rowsOfLayout(archive: ArchiveParts, layout: number, span: Span): number {
  const { view } = archive;
  const stretches = [...view.dataFiles(layout, [span]), ...view.memtables(layout, [span])];
  return stretches.reduce((sum, stretch) => sum + rowsWithin(stretch, span), 0);
}

/** Rows of one device, as if all of its profile sent the same number. */
function rowsOfDevice(archive: ArchiveParts, device: string, span: Span): number {
  return (archive.numbersOf.get(device) ?? []).reduce((sum, number) => {
    const layout = archive.layoutOf[number]!;
    const { devices } = archive.layouts[layout]!;
    return sum + rowsOfLayout(archive, layout, span) / Math.max(1, devices.size);
  }, 0);
}

/** Spans of a question over many are weighed by as many of them; the others are taken for the same. */
const WEIGHED_MAX = 100;

/** Rows that answering would read, about. */
export function weigh(archive: ArchiveParts, weighed: Weighed): number {
  if (weighed.of === 'spans') {
    const { spans } = weighed;
    const step = Math.max(1, Math.floor(spans.length / WEIGHED_MAX));
    let rows = 0;
    let looked = 0;
    for (let n = 0; n < spans.length; n += step, looked++)
      rows += rowsOfDevice(archive, spans[n]!.device, spans[n]!);
    return looked === 0 ? 0 : (rows / looked) * spans.length;
  }
  const { query } = weighed;
  const { device, from, to } = query;
  return targets(archive, query).reduce((sum, { layout }) => {
    if (device !== undefined) return sum + rowsOfDevice(archive, device, query);
    if (!rollable(archive, query)) return sum + rowsOfLayout(archive, layout, query);
    const rolled = archive.view.rollups(layout, [query]);
    // Hours that the rollups don't hold yet are read from their rows, and so are the pieces of hours at both ends.
    const open = archive.view.memtables(layout, [query]);
    const ends = [
      { from, to: Math.min(to, Math.ceil(from / HOUR) * HOUR) },
      { from: Math.max(from, Math.floor(to / HOUR) * HOUR), to },
    ];
    return (
      sum +
      [...rolled, ...open].reduce((rows, stretch) => rows + rowsWithin(stretch, query), 0) +
      ends.reduce((rows, end) => rows + rowsOfLayout(archive, layout, end), 0)
    );
  }, 0);
}

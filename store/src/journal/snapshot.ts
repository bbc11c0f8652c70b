/**
 * What the journal knows beyond its groups, saved as of one group: latest values, sequence numbers, touched hours. Log
 * rows up to that group are not needed for them any more.
 */
import { OperationalError } from '@village/core';
import type { JournalDb } from './journal-db.ts';
import type { Latest } from './latest.ts';
import type { Names } from './names.ts';
import type { Remembered } from './remembered.ts';
import type { Sequences } from './sequences.ts';
import type { Report } from './settings.ts';
import type { TouchedHours } from './touched.ts';

/** Keys of the table `state`. */
const STATE_SEQUENCES = 'sequences';
const STATE_REMEMBERED = 'remembered';
const STATE_TOUCHED = 'touched';
const STATE_SNAPSHOT = 'snapshot-group';
const STATE_COMMITTED_AT = 'committed-at';
/** Log id up to which all rows are in the embedded archive's files; once it was the snapshot's place too. */
export const STATE_SEALED_UP_TO = 'hi';

/** The parts that follow from the groups. */
export interface Derived {
  readonly latest: Latest;
  readonly sequences: Sequences;
  readonly remembered: Remembered;
  readonly touched: TouchedHours;
}

/** Writes the parts as they stand after `group`, inside a transaction. */
export function saveSnapshot(
  db: JournalDb,
  { latest, sequences, remembered, touched }: Derived,
  place: { readonly group: number; readonly committedAt: number },
): void {
  for (const [layout, body] of latest.save())
    db.sql('INSERT OR REPLACE INTO snapshots(layout, body) VALUES(?, ?)').run(layout, body);
  db.setState(STATE_SEQUENCES, sequences.save());
  db.setState(STATE_REMEMBERED, remembered.save());
  db.setState(STATE_TOUCHED, touched.save());
  db.setState(STATE_COMMITTED_AT, place.committedAt);
  db.setState(STATE_SNAPSHOT, place.group);
}

/** Reads them back; the result is the place from which on groups have to be replayed. */
export function restoreSnapshot(
  db: JournalDb,
  { latest, sequences, remembered, touched }: Derived,
  names: Names,
  report: Report,
): { group: number; committedAt: number } {
  const saved = db.state(STATE_SEQUENCES);
  if (typeof saved === 'string') sequences.restore(saved);
  const known = db.state(STATE_REMEMBERED);
  if (typeof known === 'string') remembered.restore(known);
  for (const row of db.sql('SELECT layout, body FROM snapshots ORDER BY layout').all()) {
    const layout = row['layout'] as number;
    try {
      latest.restore(layout, row['body'] as Uint8Array);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      report('error', 'the saved latest values of a profile are damaged and start empty', {
        code: error.code,
        profile: names.layouts[layout]?.profile,
      });
      for (const device of names.layouts[layout]?.devices.values() ?? []) latest.suspect(device);
    }
  }
  let group = db.state(STATE_SNAPSHOT) as number | undefined;
  if (group === undefined) {
    // Stores of before saved it with each flush. The archive moves its place without the journal from now on.
    group = Number(db.state(STATE_SEALED_UP_TO) ?? 0);
    db.setState(STATE_SNAPSHOT, group);
  }
  const hours = db.sql('SELECT value FROM state WHERE key = ?').get(STATE_TOUCHED)?.['value'];
  if (hours instanceof Uint8Array) touched.restore(hours);
  else touched.suspect(group);
  return { group, committedAt: Number(db.state(STATE_COMMITTED_AT) ?? 0) };
}

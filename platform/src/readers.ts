/** Readers of modules: each follows the journal from where its own results stand, and is started again after a fault. */
import { MINUTE, SECOND, type Timer } from '@village/core';
import type {
  CommittedGroup,
  JournalPlace,
  MissedSpan,
  ReaderCutOff,
  TimeSeriesStore,
} from '@village/store/time-series';

export interface ModuleReader {
  /** Kebab-case, unique over all modules; the journal keeps for it what it has not read. */
  readonly name: string;
  /** Bytes of journal that may wait for it; beyond it is cut off and told what it missed. */
  readonly lagMax: number;
  /** Where its results stand; null before the first. */
  place(): Promise<JournalPlace | null>;
  /** Takes in a group and keeps `place` with the results, in one transaction. */
  take(group: CommittedGroup, place: JournalPlace): Promise<void>;
  /** Of one that gathers several groups first: the last whose results are kept. The journal keeps those after it. */
  kept?(): number;
  /** Gets what was received in that span from the archive, or marks it as missing, and keeps `resume` as its place. */
  missed(span: MissedSpan, resume: JournalPlace): Promise<void>;
}

export interface ReadersOptions {
  readonly store: Pick<TimeSeriesStore, 'follow' | 'hold' | 'id'>;
  readonly timer: Timer;
  readonly failed: (kind: string, error: unknown) => void;
}

const RETRY_MS = SECOND;
const RETRY_MS_MAX = MINUTE;

/** Runs the readers until the signal; resolves when what was under way has ended. */
export async function runReaders(
  options: ReadersOptions,
  readers: readonly ModuleReader[],
  signal: AbortSignal,
): Promise<void> {
  const names = readers.map(({ name }) => name);
  if (new Set(names).size !== names.length)
    throw new Error(`BUG: two readers have one name: ${names.join(', ')}`);
  await Promise.all(readers.map((reader) => runReader(options, reader, signal)));
}

async function runReader(
  options: ReadersOptions,
  reader: ModuleReader,
  signal: AbortSignal,
): Promise<void> {
  let retryMs = RETRY_MS;
  const wentOn = (): void => {
    retryMs = RETRY_MS;
  };
  while (!signal.aborted)
    try {
      await followOnce(options, reader, signal, wentOn);
    } catch (error) {
      if (signal.aborted) return;
      options.failed(`reader-${reader.name}`, error);
      // An abort is the end of the loop, not a fault.
      await options.timer.sleep(retryMs, signal).catch(() => undefined);
      retryMs = Math.min(RETRY_MS_MAX, retryMs * 2);
    }
}

/** Follows until a fault; a cut-off is no fault of the reader's own and goes on at once. */
async function followOnce(
  { store, failed }: ReadersOptions,
  reader: ModuleReader,
  signal: AbortSignal,
  wentOn: () => void,
): Promise<void> {
  const { name, lagMax } = reader;
  const from = await reader.place();
  if (from !== null && from.journal === store.id) store.hold(name, from.group);
  try {
    for await (const group of store.follow(name, from, { lagMax, signal })) {
      await reader.take(group, { journal: store.id, group: group.id });
      store.hold(name, reader.kept === undefined ? group.id : reader.kept());
      wentOn();
    }
  } catch (error) {
    if (!isCutOff(error)) throw error;
    failed(`reader-${name}`, error);
    await reader.missed(error.missed, error.resume);
  }
}

/** Whether a step ended because groups are gone that had not been read. */
export const isCutOff = (error: unknown): error is ReaderCutOff =>
  error instanceof Error &&
  ['reader-cut-off', 'journal-changed'].includes((error as { code?: string }).code ?? '');

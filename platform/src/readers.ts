/**
 * Readers of modules: each follows the journal from where its own results stand, and is started again after a fault, and when its
 * results stand elsewhere: the database was brought back to another state.
 */
import { MINUTE, OperationalError, SECOND, type Timer } from '@village/core';
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
  /** Told where it begins before it gets groups: what it holds in memory of what comes after that is forgotten. */
  begins?(from: JournalPlace | null): void;
  /** Of one whose place is not that of the last group taken: whether it is the one that was read or kept last. */
  stands?(): Promise<boolean>;
  /** Takes in a group and keeps `place` with the results, in one transaction. */
  take(group: CommittedGroup, place: JournalPlace): Promise<void>;
  /** Of one that gathers several groups first: the last whose results are kept. The journal keeps those after it. */
  kept?(): number;
  /**
   * Gets what was received in that span from the archive, or marks it as missing, and keeps `resume` as its place. `changed`: what it has
   * read was of another journal, or of this one before it was brought back; nothing follows from where it stood.
   */
  missed(span: MissedSpan, resume: JournalPlace, changed: boolean): Promise<void>;
}

export interface ReadersOptions {
  readonly store: Pick<TimeSeriesStore, 'follow' | 'hold' | 'id'>;
  readonly timer: Timer;
  readonly failed: (kind: string, error: unknown) => void;
}

/** How often it is looked whether the results of a reader stand where it left them. */
const LOOK_MS = 2 * SECOND;
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
  options: ReadersOptions,
  reader: ModuleReader,
  signal: AbortSignal,
  wentOn: () => void,
): Promise<void> {
  const { store, failed } = options;
  const { name, lagMax } = reader;
  const from = await reader.place();
  reader.begins?.(from);
  if (from !== null && from.journal === store.id) store.hold(name, from.group);
  const over = new AbortController();
  const standing: Standing = { at: from, taking: false };
  const looking = look(options, reader, standing, AbortSignal.any([signal, over.signal]), () =>
    over.abort(),
  );
  const follow = { lagMax, signal: AbortSignal.any([signal, over.signal]) };
  try {
    for await (const group of store.follow(name, from, follow)) {
      standing.taking = true;
      const at = { journal: store.id, group: group.id };
      await reader.take(group, at);
      standing.at = at;
      standing.taking = false;
      store.hold(name, reader.kept === undefined ? group.id : reader.kept());
      wentOn();
    }
  } catch (error) {
    if (!isCutOff(error)) throw error;
    failed(`reader-${name}`, error);
    await reader.missed(error.missed, error.resume, error.code === 'journal-changed');
  } finally {
    over.abort();
    await looking;
  }
}

interface Standing {
  /** Where it began, or the last group taken. */
  at: JournalPlace | null;
  /** Its place may be about to become another. */
  taking: boolean;
}

/** Looks until the signal whether a reader's results stand where it left them, and tells when they do not. */
async function look(
  { timer, failed }: ReadersOptions,
  reader: ModuleReader,
  standing: Standing,
  signal: AbortSignal,
  moved: () => void,
): Promise<void> {
  const stands = async (): Promise<boolean> => {
    if (reader.stands !== undefined) return reader.stands();
    const { at, taking } = standing;
    const now = await reader.place();
    if (taking || standing.taking || standing.at !== at) return true;
    return now?.journal === at?.journal && now?.group === at?.group;
  };
  for (;;) {
    const waits = timer.sleep(LOOK_MS, signal).then(
      () => true,
      () => false,
    );
    if (!(await waits)) return;
    try {
      if (await stands()) continue;
    } catch (error) {
      if (!signal.aborted) failed(`reader-${reader.name}`, error);
      continue;
    }
    if (signal.aborted) return;
    failed(
      `reader-${reader.name}`,
      new OperationalError(
        'brought-back',
        `the database was brought back to another state: ${reader.name} reads again from there`,
      ),
    );
    return moved();
  }
}

/** Whether a step ended because groups are gone that had not been read. */
export const isCutOff = (error: unknown): error is ReaderCutOff =>
  error instanceof Error &&
  ['reader-cut-off', 'journal-changed'].includes((error as { code?: string }).code ?? '');

/** Asking the server from a page: what was asked last counts, and leaving the page calls everything off. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Counts, LatestChange } from './api/answers.ts';
import { live, liveCorrected, liveCounts, liveLatest } from './api/calls.ts';
import { ApiError, addressOf } from './api/client.ts';
import { followStream } from './api/stream.ts';
import { sessionEnded, streamFault, streamState } from './state.ts';

export interface Load<T> {
  /** The newest answer; stays while the next is fetched, also when that fails. */
  readonly data: T | undefined;
  readonly error: ApiError | undefined;
  /** Waiting for an answer. */
  readonly busy: boolean;
  /** Asks again. */
  readonly reload: () => void;
  /** Changes what is shown without asking, for live events; an answer that was under way is changed too. */
  readonly patch: (change: (data: T) => T) => void;
}

/** An error of the client, or one that says what else went wrong on the way. */
export function asApiError(cause: unknown): ApiError {
  return cause instanceof ApiError ? cause : new ApiError('page', 0, String(cause), null, cause);
}

/**
 * Loads when `key` changes and again on `reload`, every `everyMs` too if given (not while the page is hidden).
 * A null key loads nothing, nor does a page whose session has ended: it loads anew when somebody is signed in again. A request still under way is aborted by the next and by leaving.
 */
export function useLoad<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  everyMs?: number,
): Load<T> {
  const [state, setState] = useState<{ data?: T; error?: ApiError; busy: boolean }>({
    busy: key !== null,
  });
  const [turn, setTurn] = useState(0);
  const ended = sessionEnded.value;
  const latest = useRef(load);
  latest.current = load;
  /** Changes since the request that is under way began: its answer may be older than they are. */
  const changes = useRef<((data: T) => T)[] | null>(null);

  useEffect(() => {
    if (key === null || ended) return;
    const leaving = new AbortController();
    setState((before) => ({ ...before, busy: true }));
    changes.current = [];
    latest
      .current(leaving.signal)
      .then((answer) => {
        if (leaving.signal.aborted) return;
        const data = (changes.current ?? []).reduce((before, change) => change(before), answer);
        changes.current = null;
        setState({ data, busy: false });
      })
      .catch((cause: unknown) => {
        if (leaving.signal.aborted) return;
        changes.current = null;
        setState((before) => ({ ...before, error: asApiError(cause), busy: false }));
      });
    return () => leaving.abort();
  }, [key, turn, ended]);

  useEffect(() => {
    if (everyMs === undefined || key === null) return;
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((before) => before + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [key, everyMs]);

  return {
    data: state.data,
    error: state.error,
    busy: state.busy,
    reload: () => setTurn((before) => before + 1),
    patch: (change) => {
      changes.current?.push(change);
      setState((before) =>
        before.data === undefined ? before : { ...before, data: change(before.data) },
      );
    },
  };
}

/** What a page does with live events. */
export interface LiveHandlers {
  readonly latest?: (items: readonly LatestChange[]) => void;
  readonly counts?: (counts: Counts) => void;
  /** Of these devices other corrections hold: what was loaded of them has another answer now. */
  readonly corrected?: (devices: ReadonlySet<string>) => void;
  /** The line is back: load anew what was missed. */
  readonly recovered: () => void;
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Follows the live events of an area or a device while the page is shown. Its state is the mark in the header. */
export function useLive(
  of: { area?: string; device?: string } | null,
  handlers: LiveHandlers,
): void {
  const current = useRef(handlers);
  current.current = handlers;
  const path = of === null ? null : addressOf(live, { query: of });
  const ended = sessionEnded.value;
  useEffect(() => {
    if (path === null || ended) return;
    const leaving = new AbortController();
    void followStream(
      path,
      {
        fetch: (input, init) => window.fetch(input, init),
        sleep,
        random: Math.random,
        silenceMs: 40_000,
        backOffMs: [1_000, 30_000],
      },
      {
        event: ({ event, data }) => {
          if (event === 'latest')
            current.current.latest?.(liveLatest(JSON.parse(data), 'latest').items);
          else if (event === 'corrected')
            current.current.corrected?.(
              new Set(liveCorrected(JSON.parse(data), 'corrected').devices),
            );
          else if (event === 'counts')
            current.current.counts?.(liveCounts(JSON.parse(data), 'counts'));
        },
        state: (state) => {
          streamState.value = state;
        },
        recovered: () => current.current.recovered(),
        fault: (error) => {
          streamFault.value = String(error);
        },
        signedOut: () => {
          sessionEnded.value = true;
        },
      },
      leaving.signal,
    );
    return () => {
      leaving.abort();
      streamState.value = null;
    };
  }, [path, ended]);
}

/** Asks for one page after another, at most `pagesMax`; the rest is left and `complete` says so. */
export async function allPages<T>(
  ask: (cursor: string | null) => Promise<{ items: T[]; next: string | null }>,
  pagesMax: number,
): Promise<{ items: T[]; complete: boolean }> {
  const items: T[] = [];
  let cursor: string | null = null;
  for (let pages = 0; pages < pagesMax; pages++) {
    const page: { items: T[]; next: string | null } = await ask(cursor);
    items.push(...page.items);
    cursor = page.next;
    if (cursor === null) return { items, complete: true };
  }
  return { items, complete: false };
}

/**
 * A file on its way to the server, and what came of it. It is the console's and not a page's: who looks at another page
 * meanwhile comes back to its progress and its answer, and the browser asks before a closed window breaks it off.
 */
import { computed, effect, type ReadonlySignal, signal } from '@preact/signals';
import type { ApiError } from '../api/client.ts';
import { asApiError } from '../load.ts';
import { user } from '../state.ts';

export interface Sent<A> {
  readonly file: File | null;
  /** Bytes that have gone; null when nothing is under way. */
  readonly bytes: number | null;
  /** It was ended by hand in the middle of the file; or all had gone, and whether it was taken is not known. */
  readonly stopped: 'midway' | 'unsure' | null;
  readonly error: ApiError | null;
  readonly answer: A | null;
}

/** What a call is to be made with. */
interface Given {
  readonly file: File;
  readonly sent: (bytes: number) => void;
  readonly signal: AbortSignal;
}

export interface Sending<A> {
  readonly state: ReadonlySignal<Sent<A>>;
  /** Forgets what came of the last one. */
  clear(): void;
  send(file: File, call: (given: Given) => Promise<A>): Promise<A | null>;
  stop(): void;
}

const NOTHING = { file: null, bytes: null, stopped: null, error: null, answer: null };

/** Browsers ask whether the window shall really close while it is `true`. */
export function askBeforeClosing(when: () => boolean): void {
  const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
  effect(() => {
    if (when()) window.addEventListener('beforeunload', ask);
    else window.removeEventListener('beforeunload', ask);
  });
}

/** One for each page that sends files; another person who signs in sees nothing of it. */
export function createSending<A>(): Sending<A> {
  const last = signal<Sent<A> & { readonly of: string | undefined }>({ ...NOTHING, of: undefined });
  let stopping = new AbortController();
  const state = computed(() => (last.value.of === user.value?.name ? last.value : NOTHING));
  askBeforeClosing(() => state.value.bytes !== null);
  const begin = (file: File | null): void => {
    const bytes = file === null ? null : 0;
    last.value = { ...NOTHING, of: user.value?.name, file, bytes };
  };
  return {
    state,
    clear: () => begin(null),
    stop: () => stopping.abort(),
    async send(file, call) {
      begin(file);
      stopping = new AbortController();
      const { signal } = stopping;
      const put = (change: Partial<Sent<A>>): void => {
        last.value = { ...last.value, ...change };
      };
      try {
        const answer = await call({ file, signal, sent: (bytes) => put({ bytes }) });
        put({ answer, bytes: null });
        return answer;
      } catch (cause) {
        const all = (last.value.bytes ?? 0) >= file.size;
        const error = asApiError(cause);
        const isLost = signal.aborted || error.status === 0;
        if (isLost && all) put({ stopped: 'unsure', bytes: null });
        else if (signal.aborted) put({ stopped: 'midway', bytes: null });
        else put({ error, bytes: null });
        return null;
      }
    },
  };
}

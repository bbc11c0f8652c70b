/**
 * The import that is under way or was made last. It is the console's and not the page's: who looks at another page meanwhile
 * comes back to its progress and its answer, and secrets that are shown once are not lost by a slip.
 */
import { computed, effect, signal } from '@preact/signals';
import type { Imported } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { asApiError } from '#kit/load.ts';
import { client, user } from '#kit/state.ts';

export type What = 'devices' | 'areas';

export interface Work {
  /** Whose it is: another one who signs in does not see it. */
  readonly of: string | undefined;
  readonly what: What;
  readonly file: File | null;
  /** Bytes that have gone; null when nothing is under way. */
  readonly sent: number | null;
  /** Why it was ended by hand: in the middle of the file, or when all of it had gone. */
  readonly stopped: 'midway' | 'unsure' | null;
  readonly error: ApiError | null;
  readonly answer: Imported | null;
  /** Secrets were made, and nobody has said that they are kept. */
  readonly unsaved: boolean;
}

const IDLE: Work = {
  of: undefined,
  what: 'devices',
  file: null,
  sent: null,
  stopped: null,
  error: null,
  answer: null,
  unsaved: false,
};
/** As long as the server takes for the largest file. */
const ANSWER_MS = 10 * 60_000;

const last = signal(IDLE);
let stopping = new AbortController();

export const work = computed(() => (last.value.of === user.value?.name ? last.value : IDLE));

const put = (change: Partial<Work>): void => {
  last.value = { ...last.value, ...change };
};

/** Begins anew, with nothing under way or kept. */
export function begin(what: What): void {
  last.value = { ...IDLE, of: user.value?.name, what };
}

/** What was told of secrets has been kept. */
export const saved = (): void => put({ unsaved: false });

export const stop = (): void => stopping.abort();

export async function send(file: File, encoding?: string): Promise<void> {
  begin(work.value.what);
  put({ file, sent: 0 });
  stopping = new AbortController();
  const given = {
    ...{ file, query: { encoding }, timeoutMs: ANSWER_MS },
    signal: stopping.signal,
    sent: (bytes: number) => put({ sent: bytes }),
  };
  const call = last.value.what === 'devices' ? calls.importDevices : calls.importAreas;
  try {
    const answer = await client.call(call, given);
    put({ answer, unsaved: answer.credentials.length > 0 });
  } catch (cause) {
    if (!given.signal.aborted) put({ error: asApiError(cause) });
    else put({ stopped: (last.value.sent ?? 0) < file.size ? 'midway' : 'unsure' });
  }
  put({ sent: null });
}

/** Browsers ask whether the page shall really go while secrets could be lost with it. */
const ask = (event: BeforeUnloadEvent): void => event.preventDefault();
effect(() => {
  if (work.value.sent !== null || work.value.unsaved) window.addEventListener('beforeunload', ask);
  else window.removeEventListener('beforeunload', ask);
});

/**
 * The stream of live events. Over fetch and not EventSource, because only so are the server's heartbeat comments seen
 * (a half-open line is noticed by their absence) and a 401 told from a broken line.
 */

/** One server-sent event. */
export interface StreamEvent {
  readonly event: string;
  readonly data: string;
}

export type StreamState = 'connecting' | 'live' | 'reconnecting';

/** Longest unfinished line kept; a server that sends more is not ours. */
const LINE_MAX = 4 * 1024 * 1024;

/** Takes the stream's text in any pieces and returns the events complete so far (WHATWG HTML §9.2.6; id and retry are not used here). */
export function createEventParser(): (piece: string) => StreamEvent[] {
  let rest = '';
  let event = '';
  let data: string[] = [];
  return (piece) => {
    const found: StreamEvent[] = [];
    rest += piece;
    // A piece may end between CR and LF: a trailing CR waits for what follows it.
    const held = rest.endsWith('\r') ? '\r' : '';
    const lines = (held === '' ? rest : rest.slice(0, -1)).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? '') + held;
    if (rest.length > LINE_MAX) throw new Error('line of the event stream is too long');
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0)
          found.push({ event: event === '' ? 'message' : event, data: data.join('\n') });
        event = '';
        data = [];
        continue;
      }
      const colon = line.indexOf(':');
      const field = colon < 0 ? line : line.slice(0, colon);
      const content = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
      if (field === 'event') event = content;
      else if (field === 'data') data.push(content);
    }
    return found;
  };
}

export interface StreamOptions {
  readonly fetch: typeof globalThis.fetch;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly random: () => number;
  /** Nothing heard for so long, not even a comment, is a dead line. */
  readonly silenceMs: number;
  /** First and longest wait before the next try. */
  readonly backOffMs: readonly [first: number, most: number];
}

export interface StreamListener {
  readonly event: (event: StreamEvent) => void;
  readonly state: (state: StreamState) => void;
  /** The line is back after it was down: what was missed must be asked for. */
  readonly recovered: () => void;
  /** Why the line broke, for those who want to know. */
  readonly fault: (error: unknown) => void;
  /** The server does not know us any more; the stream has ended. */
  readonly signedOut: () => void;
}

/** Reads one connection until it ends; says by `heard` that it works. Throws what broke it. */
async function readOnce(
  path: string,
  options: StreamOptions,
  signal: AbortSignal,
  heard: () => void,
  listener: StreamListener,
): Promise<'ended' | 'refused'> {
  const quiet = new AbortController();
  let watch = setTimeout(() => quiet.abort(new Error('silent')), options.silenceMs);
  try {
    const response = await options.fetch(path, {
      headers: { accept: 'text/event-stream' },
      signal: AbortSignal.any([signal, quiet.signal]),
    });
    if (response.status === 401) return 'refused';
    if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
    heard();
    const parse = createEventParser();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return 'ended';
      clearTimeout(watch);
      watch = setTimeout(() => quiet.abort(new Error('silent')), options.silenceMs);
      for (const event of parse(value)) listener.event(event);
    }
  } finally {
    clearTimeout(watch);
  }
}

/** Keeps the stream of `path` open until the signal aborts, with back-off and jitter between tries. */
export async function followStream(
  path: string,
  options: StreamOptions,
  listener: StreamListener,
  signal: AbortSignal,
): Promise<void> {
  let failures = 0;
  let lost = false;
  listener.state('connecting');
  while (!signal.aborted) {
    try {
      const end = await readOnce(
        path,
        options,
        signal,
        () => {
          failures = 0;
          listener.state('live');
          if (lost) listener.recovered();
          lost = false;
        },
        listener,
      );
      if (end === 'refused') return listener.signedOut();
    } catch (error) {
      if (!signal.aborted) listener.fault(error);
    }
    if (signal.aborted) return;
    lost = true;
    listener.state('reconnecting');
    const [first, most] = options.backOffMs;
    const wait = Math.min(most, first * 2 ** Math.min(failures++, 16));
    await options.sleep(wait * (0.5 + options.random() / 2), signal);
  }
}

/**
 * Ten clerks who ask all the time, in a process of their own: nine pick the next question by their own seeded numbers, read the
 * whole answer and ask again; one has files made and fetches them. One more person asks a small question twice a second and is
 * timed. Speaks with its parent by messages.
 */
import { DAY, HOUR, MINUTE, seededRandom } from '@village/core';
import { deviceId, METRICS } from '../ingest/packets.ts';

export interface Asking {
  readonly base: string;
  /** One token a clerk, and that of the person with the small question. */
  readonly tokens: readonly string[];
  readonly devices: number;
  /** The newest reading of the history, ms. */
  readonly end: number;
  readonly seconds: number;
  /** They do nothing but have files made and fetch them. */
  readonly filesAlone: boolean;
}

export interface Asked {
  /** Answers by status, refusals by their code. */
  readonly answers: Readonly<Record<string, number>>;
  readonly bytes: number;
  /** How long each small question took. */
  readonly smallMs: readonly number[];
  readonly smallRefused: number;
  /** Files that were made in the background, and fetched. */
  readonly files: number;
}

const text = (at: number): string => encodeURIComponent(new Date(at).toISOString());

function questions({ devices, end }: Asking, random: () => number): string[] {
  const device = deviceId(Math.floor(random() * devices));
  const over = (ms: number): string => `from=${text(end - ms)}&to=${text(end)}`;
  const metric = METRICS[Math.floor(random() * METRICS.length)];
  const aggregate = `/api/v1/aggregates?metric=${metric}`;
  return [
    // More rows than an answer may have; then as many as it may; then what a page asks for.
    `${aggregate}&every=1s&groupBy=device&${over(HOUR)}`,
    `${aggregate}&every=1m&groupBy=device&${over(20 * MINUTE)}`,
    `${aggregate}&every=1h&groupBy=village&agg=avg,min,max,count&${over(30 * DAY)}`,
    `${aggregate}&every=1h&groupBy=device&top=10&agg=first,last&${over(DAY)}`,
    `/api/v1/readings?device=${device}&limit=10000&${over(30 * DAY)}`,
    `/api/v1/completeness?device=${device}&${over(30 * DAY)}`,
    `/api/v1/figures?figure=hourly-mean:air.pm25&device=${device}&${over(30 * DAY)}`,
    `/api/v1/export?format=csv&${over(DAY)}`,
    '/api/v1/devices?limit=1000',
    '/api/v1/areas',
    `/api/v1/events?limit=1000&${over(30 * DAY)}`,
  ];
}

/** Has some minutes of the county made a file, more than is given at once, waits for it, and takes it. */
async function takeFile(
  asking: Asking,
  token: string,
  until: number,
): Promise<Answer & { taken: boolean }> {
  const { base, end } = asking;
  const api = async (method: string, path: string, body?: object): Promise<Response> =>
    fetch(`${base}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
  const from = new Date(end - 3 * MINUTE).toISOString();
  const to = new Date(end).toISOString();
  const begun = await api('POST', '/exports', { format: 'csv', from, to });
  if (begun.status !== 201) return { ...(await read(begun)), taken: false };
  const { id } = (await begun.json()) as { id: string };
  let state = '';
  while (state !== 'done' && state !== 'failed' && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    ({ state } = (await (await api('GET', `/exports/${id}`)).json()) as { state: string });
  }
  const taken = state === 'done';
  const answer = taken ? await read(await api('GET', `/exports/${id}/file`)) : null;
  await api('DELETE', `/exports/${id}`);
  return { ...(answer ?? { kind: `export ${state}`, bytes: 0 }), taken };
}

interface Answer {
  readonly kind: string;
  readonly bytes: number;
}

async function ask({ base }: Asking, token: string, path: string): Promise<Answer> {
  const response = await fetch(`${base}${path}`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(60_000),
  });
  return read(response);
}

async function read(response: Response): Promise<Answer> {
  let bytes = 0;
  let head = '';
  for await (const chunk of response.body ?? []) {
    const piece = Buffer.from(chunk as Uint8Array);
    bytes += piece.length;
    if (response.status !== 200 && head.length < 2_000) head += piece.toString();
  }
  const code = /"code":"([\w-]+)"/.exec(head)?.[1];
  return {
    kind: code === undefined ? String(response.status) : `${response.status} ${code}`,
    bytes,
  };
}

async function run(asking: Asking): Promise<Asked> {
  const answers: Record<string, number> = {};
  let bytes = 0;
  let files = 0;
  const until = performance.now() + asking.seconds * 1_000;
  const clerk = async (token: string, n: number): Promise<void> => {
    const random = seededRandom(`clerk ${n}`);
    // The last of them exports all the time: whoever began a file would ask nothing else until it is made.
    const exports = asking.filesAlone || n === clerks.length - 1;
    while (performance.now() < until) {
      const all = questions(asking, random);
      const path = all[Math.floor(random() * all.length)]!;
      const work = exports ? takeFile(asking, token, until) : ask(asking, token, path);
      const answer: Answer & { taken?: boolean } = await work.catch((error: unknown) => ({
        kind: `failed: ${(error as Error).message}`,
        bytes: 0,
      }));
      if (answer.taken === true) files++;
      answers[answer.kind] = (answers[answer.kind] ?? 0) + 1;
      bytes += answer.bytes;
    }
  };
  const times: number[] = [];
  let smallRefused = 0;
  const [small, ...clerks] = asking.tokens;
  const person = async (): Promise<void> => {
    const random = seededRandom('the person with the small question');
    while (performance.now() < until) {
      const device = deviceId(Math.floor(random() * asking.devices));
      const path = `/api/v1/readings?device=${device}&from=${text(asking.end - HOUR)}&to=${text(asking.end)}`;
      const began = performance.now();
      const { kind } = await ask(asking, small!, path);
      if (kind === '200') times.push(performance.now() - began);
      else smallRefused++;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  };
  await Promise.all([person(), ...clerks.map(clerk)]);
  return { answers, bytes, files, smallMs: times, smallRefused };
}

process.once('message', (asking: Asking) => {
  void run(asking).then((asked) => process.send?.({ asked }, () => process.disconnect()));
});

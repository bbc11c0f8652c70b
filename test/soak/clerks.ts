/** Ten people who ask for everything all the time, and one who exports and reads the file slowly. */
import { systemTimer } from '@village/core';
import { START, STEP_MS } from '../kill/probe.ts';

export interface Clerks {
  /** Answers by status; `none` where the server was not there. */
  readonly answers: Readonly<Record<string, number>>;
  readonly exports: Readonly<Record<string, number>>;
  end(): Promise<void>;
}

const TIMEOUT_MS = 60_000;
const text = (at: number): string => new Date(at).toISOString();

/** One of the questions of the console, about the probes. */
function question(devices: readonly string[], rows: number, random: () => number): string {
  const device = devices[Math.floor(random() * devices.length)]!;
  const end = START + (rows + 1) * STEP_MS;
  const from = START + Math.floor((random() * (end - START)) / 2);
  const span = `from=${text(from)}&to=${text(end)}`;
  const all = [
    `/readings?device=${device}&${span}&limit=10000`,
    `/aggregates?metric=water.ph&device=${device}&${span}&every=1s`,
    `/aggregates?metric=water.cod&${span}&every=1m&groupBy=device&agg=avg,min,max`,
    `/completeness?device=${device}&${span}`,
    `/figures?figure=hourly-mean:water.ph&device=${device}&${span}`,
    '/devices?limit=1000',
    '/overview',
    '/quarantine?limit=1000',
    `/events?${span}&limit=1000`,
  ];
  return `/api/v1${all[Math.floor(random() * all.length)]}`;
}

export function clerks(
  {
    base,
    tokens,
    devices,
    rows,
  }: {
    base: string;
    tokens: readonly string[];
    devices: readonly string[];
    rows: () => number;
  },
  random: () => number,
): Clerks {
  const answers: Record<string, number> = {};
  const exports: Record<string, number> = {};
  const over = new AbortController();
  const pause = (ms: number): Promise<void> =>
    systemTimer.sleep(ms, over.signal).catch(() => undefined);

  const ask = async (token: string, path: string, msAPiece: number): Promise<string> => {
    try {
      const response = await fetch(`${base}${path}`, {
        headers: { authorization: `Bearer ${token}` },
        signal: AbortSignal.any([over.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      for await (const _ of response.body ?? []) if (msAPiece > 0) await pause(msAPiece);
      return String(response.status);
    } catch {
      // It was killed, or the clock ended the answer: asked again.
      await pause(200);
      return 'none';
    }
  };
  const clerk = async (token: string): Promise<void> => {
    while (!over.signal.aborted) {
      const status = await ask(token, question(devices, rows(), random), 0);
      answers[status] = (answers[status] ?? 0) + 1;
      await pause(20 + random() * 80);
    }
  };
  const exporter = async (token: string): Promise<void> => {
    while (!over.signal.aborted) {
      const end = START + (rows() + 1) * STEP_MS;
      const format = random() < 0.5 ? 'csv' : 'parquet';
      const path = `/api/v1/export?format=${format}&area=330522000000&from=${text(START)}&to=${text(end)}`;
      const status = await ask(token, path, 20);
      exports[status] = (exports[status] ?? 0) + 1;
      await pause(5_000 * random());
    }
  };
  const [first = '', ...others] = tokens;
  const running = [exporter(first), ...others.map(clerk)];
  return {
    answers,
    exports,
    end: async () => {
      over.abort();
      await Promise.all(running);
    },
  };
}

/** Files of readings in the fixture's county: some of each state; one that is begun goes on whenever somebody looks. */
import type { file } from '@village/api';
import { Problem } from '../problem.ts';

const DAY = 86_400_000;
/** Progress from one look to the next. */
const STEP = 0.2;

const iso = (at: number): string => new Date(at).toISOString();

interface Answered {
  readonly status: number;
  /** A text is the file itself. */
  readonly body: object | string;
}

export class FixtureExports {
  private jobs: file.Export[];
  private readonly now: number;

  constructor(device: string | null, now: number) {
    this.now = now;
    const common = {
      ...({
        format: 'csv',
        device,
        area: null,
        metric: null,
        view: 'corrected',
        error: null,
      } as const),
      ...{ from: iso(now - 30 * DAY), to: iso(now), askedAt: iso(now - 600_000) },
      ...{ rows: 4_300_000, bytes: 812_000_000, progress: 0, expiresAt: null },
    };
    const kept = iso(now + DAY);
    this.jobs =
      device === null
        ? []
        : [
            { ...common, id: 'going', state: 'running', progress: 0.42 },
            { ...common, id: 'made', state: 'done', progress: 1, expiresAt: kept },
            {
              ...{ ...common, id: 'refused', state: 'failed', expiresAt: kept, device: null },
              ...{ area: '330522000000', error: { code: 'no-room', message: 'no room' } },
            },
          ];
  }

  /** The answer to a call below `/export` or `/exports`. @throws Problem */
  answer(
    method: string,
    path: string,
    query: URLSearchParams,
    body: Readonly<Record<string, unknown>>,
  ): Answered {
    const [name, id, more] = path.split('/').slice(1);
    if (name === 'export') return { status: 200, body: this.estimate(query) };
    if (method === 'POST') return { status: 201, body: this.start(body) };
    if (id === undefined) return { status: 200, body: { items: this.list() } };
    const job = this.jobs.find((one) => one.id === id);
    if (job === undefined) throw new Problem(404, 'not-found');
    if (more === 'file') return { status: 200, body: 'device,metric,at\n' };
    if (method !== 'DELETE') return { status: 200, body: job };
    this.jobs = this.jobs.filter((one) => one !== job);
    return { status: 204, body: null as unknown as object };
  }

  /** A row a minute of six metrics; an area has a hundred devices, and years of it are too much. */
  private estimate(query: URLSearchParams): file.ExportEstimate {
    const minutes =
      (Date.parse(query.get('to') ?? '') - Date.parse(query.get('from') ?? '')) / 60_000;
    const rows = Math.round(minutes * 6 * (query.has('device') ? 1 : 100));
    const bytes = rows * (query.get('format') === 'csv' ? 190 : 14);
    const tooLarge = { code: 'export-too-large', message: 'the file would be too large' };
    return {
      ...{ rows, bytes, direct: bytes <= 64 * 1024 * 1024 },
      refusal: bytes > 4e9 ? tooLarge : null,
    };
  }

  private start(body: Readonly<Record<string, unknown>>): file.Export {
    const text = (key: string): string | null => (body[key] as string | undefined) ?? null;
    const job: file.Export = {
      ...{ id: `begun-${this.jobs.length}`, state: 'queued', view: 'corrected', progress: 0 },
      ...{ format: body['format'] as file.Export['format'], metric: null, error: null },
      ...{ device: text('device'), area: text('area') },
      ...{ from: text('from') ?? '', to: text('to') ?? '', askedAt: iso(this.now) },
      ...{ rows: 4_300_000, bytes: 812_000_000, expiresAt: null },
    };
    this.jobs.unshift(job);
    return job;
  }

  private list(): file.Export[] {
    const told = [...this.jobs];
    this.jobs = this.jobs.map((job) => {
      if (job.state === 'done' || job.state === 'failed') return job;
      const progress = Math.min(1, job.progress + STEP);
      return progress < 1
        ? { ...job, state: 'running', progress }
        : { ...job, state: 'done', progress, expiresAt: iso(this.now + DAY) };
    });
    return told;
  }
}

/** A process that computes figures and stands still (SIGSTOP) between what it computed and putting it down, for the test that continues it. */
import { writeSync } from 'node:fs';
import { systemTimer } from '@village/core';
import { openInfluxArchive, openTimeSeries } from '@village/store/time-series';
import { CorrectedQueries } from '../../corrections/queries.ts';
import { StatementBook } from '../../corrections/statement.ts';
import { Jobs } from '../../jobs/jobs.ts';
import { every } from '../../jobs/schedule.ts';
import { AreaSources } from '../areas/sources.ts';
import { AreaWork } from '../areas/work.ts';
import { defineFigure } from '../figure.ts';
import { Sources, statementsOf } from '../sources.ts';
import { above, areaAbove, openTables, PROFILE, profiles } from '../testing.ts';
import { FigureWork } from './work.ts';

interface Told {
  readonly folder: string;
  readonly tables: { readonly file: string } | { readonly url: string };
  readonly influx: { readonly url: string; readonly database: string };
  readonly now: number;
  readonly leaseMs: number;
}

const told = JSON.parse(process.argv[2] ?? '{}') as Told;
const clock = (): number => told.now;
const store = await openTimeSeries({
  ...{ folder: told.folder, timer: systemTimer, diskReserveBytes: 0 },
  archive: () => Promise.resolve(openInfluxArchive(told.influx)),
});
const relational = await openTables(told.tables, clock);
const book = new StatementBook([]);
const rows = new CorrectedQueries(store, () => book, {
  locations: () => undefined,
  profile: () => PROFILE,
  count: () => 2,
});
const sources = new Sources({ rows, statements: statementsOf(() => book), relational, profiles });

let computed = false;
let stood = false;
const watched = defineFigure({
  ...above,
  compute: (given) => {
    computed = true;
    return above.compute(given);
  },
});
const version = sources.version.bind(sources);
sources.version = () => {
  const asked = version();
  if (computed && !stood) {
    stood = true;
    process.kill(process.pid, 'SIGSTOP');
  }
  return asked;
};

const common = { sources, relational, clock };
const areas = new AreaSources(common);
const work = new FigureWork({
  ...{ ...common, figures: [watched], marks: { worked: () => undefined, begun: 0 } },
  areas: new AreaWork({ ...common, figures: [areaAbove], areas }),
  failed: (kind, error) => writeSync(2, `${kind}: ${String(error)}\n`),
  elapsed: systemTimer.elapsed,
});
const jobs = new Jobs({
  ...{ timer: systemTimer, relational, leaseMs: told.leaseMs },
  failed: (kind, error) => writeSync(2, `${kind}: ${String(error)}\n`),
  jobs: [
    {
      kind: 'figures',
      title: { zh: '试', en: 'Test' },
      schedule: every(50),
      run: async (run) => {
        await work.run(run);
        if (stood) writeSync(1, 'went on\n');
      },
    },
  ],
});
await jobs.run(new AbortController().signal);

/**
 * `npm run test:kill -- --rounds N [--seed S] [--figures]`: kills the product N times and proves that nothing acknowledged was lost; with
 * `--figures` that corrections are wholly there or not at all, and figures what follows from them, on the stores that
 * `--time-series embedded|influxdb` and `--relational sqlite|postgresql` name.
 */
import { parseArgs } from 'node:util';
import { numberOption } from '../../bench/options.ts';
import { judge, report } from '../../bench/report.ts';
import { figuresKillTest } from './figures.ts';
import { killTest } from './run.ts';
import { RELATIONAL, TIME_SERIES } from './stores.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '50' },
    seed: { type: 'string', default: '1' },
    figures: { type: 'boolean', default: false },
    'time-series': { type: 'string', default: 'embedded' },
    relational: { type: 'string', default: 'sqlite' },
  },
});

function named<T extends string>(names: readonly T[], wanted: string): T {
  const found = names.find((name) => name === wanted);
  if (found === undefined) throw new Error(`${wanted} is none of ${names.join(', ')}`);
  return found;
}

const engines = {
  timeSeries: named(TIME_SERIES, values['time-series']),
  relational: named(RELATIONAL, values.relational),
};
if (!values.figures && (engines.timeSeries !== 'embedded' || engines.relational !== 'sqlite'))
  throw new Error('other stores are for --figures alone');
const options = {
  rounds: numberOption('rounds', values.rounds),
  seed: numberOption('seed', values.seed, 0),
  log: (line: string) => console.log(line),
};

async function killFigures(): Promise<void> {
  const result = await figuresKillTest({ ...options, engines });
  for (const line of [...result.halves, ...result.wrong, ...result.checks]) console.log(line);
  const { killedIn } = result;
  report('kill-figures', [
    judge('kills', result.kills, 'kills'),
    judge('before a change of statements', killedIn.statements, 'kills'),
    judge('before a change of figures and marks', killedIn.figures, 'kills'),
    judge('before any other change', killedIn.other, 'kills'),
    judge('readings acknowledged', result.acknowledged, 'rows', '>= 1'),
    judge('acknowledged and lost', result.lost, 'rows', '== 0'),
    judge('statements', result.statements, 'statements', '>= 1'),
    judge('undone or withdrawn', result.undone, 'statements'),
    judge('half applied', result.halves.length, 'statements', '== 0'),
    judge('stored figures', result.figures, 'days', '>= 1'),
    judge('figures that are not what follows', result.wrong.length, 'days', '== 0'),
    judge('checks that found something', result.checksFailed, 'checks', '== 0'),
  ]);
}

async function killReadings(): Promise<void> {
  const result = await killTest(options);
  report('kill', [
    judge('kills of the server', result.killsOfServer, 'kills'),
    judge('kills of the gateway', result.killsOfGateway, 'kills'),
    judge('readings acknowledged', result.acknowledged, 'rows', '>= 1'),
    judge('readings stored', result.stored, 'rows'),
    judge('acknowledged and lost', result.lost, 'rows', '== 0'),
    judge('stored twice', result.doubled, 'rows', '== 0'),
    judge('exported rows beside those stored', result.exported - result.stored, 'rows', '== 0'),
    judge('stored with a wrong value or time', result.wrong, 'rows', '== 0'),
    judge('stored though the acknowledgement died', result.unacknowledged, 'rows'),
    judge('gaps in the gateway sequence', result.sequenceGaps, 'gaps', '== 0'),
    judge('quarantined', result.quarantined, 'entries', '== 0'),
    judge('longest restart', result.restartMsMax, 'ms', '<= 30000'),
  ]);
}

await (values.figures ? killFigures() : killReadings());

/** `npm run test:kill -- --rounds N [--seed S]`: kills the product N times and proves that nothing acknowledged was lost. */
import { parseArgs } from 'node:util';
import { judge, report } from '../../bench/report.ts';
import { killTest } from './run.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } },
});
const result = await killTest({
  rounds: Number(values.rounds),
  seed: Number(values.seed),
  log: (line) => console.log(line),
});

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

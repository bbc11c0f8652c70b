/**
 * `npm run test:soak -- [--minutes 10] [--seed 1] [--calm]`: everything bad at once for so long, and the proof that nothing
 * acknowledged was lost. Calm, nothing is killed, filled or set, and what the memory of the processes is made of is seen for as long.
 */
import { parseArgs } from 'node:util';
import { numberOption } from '../../bench/options.ts';
import { judge, report } from '../../bench/report.ts';
import { soak } from './run.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    calm: { type: 'boolean', default: false },
  },
});
const minutes = numberOption('minutes', values.minutes, 0.1);
const { calm } = values;
// A minute, where there is a minute.
const fullSeconds = Math.min(60, 10 * minutes);
/** A run in which something was never done proves nothing about it; short ones have not the time for all. */
const once = calm || minutes < 5 ? null : '>= 1';
const result = await soak({
  seconds: 60 * minutes,
  seed: numberOption('seed', values.seed, 0),
  fullSeconds,
  calm,
  log: (line) => console.log(line),
});
for (const end of result.ends) console.log(`ended by itself:\n${end}`);

const { faults, memory, answers, exports } = result;
const percent = ({ early, late }: { early: number; late: number }): number =>
  Math.round((100 * late) / Math.max(1, early));
const count = (of: Readonly<Record<string, number>>, status: RegExp): number =>
  Object.entries(of).reduce((sum, [key, n]) => (status.test(key) ? sum + n : sum), 0);

report('soak', [
  judge('minutes', minutes, 'min'),
  judge('kills of the server', faults['kill-server'], 'kills', once),
  judge('kills of the gateway', faults['kill-gateway'], 'kills', once),
  judge('times the disk was full', faults['full-disk'], 'times', calm ? null : '>= 1'),
  judge('for so long each time', fullSeconds, 's'),
  judge('times the clock was set', faults.clock, 'times', once),
  judge('longest until all ways were acknowledged again', result.recoveryMsMax, 'ms'),
  judge('processes that ended by themselves', result.ends.length, 'ends', '== 0'),
  judge('readings acknowledged', result.acknowledged, 'rows', '>= 1'),
  judge('readings stored', result.stored, 'rows'),
  judge('acknowledged and lost', result.lost, 'rows', '== 0'),
  judge('stored twice', result.doubled, 'rows', '== 0'),
  judge('stored with a wrong value or time', result.wrong, 'rows', '== 0'),
  judge('exported rows beside those stored', result.exported - result.stored, 'rows', '== 0'),
  judge('stored though the acknowledgement died', result.unacknowledged, 'rows'),
  judge('gaps in the gateway sequence', result.sequenceGaps, 'gaps', '== 0'),
  judge('poison sent', result.poison.sent, 'messages', '>= 1'),
  judge('poison acknowledged', result.poison.acknowledged, 'messages', '>= 1'),
  judge('quarantined', result.quarantined, 'entries', '>= 1'),
  judge('asked of bad slaves', result.asksOfSlaves, 'requests', '>= 1'),
  judge('answers to clerks', count(answers, /^2/), 'answers', '>= 1'),
  judge('refused to clerks (4xx, 503)', count(answers, /^4|^503/), 'answers'),
  judge('faults told to clerks (other 5xx)', count(answers, /^5(?!03)/), 'answers', '== 0'),
  judge('not answered: killed meanwhile', count(answers, /none/), 'questions'),
  judge('exports', count(exports, /^2/), 'files', '>= 1'),
  judge('the server lived at last', memory.server.seconds, 's'),
  judge('its memory: second quarter of that life', memory.server.early, 'MB'),
  judge('its memory: last quarter', memory.server.late, 'MB'),
  judge('its memory: most', memory.server.most, 'MB'),
  judge('last quarter of second', percent(memory.server), '%', '<= 125'),
  judge('memory of the gateway: last quarter of second', percent(memory.gateway), '%', '<= 125'),
]);

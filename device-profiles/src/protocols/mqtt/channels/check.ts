/** Checks of a kind of channel in MQTT profiles: what says which channel it is, for each metric and event of it. */
import { type ChannelKindFile, wordsOf } from '../../../channels/schema.ts';
import type { Note } from '../../../check/note.ts';
import type { MetricFile, ProfileFile } from '../../../schema/file.ts';
import { type ChannelFromFile, mqttOf, tlvOf } from '../schema.ts';
import { isFilter, parsePattern } from '../topic.ts';
import { topicTextOf } from '../topics.ts';
import { placeholder } from './placeholder.ts';

const listOf = (from: ChannelFromFile | undefined): boolean =>
  from !== undefined && !Array.isArray(from) && 'list' in from;

/** Notes what is wrong with one kind of channel. */
export function checkChannel(
  file: ProfileFile,
  name: string,
  kind: ChannelKindFile,
  note: Note,
): void {
  const from = kind.from as ChannelFromFile | undefined;
  const marked = file.metrics.filter(({ channel }) => channel === name);
  if (mqttOf(file)?.payload === 'native') {
    if (from !== undefined) note(['from'], 'the keys of a native payload say it');
    return;
  }
  if (from !== undefined) checkPlaces(file, from, note);
  for (const metric of marked) checkMetric(metric, name, from, note);
  if (file.events.some(({ channel }) => channel === name) && (from === undefined || listOf(from)))
    note(['from'], 'an event is marked with it: the message must say which channel it speaks of');
  if (from === undefined) checkWords(file, name, kind, marked, note);
}

function checkMetric(
  { key, from: own, optional }: MetricFile,
  name: string,
  from: ChannelFromFile | undefined,
  note: Note,
): void {
  const text = JSON.stringify(own ?? {});
  const inPlace = text.includes(placeholder(name));
  if (from === undefined && !inPlace)
    note([], `nothing says of which channel ${key} is: neither from, nor {${name}} in its place`);
  if (from !== undefined && inPlace)
    note(['from'], `${key} has its channel in its place, so that nothing else may say it`);
  if (text.split(placeholder(name)).length > 2 && !Array.isArray(own))
    note([], `{${name}} stands twice in the place of ${key}`);
  if (from !== undefined && text.includes('"field"'))
    note(['from'], `${key} is of a binary payload: the id of its record tells the channel`);
  if (from !== undefined && !listOf(from) && !optional)
    note([], `${key} must be optional: true, since a message speaks of one channel only`);
}

/** Words that stand in places. */
function checkWords(
  file: ProfileFile,
  name: string,
  kind: ChannelKindFile,
  marked: readonly MetricFile[],
  note: Note,
): void {
  const inPaths = marked.some(({ from }) => JSON.stringify(from ?? {}).includes('"path"'));
  for (const key of Object.keys(kind.known)) {
    const words = wordsOf(kind, key);
    if (words.length === 0) note(['known', key], 'needs a word, since it stands in places');
    for (const word of words)
      if (inPaths && /^(__proto__|constructor|prototype)$/.test(word))
        note(['known', key, 'says'], 'is not a field');
  }
  const inRecords = JSON.stringify(tlvOf(file) ?? {}).includes(placeholder(name));
  if (inRecords && inPaths)
    note([], 'stands in records and in the JSON: they need a kind of their own each');
}

function checkPlaces(file: ProfileFile, from: ChannelFromFile, note: Note): void {
  const { pattern } = parsePattern(topicTextOf(file));
  const places = [from].flat();
  places.forEach((place, i) => {
    const at = Array.isArray(from) ? ['from', i] : ['from'];
    if ('list' in place) return;
    if (place.topic !== undefined && !isFilter(place.topic))
      note([...at, 'topic'], 'is no topic filter');
    if ((place.topic !== undefined || typeof Object(place).level === 'number') && !pattern?.hasRest)
      note(at, 'mqtt.topic must end with # for this');
    if (!('level' in place) || typeof place.level !== 'string') return;
    const { level } = place;
    const known = pattern?.levels.some(
      (one) => one.kind === 'one' && !one.device && one.name === level,
    );
    if (known !== true) note([...at, 'level'], `mqtt.topic has no {${level}}`);
  });
}

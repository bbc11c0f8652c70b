/** Checks of the `channels` section, before it is written out. */
import type { Note } from '../check/note.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { ProfileFile } from '../schema/file.ts';
import { expandChannels, kindOf } from './expand.ts';
import { type ChannelKindFile, wordsOf } from './schema.ts';

/** Metrics of a profile when all channels are written out: each takes room in every row of it. */
const METRICS_MAX = 200;
const KEY_MAX = 40;

/** Notes what is wrong with the kinds of channel, and with the marks that name them. */
export function checkChannels(file: ProfileFile, protocol: Protocol, note: Note): void {
  for (const [name, kind] of Object.entries(file.channels)) {
    const here: Note = (path, message) => note(['channels', name, ...path], message);
    checkWords(kind, here);
    const marked = [...file.metrics, ...file.events].some(({ channel }) => channel === name);
    if (!marked) here([], 'no metric and no event is marked with it');
    protocol.checkChannel?.(file, name, kind, here);
  }
  file.metrics.forEach((metric, i) => {
    const kind = kindOf(file, metric.channel);
    if (metric.channel !== undefined && kind === undefined)
      note(['metrics', i, 'channel'], `there is no kind of channel ${metric.channel}`);
    const long = Object.keys(kind?.known ?? {}).find(
      (key) => `${metric.key}-${key}`.length > KEY_MAX,
    );
    if (long !== undefined)
      note(
        ['metrics', i, 'key'],
        `${metric.key}-${long} is longer than ${KEY_MAX} characters: shorten one of the two`,
      );
  });
  file.events.forEach((event, i) => {
    if (event.channel === undefined) return;
    if (kindOf(file, event.channel) === undefined)
      note(['events', i, 'channel'], `there is no kind of channel ${event.channel}`);
    if (Object.hasOwn(event.detail, 'channel'))
      note(['events', i, 'detail', 'channel'], 'is the channel that the event is marked with');
  });
  const { metrics } = expandChannels(file, protocol).file;
  if (metrics.length > METRICS_MAX)
    note(['channels'], `make ${metrics.length} metrics of all; at most ${METRICS_MAX}`);
}

function checkWords(kind: ChannelKindFile, note: Note): void {
  const { known, plain } = kind;
  if (plain !== undefined && !Object.hasOwn(known, plain))
    note(['plain'], `there is no channel ${plain}`);
  const taken = new Map<string, string>();
  for (const key of Object.keys(known)) {
    const words = wordsOf(kind, key);
    if (words.length === 0 && key !== plain)
      note(['known', key], 'says nothing, so that nobody can tell it: only the plain one may');
    for (const word of words) {
      const other = taken.get(word);
      if (word === '') note(['known', key, 'says'], 'a word of spaces alone is none');
      else if (other !== undefined)
        note(['known', key, 'says'], `${other} is called ${JSON.stringify(word)} too`);
      taken.set(word, key);
    }
  }
}

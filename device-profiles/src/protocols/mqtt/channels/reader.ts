/**
 * Which channels a message speaks of. It names one itself (a place in the JSON, a level of the topic), or it has a list with
 * an element for each; where neither is so the channels stand in the places of the metrics, `/{sensor}/Temperature`.
 */
import { namedChannels } from '../../../channels/named.ts';
import { channelWord, wordsOf } from '../../../channels/schema.ts';
import type { Options } from '../../../options.ts';
import type { ProfileFile } from '../../../schema/file.ts';
import { compilePointer, type JsonObject, setPointer } from '../json.ts';
import type { ChannelFromFile, ChannelPlaceFile } from '../schema.ts';
import { fitsFilter, type TopicPattern } from '../topic.ts';

/** A topic, as far as places look at it. */
export interface TopicLevels {
  readonly all: readonly string[];
  /** Those that `#` stands for. */
  readonly rest: readonly string[];
}

/** The levels of a topic while it is made: those that `#` stands for, and those with a name. */
export interface OpenTopic {
  readonly rest: string[];
  readonly names: Map<string, string>;
}

/** What the places of a channel are looked for in: the message, or an element of a list in it. */
export interface Where {
  readonly root: JsonObject;
  /** Its pointer in the message. */
  readonly at: string;
}

/** Values of a channel that the profile does not list; without a word when the message names none. */
export interface Stranger extends Where {
  readonly word: string | undefined;
}

/** What a message says of one kind of channel. */
export interface Said {
  readonly found: ReadonlyMap<string, Where>;
  readonly strangers: readonly Stranger[];
  /** Elements of a channel that comes again further down; the last counts, as of a name that comes twice in JSON. */
  readonly repeated: readonly { readonly key: string; readonly where: Where }[];
}

export interface ChannelReader {
  readonly kind: string;
  read(root: JsonObject, topic: TopicLevels): Said;
  /** The message of one channel, for simulators: sets its word, in the JSON or in the topic. Absent where one holds all. */
  write?(root: JsonObject, word: string, topic: OpenTopic): void;
  /** The element of a channel in a message that is made; the message itself where each speaks of one. */
  elementOf(root: JsonObject, word: string | undefined): JsonObject;
}

const NONE: Said = { found: new Map(), strangers: [], repeated: [] };

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Levels by name, counted in the pattern; what `{device+}` takes moves those behind it. */
function namedLevel({ levels, manyAt, hasRest }: TopicPattern, name: string) {
  const place = levels.findIndex((level) => level.kind === 'one' && level.name === name);
  if (place < 0) return () => undefined;
  if (manyAt < 0 || place < manyAt) return ({ all }: TopicLevels) => all[place];
  const behind = levels.length - place - (hasRest ? 1 : 0);
  return ({ all, rest }: TopicLevels) => all[all.length - rest.length - behind];
}

type Finder = (root: JsonObject, topic: TopicLevels) => unknown;

function compilePlace(place: ChannelPlaceFile, pattern: TopicPattern): Finder {
  const filter = place.topic?.split('/');
  const find = 'path' in place ? compilePointer(place.path) : undefined;
  const level = 'level' in place ? place.level : 0;
  const named = typeof level === 'string' ? namedLevel(pattern, level) : undefined;
  return (root, topic) => {
    if (filter !== undefined && !fitsFilter(filter, topic.rest)) return undefined;
    if (find !== undefined) return find(root);
    if (named !== undefined) return named(topic);
    return topic.rest.at(Number(level) > 0 ? Number(level) - 1 : Number(level));
  };
}

const placesOf = (from: ChannelFromFile): readonly ChannelPlaceFile[] => {
  if (Array.isArray(from)) return from;
  return 'list' in from ? [] : [from];
};

/** Compiles the kinds of channel that messages or lists in them name. */
export function compileChannels(
  file: ProfileFile,
  pattern: TopicPattern,
  options: Options,
): ChannelReader[] {
  return Object.entries(file.channels).flatMap(([kind, channels]) => {
    const from = channels.from as ChannelFromFile | undefined;
    if (from === undefined) return [];
    // The device's own words go before those of its profile.
    const keys = new Map([
      ...Object.keys(channels.known).flatMap((key) =>
        wordsOf(channels, key).map((word) => [word, key] as const),
      ),
      ...namedChannels(file, kind, options),
    ]);
    const keyOf = (word: string | undefined): string | undefined =>
      word === undefined || word === '' ? channels.plain : keys.get(word);
    return [
      !Array.isArray(from) && 'list' in from
        ? listReader(kind, from.list, from.path, keyOf)
        : messageReader(kind, placesOf(from), pattern, keyOf),
    ];
  });
}

type KeyOf = (word: string | undefined) => string | undefined;

function messageReader(
  kind: string,
  places: readonly ChannelPlaceFile[],
  pattern: TopicPattern,
  keyOf: KeyOf,
): ChannelReader {
  const finders = places.map((place) => compilePlace(place, pattern));
  const paths = places.flatMap((place) => ('path' in place ? [place.path] : []));
  const levels = places.flatMap((place) => ('level' in place ? [place.level] : []));
  return {
    kind,
    read(root, topic) {
      let word: string | undefined;
      for (const find of finders) {
        word = wordAt(find(root, topic));
        if (word !== undefined && word !== '') break;
      }
      const key = keyOf(word);
      const where = { root, at: '' };
      if (key !== undefined) return { ...NONE, found: new Map([[key, where]]) };
      return { ...NONE, strangers: [{ ...where, word }] };
    },
    write(root, word, { rest, names }) {
      const [path] = paths;
      const [level] = levels;
      if (path !== undefined) setPointer(root, path, word);
      else if (typeof level === 'string') names.set(level, word);
      else if (level !== undefined) {
        const place = level > 0 ? level - 1 : Math.max(rest.length + level, 0);
        while (rest.length <= place) rest.push('1');
        rest[place] = word;
      }
    },
    elementOf: (root) => root,
  };
}

/** The word at a place; of something that can't be one, its text, so that it is told and not taken for none. */
function wordAt(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  return channelWord(value) ?? JSON.stringify(value).slice(0, 40);
}

function listReader(
  kind: string,
  list: string,
  path: string | undefined,
  keyOf: KeyOf,
): ChannelReader {
  const findList = compilePointer(list);
  const findWord = path === undefined ? undefined : compilePointer(path);
  return {
    kind,
    read(root) {
      const value = findList(root);
      const isList = Array.isArray(value);
      const elements: readonly unknown[] = isList ? value : [value];
      const found = new Map<string, Where>();
      const strangers: Stranger[] = [];
      const repeated: { key: string; where: Where }[] = [];
      elements.forEach((element, place) => {
        if (!isObject(element)) return;
        const where = { root: element, at: isList ? `${list}/${place}` : list };
        const word = findWord === undefined ? String(place) : wordAt(findWord(element));
        const key = keyOf(word);
        if (key === undefined) strangers.push({ ...where, word });
        else {
          const before = found.get(key);
          if (before !== undefined) repeated.push({ key, where: before });
          found.set(key, where);
        }
      });
      return { found, strangers, repeated };
    },
    elementOf(root, word) {
      const known = findList(root);
      const elements: JsonObject[] = Array.isArray(known) ? (known as JsonObject[]) : [];
      if (known === undefined) setPointer(root, list, elements);
      const place = findWord === undefined ? Number(word ?? elements.length) : elements.length;
      const at = elements.findIndex((one, n) =>
        findWord === undefined ? n === place : channelWord(findWord(one)) === word,
      );
      if (at >= 0) return elements[at] as JsonObject;
      while (elements.length < place) elements.push({});
      const made: JsonObject = {};
      if (path !== undefined && word !== undefined) setPointer(made, path, word);
      elements.push(made);
      return made;
    },
  };
}

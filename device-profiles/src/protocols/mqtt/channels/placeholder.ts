/**
 * Channels that stand in the places of metrics: `/{sensor}/Temperature` in the JSON, `temperature_{port}` among the fields of
 * a binary payload.
 */
import { type ChannelOf, wordsOf } from '../../../channels/schema.ts';
import type { MetricFile, ProfileFile } from '../../../schema/file.ts';
import { compilePointer, type JsonObject, pointerKeys } from '../json.ts';
import type { PathFile } from '../schema.ts';

export const placeholder = (kind: string): string => `{${kind}}`;

const escaped = (word: string): string => word.replaceAll('~', '~0').replaceAll('/', '~1');

/** The name of a field for one channel. */
export const fieldIn = (field: string, kind: string, key: string): string =>
  field.replace(placeholder(kind), key.replaceAll('-', '_'));

/** The `from` of a metric as it is for one channel: a path for each word that the channel has. */
export function inChannel(from: unknown, { kind, key, says }: ChannelOf): unknown {
  const name = placeholder(kind);
  const inPath = (place: PathFile): PathFile[] =>
    place.path.includes(name)
      ? says.map((word) => ({ ...place, path: place.path.replace(name, escaped(word)) }))
      : [place];
  if (Array.isArray(from)) return (from as PathFile[]).flatMap(inPath);
  if (typeof from !== 'object' || from === null) return from;
  if ('field' in from) return { field: fieldIn(String(from.field), kind, key) };
  if (!('path' in from)) return from;
  const paths = inPath(from as PathFile);
  return paths.length === 1 ? paths[0] : paths;
}

/** A value that stands where one of a channel would, under a word that is none. */
export interface Misplaced {
  readonly base: string;
  readonly kind: string;
  readonly word: string;
  readonly pointer: string;
}

/** What of a message stands in the places of channels and is of none. */
export type Misplacements = (root: JsonObject) => Misplaced[];

/** The word between the texts around it in one level of a place. */
function wordIn(level: string, before: string, after: string): string | undefined {
  if (level.length < before.length + after.length) return undefined;
  if (!level.startsWith(before) || !level.endsWith(after)) return undefined;
  return level.slice(before.length, level.length - after.length);
}

/** A place as it is written, and the words of known channels as they stand in it. */
export interface Template {
  readonly base: string;
  readonly kind: string;
  readonly pointer: string;
  readonly words: ReadonlySet<string>;
}

const isHolder = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null;

function compileTemplate(
  { base, kind, words, pointer }: Template,
  known: ReadonlySet<string>,
): Misplacements {
  const levels = pointer.slice(1).split('/');
  const place = levels.findIndex((level) => level.includes(placeholder(kind)));
  const level = pointerKeys(`/${levels[place]}`)[0] ?? '';
  const [before = '', after = ''] = level.split(placeholder(kind));
  const head = levels.slice(0, place).map((one) => `/${one}`);
  const tail = levels.slice(place + 1).map((one) => `/${one}`);
  const findHolder = head.length === 0 ? undefined : compilePointer(head.join(''));
  const findValue = tail.length === 0 ? undefined : compilePointer(tail.join(''));
  return (root) => {
    const holder = findHolder === undefined ? root : findHolder(root);
    if (!isHolder(holder)) return [];
    return Object.entries(holder).flatMap(([key, held]): Misplaced[] => {
      const word = wordIn(key, before, after);
      if (word === undefined || words.has(word)) return [];
      const inside = isHolder(held) ? findValue?.(held) : undefined;
      const value = findValue === undefined ? held : inside;
      const at = `${head.join('')}/${escaped(key)}${tail.join('')}`;
      return value === undefined || value === null || known.has(at)
        ? []
        : [{ base, kind, word, pointer: at }];
    });
  };
}

/**
 * Compiles the search for values of channels that are not listed; undefined without templates. `known` are pointers that
 * are read otherwise.
 */
export function compileMisplacements(
  templates: readonly Template[],
  known: ReadonlySet<string>,
): Misplacements | undefined {
  const all = templates.map((template) => compileTemplate(template, known));
  return all.length === 0 ? undefined : (root) => all.flatMap((find) => find(root));
}

/** The templates of metrics, one for each place and all channels. */
export function templatesOf(file: ProfileFile, metrics: readonly MetricFile[]): Template[] {
  const byPointer = new Map<string, Template>();
  for (const { of } of metrics) {
    if (of === undefined) continue;
    const kind = file.channels[of.kind];
    if (kind === undefined) continue;
    const keys = Object.keys(kind.known);
    const from = of.written as PathFile | PathFile[] | { field: string } | undefined;
    const add = (pointer: string, words: readonly string[]): void => {
      if (pointer.includes(placeholder(of.kind)))
        byPointer.set(pointer, { base: of.base, kind: of.kind, pointer, words: new Set(words) });
    };
    if (from !== undefined && 'field' in from)
      add(
        `/${from.field}`,
        keys.map((key) => key.replaceAll('-', '_')),
      );
    else
      for (const { path } of [from ?? []].flat())
        add(
          path,
          keys.flatMap((key) => wordsOf(kind, key)),
        );
  }
  return [...byPointer.values()];
}

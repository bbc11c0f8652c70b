/** Which language the console speaks, and texts with places for values. */
import { signal } from '@preact/signals';
import type { Label } from '@village/core';
import { type Key, texts } from './dictionary.ts';

export type Language = keyof Label;

/** The language chosen; Chinese until told otherwise. */
export const language = signal<Language>('zh');

type Places<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Places<Rest>
  : never;
type Values<K extends Key> = Places<(typeof texts)[K]['zh']>;

/** Names of texts without places, for tables of them. */
export type PlainKey = { [K in Key]: [Values<K>] extends [never] ? K : never }[Key];

/** The text of that key, its `{places}` filled; which places there are is known to the types. */
export function t<K extends Key>(
  key: K,
  ...values: [Values<K>] extends [never] ? [] : [Record<Values<K>, string | number>]
): string {
  const text: string = texts[key][language.value];
  const [given] = values as [Record<string, string | number>?];
  return given === undefined
    ? text
    : text.replace(/\{(\w+)\}/g, (place, name: string) => String(given[name] ?? place));
}

/** The label in the language chosen. */
export function say(label: Label): string {
  return label[language.value];
}

/** The dictionary's text for `prefix.word`, or the word itself when a newer server sends one it lacks. */
export function word(
  prefix: 'kind' | 'quality' | 'mode' | 'lane' | 'event' | 'unit' | 'reason',
  name: string,
): string {
  const key = `${prefix}.${name}`;
  return Object.hasOwn(texts, key) ? texts[key as Key][language.value] : name;
}

/** Which language the pages speak, and texts with places for values. */
import { signal } from '@preact/signals';
import type { Label } from '@village/core';
import { texts } from './texts.ts';
import { words } from './words.ts';

export type Language = keyof Label;

/** The language chosen; Chinese until somebody chooses another. */
export const language = signal<Language>('zh');

/** The label in the language chosen. */
export function say(label: Label): string {
  return label[language.value];
}

/** Texts by key, each in both languages. `{name}` in a text is a place for a value. */
export type Texts = Readonly<Record<string, Label>>;

type Places<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Places<Rest>
  : never;
type Values<T extends Texts, K extends keyof T> = Places<T[K]['zh']>;
type Prefix<K> = K extends `${infer Name}.${string}` ? Name : never;

/** Keys of texts without places, for tables of them. */
export type PlainKey<T extends Texts> = {
  [K in keyof T & string]: [Values<T, K>] extends [never] ? K : never;
}[keyof T & string];

/** Says texts in the language chosen. */
export interface Dictionary<T extends Texts> {
  /** The text of that key, its `{places}` filled; which places there are is known to the types. */
  t<K extends keyof T & string>(
    key: K,
    ...values: [Values<T, K>] extends [never] ? [] : [Record<Values<T, K>, string | number>]
  ): string;
  /** The text of `prefix.name`, or the name itself when a newer server sends one that has no text here. */
  word(prefix: Prefix<keyof T>, name: string): string;
}

function speak<T extends Texts>(all: T): Dictionary<T> {
  return {
    t(key, ...values) {
      const text = say(all[key] as Label);
      const [given] = values as [Record<string, string | number>?];
      return given === undefined
        ? text
        : text.replace(/\{(\w+)\}/g, (place, name: string) => String(given[name] ?? place));
    },
    word(prefix, name) {
      const key = `${prefix}.${name}`;
      return Object.hasOwn(all, key) ? say(all[key] as Label) : name;
    },
  };
}

const common = { ...texts, ...words };
type Common = typeof common;

/** The texts that every page may use. */
export const { t, word }: Dictionary<Common> = speak(common);

/** A topic's own texts together with those of every page. A key stands in one of the two: a test sees to it. */
export function dictionary<const T extends Texts>(own: T): Dictionary<T & Common> {
  return speak<T & Common>({ ...common, ...own });
}

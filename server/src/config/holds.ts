/** The configuration as it holds: each key with its value, where it comes from, and what it would be if nobody said it. */
import { DAY, HOUR, MINUTE, SECOND } from '@village/core';
import { z } from 'zod';
import { addressShown } from './address.ts';
import { type Config, unsaid } from './config.ts';
import { type Described, KEYS, VARIABLES } from './descriptions.ts';
import { envSchema, fileSchema } from './schema.ts';

export interface Held {
  readonly key: string;
  /** As it would be written; null when nothing is set, and for secrets. */
  readonly value: string | null;
  readonly source: 'default' | 'file' | 'environment';
  /** What holds when nobody says it; null when that is nothing, or follows from something else. */
  readonly default: string | null;
  /** The variable that says it; null where only the file does. */
  readonly variable: string | null;
  readonly secret: boolean;
  readonly description: { readonly zh: string; readonly en: string };
}

const UNITS = [
  [DAY, 'd'],
  [HOUR, 'h'],
  [MINUTE, 'm'],
  [SECOND, 's'],
] as const;

/** As durations are written: in the largest unit that tells it whole. */
export function durationText(ms: number): string {
  for (const [unit, name] of UNITS) if (ms >= unit && ms % unit === 0) return `${ms / unit}${name}`;
  return `${ms}ms`;
}

/** What stands at a path such as `http.tls.cert`. */
function valueAt(from: unknown, path: string): unknown {
  let at = from;
  for (const part of path.split('.')) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = (at as Record<string, unknown>)[part];
  }
  return at;
}

function textOf(value: unknown, { kind, times = 1 }: Described): string | null {
  if (value === undefined || value === null || kind === 'secret') return null;
  if (kind === 'duration') return durationText(Number(value) * times);
  if (typeof value === 'object') return JSON.stringify(value);
  if (kind === 'address') return addressShown(String(value));
  return String(value);
}

interface Shape {
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly anyOf?: readonly Shape[];
  readonly default?: unknown;
}

/** What a schema gives a key whose section is there and does not say it: of sections that may be absent as a whole. */
function inSection(shape: Shape | undefined, path: readonly string[]): unknown {
  const [name, ...rest] = path;
  if (shape === undefined) return undefined;
  if (name === undefined) return shape.default;
  const holder = [shape, ...(shape.anyOf ?? [])].find(({ properties }) => properties !== undefined);
  return inSection(holder?.properties?.[name], rest);
}

/** Key by key: first what only the environment says. */
export function configurationAsItHolds(config: Config): Held[] {
  const defaults = unsaid(config);
  const shape = z.toJSONSchema(fileSchema, { io: 'input', unrepresentable: 'any' }) as Shape;
  const variableDefaults: Readonly<Record<string, unknown>> = envSchema.parse({});
  const { keys, variables } = config.origin;
  const held = (key: string, described: Described, ofFile: boolean): Held => {
    const { at = key, zh, en, kind } = described;
    const variable = ofFile ? (described.variable ?? null) : key;
    const source =
      variable !== null && variables.has(variable)
        ? 'environment'
        : ofFile && keys.has(key)
          ? 'file'
          : 'default';
    const value = textOf(valueAt(config, at), described);
    const fallback = ofFile ? valueAt(defaults, at) : variableDefaults[key];
    // A section that is not there has no keys that could have defaults.
    const section = value === null ? undefined : inSection(shape, key.split('.'));
    return {
      key,
      value,
      source,
      default: textOf(fallback ?? section, described),
      variable,
      secret: kind === 'secret',
      description: { zh, en },
    };
  };
  return [
    ...Object.entries(VARIABLES).map(([key, described]) => held(key, described, false)),
    ...Object.entries(KEYS).map(([key, described]) => held(key, described, true)),
  ];
}

/**
 * Topic patterns of profiles: which device a topic belongs to, and which profile. A pattern has fixed levels, `{device}`
 * (one level) or `{device+}` (one or more levels), other `{names}` and `+` for one level, and `#` at its end.
 */

type Level =
  | { readonly kind: 'fixed'; readonly text: string }
  | { readonly kind: 'one'; readonly name: string; readonly device: boolean }
  | { readonly kind: 'many' }
  | { readonly kind: 'rest' };

/** Whether a level stands for the device's address. */
export const isOfDevice = (level: Level): boolean =>
  level.kind === 'many' || (level.kind === 'one' && level.device);

export interface TopicMatch {
  readonly address: string;
  /** The levels that `#` stands for; empty without one. */
  readonly rest: readonly string[];
}

export interface TopicPattern {
  readonly text: string;
  readonly levels: readonly Level[];
  /** Place of `{device+}`, or -1. */
  readonly manyAt: number;
  readonly hasRest: boolean;
}

function parseLevel(text: string, last: boolean): Level | string {
  if (text === '{device}') return { kind: 'one', name: 'device', device: true };
  if (text === '{device+}') return { kind: 'many' };
  if (text === '#') return last ? { kind: 'rest' } : '# may only stand at the end';
  if (text === '+') return { kind: 'one', name: 'any', device: false };
  const name = /^\{([a-z][a-zA-Z]*)\}$/.exec(text)?.[1];
  if (name !== undefined) return { kind: 'one', name, device: false };
  if (text === '' || /[{}+#\0]/.test(text)) return `"${text}" is no level of a topic`;
  return { kind: 'fixed', text };
}

/** Reads a pattern; the faults, as sentences, when it is none. */
export function parsePattern(text: string): { pattern?: TopicPattern; faults: string[] } {
  const parts = text.split('/');
  const faults: string[] = [];
  const levels: Level[] = [];
  parts.forEach((part, place) => {
    const level = parseLevel(part, place === parts.length - 1);
    if (typeof level === 'string') faults.push(level);
    else levels.push(level);
  });
  const devices = levels.filter(isOfDevice).length;
  if (devices !== 1) faults.push('must have {device} (or {device+}) exactly once');
  if (!levels.some((level) => level.kind === 'fixed')) faults.push('must have a fixed level');
  const manyAt = levels.findIndex((level) => level.kind === 'many');
  if (manyAt >= 0 && levels[manyAt + 1]?.kind !== 'fixed')
    faults.push('{device+} must be followed by a fixed level');
  if (levels[0]?.kind === 'fixed' && levels[0].text.startsWith('$'))
    faults.push('must not begin with $');
  if (faults.length > 0) return { faults };
  const hasRest = levels.at(-1)?.kind === 'rest';
  return { pattern: { text, levels, manyAt, hasRest }, faults };
}

/** Address from the levels if the pattern's levels from `from` on match those of the topic from `at` on. */
function matchFrom(
  levels: readonly Level[],
  topic: readonly string[],
  from: number,
  at: number,
  address: string,
): TopicMatch | undefined {
  let found = address;
  for (let i = from; i < levels.length; i++, at++) {
    const level = levels[i] as Level;
    if (level.kind === 'rest') return { address: found, rest: topic.slice(at) };
    const text = topic[at];
    if (text === undefined) return undefined;
    if (level.kind === 'fixed') {
      if (level.text !== text) return undefined;
    } else if (level.kind === 'one') {
      if (level.device) {
        if (text === '') return undefined;
        found = text;
      }
    } else return matchMany(levels, topic, i, at);
  }
  return at === topic.length ? { address: found, rest: [] } : undefined;
}

/** `{device+}` takes as few levels as will do, so that the first fixed level that fits ends it. */
function matchMany(
  levels: readonly Level[],
  topic: readonly string[],
  manyAt: number,
  at: number,
): TopicMatch | undefined {
  for (let end = at + 1; end < topic.length; end++) {
    const address = topic.slice(at, end).join('/');
    if (address === '') continue;
    const match = matchFrom(levels, topic, manyAt + 1, end, address);
    if (match !== undefined) return match;
  }
  return undefined;
}

/** The device's address in a topic split at its slashes, or undefined when the pattern does not match. */
export function matchPattern(
  pattern: TopicPattern,
  topic: readonly string[],
): TopicMatch | undefined {
  return matchFrom(pattern.levels, topic, 0, 0, '');
}

/** The filter to subscribe with; of one device when an address is given, which `{device+}` needs for deeper ones. */
export function patternFilter(pattern: TopicPattern, address?: string): string {
  return pattern.levels
    .map((level) => {
      if (level.kind === 'fixed') return level.text;
      if (level.kind === 'rest') return '#';
      if (address !== undefined && (level.kind === 'many' || level.device)) return address;
      return '+';
    })
    .join('/');
}

/** A filter that covers every topic of the pattern. An address of several levels leaves open what follows it. */
export function coveringFilter(pattern: TopicPattern): string {
  if (pattern.manyAt < 0) return patternFilter(pattern);
  const before = { ...pattern, levels: pattern.levels.slice(0, pattern.manyAt) };
  return [...(pattern.manyAt === 0 ? [] : [patternFilter(before)]), '#'].join('/');
}

/** A topic of that device, with `rest` (levels joined by slashes) where the pattern has `#`; a level without a text has its name. */
export function patternTopic(
  pattern: TopicPattern,
  address: string,
  rest: string,
  names?: ReadonlyMap<string, string>,
): string {
  const levels: string[] = [];
  for (const level of pattern.levels) {
    if (level.kind === 'fixed') levels.push(level.text);
    else if (level.kind === 'rest') {
      if (rest !== '') levels.push(rest);
    } else if (level.kind === 'many' || level.device) levels.push(address);
    else levels.push(names?.get(level.name) ?? level.name);
  }
  return levels.join('/');
}

/** Whether every topic of `narrow` is also one of `wide`, which makes them claims to the same topic. */
export function covers(wide: TopicPattern, narrow: TopicPattern): boolean {
  // Wildcards of the narrow one become levels that nothing fixed can equal; several where it takes several.
  const topics = [1, 2].map((many) =>
    narrow.levels.flatMap((level) => {
      if (level.kind === 'fixed') return [level.text];
      if (level.kind === 'one') return ['\0'];
      return Array.from({ length: many }, () => '\0');
    }),
  );
  return topics.every((topic) => matchPattern(wide, topic) !== undefined);
}

/** Whether levels fit an MQTT filter (+ and a last #), given split at its slashes. */
export function fitsFilter(filter: readonly string[], levels: readonly string[]): boolean {
  for (let i = 0; i < filter.length; i++) {
    if (filter[i] === '#') return true;
    if (i >= levels.length || (filter[i] !== '+' && filter[i] !== levels[i])) return false;
  }
  return filter.length === levels.length;
}

/** Whether a text is an MQTT filter of which fitsFilter makes sense. */
export function isFilter(text: string): boolean {
  const levels = text.split('/');
  return levels.every(
    (level, i) =>
      level === '+' || (level === '#' && i === levels.length - 1) || !/[+#]/.test(level),
  );
}

/** A topic that fits a filter: its wildcards become "1", as the source token of a camera does. */
export function restTopic(filter: string): string {
  return filter
    .split('/')
    .map((level) => (level === '+' || level === '#' ? '1' : level))
    .join('/');
}

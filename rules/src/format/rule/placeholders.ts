/** What messages may be filled in with. */
import type { Subject } from '../../model.ts';
import type { RuleFile } from '../schema.ts';
import type { Notes } from '../shape/fault.ts';
import { meant } from '../shape/nearest.ts';

/** Of every rule. */
const OF_ALL = ['rule', 'severity', 'area', 'since', 'duration'] as const;

/** By what a rule judges. */
const OF_KIND = {
  readings: ['device', 'gateway', 'metric', 'value', 'unit', 'limit', 'standard', 'class'],
  watch: ['device', 'gateway'],
  event: ['device', 'gateway', 'event'],
  area: ['total', 'offline', 'active', 'critical', 'major', 'minor', 'info'],
} as const satisfies Record<Subject['kind'], readonly string[]>;

export type Placeholder = (typeof OF_ALL)[number] | (typeof OF_KIND)[Subject['kind']][number];

/** Placeholders that messages of rules of that kind may have; of readings the names of the inputs besides. */
export const placeholdersOf = (subject: Subject): string[] => [
  ...OF_ALL,
  ...OF_KIND[subject.kind],
  ...(subject.kind === 'readings' ? subject.inputs.map(({ name }) => name) : []),
];

/** Notes placeholders that nobody fills in, and braces without a partner. */
export function checkPlaceholders({ message }: RuleFile, subject: Subject, notes: Notes): void {
  if (message === undefined) return;
  const known = placeholdersOf(subject);
  for (const language of ['zh', 'en'] as const) {
    const text = message[language];
    for (const { 1: name = '', index } of text.matchAll(/\{([^{}]*)\}/g)) {
      if (known.includes(name)) continue;
      const { zh, en } = meant(name, known);
      notes.error(
        'unknown-placeholder',
        ['message', language],
        `没有 {${name}}${zh || `；可用的有 ${known.map((one) => `{${one}}`).join('')}`}`,
        `there is no {${name}}${en || `; known are ${known.map((one) => `{${one}}`).join(' ')}`}`,
        { start: index, end: index + name.length + '{}'.length },
      );
    }
    const stray = text
      .replaceAll(/\{[^{}]*\}/g, (found) => ' '.repeat(found.length))
      .search(/[{}]/);
    if (stray >= 0)
      notes.error(
        'unknown-placeholder',
        ['message', language],
        '花括号没有配对',
        'a brace has no partner',
        { start: stray, end: stray + 1 },
      );
  }
}

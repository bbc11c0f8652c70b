/** A set of rules as a file again: what is read from it is the same set. What holds by itself is not written. */
import { QUALITIES, type Quality } from '@village/core';
import { stringify } from 'yaml';
import type { Flap, Inhibition, Lasting, Level, NoData, Rule, RuleSet, Subject } from '../model.ts';
import type { RuleTest } from '../testing-model.ts';
import {
  DEFAULT_FLAP,
  DEFAULT_LIVE,
  DEFAULT_NO_DATA,
  DEFAULT_QUALITIES,
  qualityCodes,
} from './defaults.ts';
import { scheduleText } from './rule/schedule.ts';
import { scopeFile } from './rule/scope.ts';
import type { InhibitionFile, LevelFile, RuleFile, RulesFile } from './schema.ts';
import { durationText } from './shape/parts.ts';
import type { TestFile } from './tests/schema.ts';

const same = (one: unknown, other: unknown): boolean =>
  JSON.stringify(one) === JSON.stringify(other);

/** The list itself where it has several, else its one entry. */
const oneOf = <T>(list: readonly T[]): T | T[] => (list.length === 1 ? (list[0] as T) : [...list]);

/** Without what is undefined, which JSON and YAML know nothing of. */
const said = <T extends object>(of: T): T =>
  Object.fromEntries(Object.entries(of).filter(([, value]) => value !== undefined)) as T;

const timeOf = (ms: number): string | undefined => (ms === 0 ? undefined : durationText(ms));

function lastingFile({ ms, intervals }: Lasting): { text: string; min: string | undefined } {
  return intervals === 0
    ? { text: durationText(ms), min: undefined }
    : { text: `${intervals} * interval`, min: timeOf(ms) };
}

function subjectFile(subject: Subject): Partial<RuleFile> {
  switch (subject.kind) {
    case 'watch':
      return { watch: subject.watch };
    case 'event': {
      const { types, detail, holdMs } = subject.event;
      const lists = Object.entries(detail).map(([key, values]) => [key, oneOf(values)]);
      return {
        event: said({
          type: oneOf(types),
          detail: lists.length === 0 ? undefined : Object.fromEntries(lists),
          hold: durationText(holdMs),
        }) as NonNullable<RuleFile['event']>,
      };
    }
    case 'area':
      return { over: 'area', level: subject.level };
    case 'readings': {
      const ages = subject.inputs.filter(({ maxAgeMs }) => Number.isFinite(maxAgeMs));
      return {
        input: Object.fromEntries(
          subject.inputs.map(({ name, metric, quantity }) => [name, metric ?? quantity ?? '']),
        ),
        ...(ages.length === 0
          ? {}
          : {
              maxAge: Object.fromEntries(
                ages.map(({ name, maxAgeMs }) => [name, durationText(maxAgeMs)]),
              ),
            }),
      };
    }
  }
}

const levelFile = ({ severity, when, clear, forMs }: Level, thing: boolean): LevelFile =>
  said({
    severity,
    when: thing ? undefined : when.source,
    clear: clear?.source,
    for: timeOf(forMs),
  }) as LevelFile;

function noDataFile(noData: NoData): RuleFile['noData'] {
  if (same(noData, DEFAULT_NO_DATA)) return undefined;
  const { text, min } = lastingFile(noData.after);
  return said({ after: text, min, state: noData.state }) as RuleFile['noData'];
}

function lateFile(live: Lasting): RuleFile['late'] {
  if (same(live, DEFAULT_LIVE)) return undefined;
  const { text, min } = lastingFile(live);
  return said({ live: text, min }) as RuleFile['late'];
}

const flapFile = (flap: Flap): RuleFile['flap'] =>
  same(flap, DEFAULT_FLAP)
    ? undefined
    : {
        transitions: flap.transitions,
        in: durationText(flap.inMs),
        hold: durationText(flap.holdMs),
      };

function qualityFile(qualities: ReadonlySet<number>): RuleFile['quality'] {
  const words: Quality[] = QUALITIES.filter((_, code) => qualities.has(code));
  const usual = qualityCodes(DEFAULT_QUALITIES);
  return words.length === usual.size && [...usual].every((code) => qualities.has(code))
    ? undefined
    : oneOf(words);
}

/** A rule as its file says it. */
export function ruleFile(rule: Rule): RuleFile {
  const { subject, limit, repeat, schedule } = rule;
  const thing = subject.kind === 'watch' || subject.kind === 'event';
  const yes = (is: boolean): true | undefined => (is ? true : undefined);
  return said({
    id: rule.id,
    title: { ...rule.title },
    enabled: rule.enabled ? undefined : false,
    scope: scopeFile(rule.scope),
    ...subjectFile(subject),
    levels: rule.levels.map((level) => levelFile(level, thing)),
    limit:
      limit === null
        ? undefined
        : said({
            standard: limit.standard,
            quantity: limit.quantity,
            class: limit.attribute ?? undefined,
            period: limit.period ?? undefined,
            temperature:
              limit.temperature === null ? undefined : rule.slots.inputs[limit.temperature],
          }),
    clearFor: timeOf(rule.clearForMs),
    minActive: timeOf(rule.minActiveMs),
    latch: yes(rule.latch),
    strictFor: yes(rule.strictFor),
    quality: qualityFile(rule.qualities),
    noData: noDataFile(rule.noData),
    late: lateFile(rule.live),
    repeat: repeat === null ? undefined : { count: repeat.count, in: durationText(repeat.inMs) },
    flap: flapFile(rule.flap),
    schedule: schedule === null ? undefined : scheduleText(schedule),
    message: rule.message === null ? undefined : { ...rule.message },
    advice: rule.advice.length === 0 ? undefined : rule.advice.map((one) => ({ ...one })),
  }) as RuleFile;
}

const inhibitionFile = ({ source, targets, kinds, rules }: Inhibition): InhibitionFile =>
  said({
    source: { rule: source.rule },
    targets,
    kinds: kinds.length === 0 ? undefined : [...kinds],
    rules: rules.length === 0 ? undefined : [...rules],
  }) as InhibitionFile;

/** A set with its tests as the object that JSON over the interface and YAML say alike. */
export function rulesFileOf(set: RuleSet, tests: readonly RuleTest[] = []): RulesFile {
  return said({
    apiVersion: 'rules/v1',
    kind: 'RuleSet',
    metadata: said({ name: set.name, owner: set.owner ?? undefined }),
    rules: set.rules.map(ruleFile),
    inhibit: set.inhibit.length === 0 ? undefined : set.inhibit.map(inhibitionFile),
    tests: tests.length === 0 ? undefined : tests.map(({ source }) => source as TestFile),
  }) as RulesFile;
}

/** A set with its tests as YAML. */
export const toYaml = (set: RuleSet, tests: readonly RuleTest[] = []): string =>
  stringify(rulesFileOf(set, tests), { lineWidth: 120, aliasDuplicateObjects: false });

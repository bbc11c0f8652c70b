/** What a rule judges: readings, what is watched, events, or counters of areas. */
import { QUANTITIES } from '@village/core';
import { RESERVED_WORDS, type Slots } from '../../language/index.ts';
import { AREA_COUNTERS, type Input, type Subject } from '../../model.ts';
import { quantityId } from '../known.ts';
import type { RuleFile } from '../schema.ts';
import type { Notes } from '../shape/fault.ts';
import { meant } from '../shape/nearest.ts';
import { durationMs, listOf } from '../shape/parts.ts';

/** Names that inputs can't have, since expressions know them otherwise. */
const TAKEN: ReadonlySet<string> = new Set(['limit', ...RESERVED_WORDS]);

const METRIC = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

function readInput(name: string, of: string, file: RuleFile, notes: Notes): Input | null {
  if (TAKEN.has(name))
    notes.error(
      'reserved-name',
      ['input', name],
      `${name} 是保留字，换个名称`,
      `${name} is reserved: choose another name`,
    );
  const quantity = of.includes('.') ? quantityId(of) : null;
  if (of.includes('.') && quantity === null) {
    const { zh, en } = meant(of, Object.keys(QUANTITIES));
    notes.error(
      'unknown-quantity',
      ['input', name],
      `没有量 ${of}${zh}`,
      `there is no quantity ${of}${en}`,
    );
    return null;
  }
  if (quantity === null && !METRIC.test(of)) {
    notes.error(
      'unknown-metric',
      ['input', name],
      `${of} 不是指标的键`,
      `${of} is no key of a metric`,
    );
    return null;
  }
  const age =
    file.maxAge !== undefined && Object.hasOwn(file.maxAge, name) ? file.maxAge[name] : undefined;
  return {
    name,
    metric: quantity === null ? of : null,
    quantity,
    maxAgeMs: age === undefined ? Number.POSITIVE_INFINITY : durationMs(age),
  };
}

function readInputs(file: RuleFile, notes: Notes): Subject | null {
  const said = Object.entries(file.input ?? {});
  if (said.length === 0) {
    notes.error('no-input', ['input'], '至少要有一个输入', 'needs an input at least');
    return null;
  }
  const inputs = said.map(([name, of]) => readInput(name, of, file, notes));
  for (const name of Object.keys(file.maxAge ?? {})) {
    if (!said.some(([one]) => one === name)) {
      const { zh, en } = meant(
        name,
        said.map(([one]) => one),
      );
      notes.error(
        'unknown-name',
        ['maxAge', name],
        `没有输入 ${name}${zh}`,
        `there is no input ${name}${en}`,
      );
    } else if (name === said[0]?.[0])
      notes.error(
        'driving-age',
        ['maxAge', name],
        '第一个输入是触发判断的，不会过期',
        'the first input drives the rule: it is never old when it is judged',
      );
  }
  if (inputs.includes(null)) return null;
  return { kind: 'readings', inputs: inputs as [Input, ...Input[]] };
}

const KINDS = ['input', 'watch', 'event', 'over'] as const;

/** Keys that mean something of one kind of rule alone. */
const OF_KIND: Readonly<Partial<Record<keyof RuleFile, readonly (typeof KINDS)[number][]>>> = {
  maxAge: ['input'],
  limit: ['input'],
  quality: ['input'],
  noData: ['input'],
  late: ['input', 'event'],
  repeat: ['input'],
  strictFor: ['input', 'over'],
  level: ['over'],
};

/** What the rule judges, or null after a fault was told. */
export function readSubject(file: RuleFile, notes: Notes): Subject | null {
  const said = KINDS.filter((key) => file[key] !== undefined);
  const [kind] = said;
  if (kind === undefined || said.length > 1) {
    notes.error(
      'one-subject',
      [],
      `input、watch、event、over 要写且只写一个${said.length > 1 ? `（现在有 ${said.join('、')}）` : ''}`,
      `needs one of input, watch, event and over, and no more${said.length > 1 ? ` (has ${said.join(', ')})` : ''}`,
    );
    return null;
  }
  for (const [key, kinds] of Object.entries(OF_KIND))
    if (file[key as keyof RuleFile] !== undefined && !kinds.includes(kind))
      notes.error(
        'key-of-others',
        [key],
        `${key} 只用于有 ${kinds.join(' 或 ')} 的规则`,
        `is for rules with ${kinds.join(' or ')} alone`,
      );
  if (kind === 'input') return readInputs(file, notes);
  if (file.watch !== undefined) return { kind: 'watch', watch: file.watch };
  if (file.event !== undefined) {
    const { type, detail = {}, hold } = file.event;
    const lists = Object.entries(detail).map(([key, values]) => [key, listOf(values)]);
    return {
      kind: 'event',
      event: { types: listOf(type), detail: Object.fromEntries(lists), holdMs: durationMs(hold) },
    };
  }
  if (file.level !== undefined) return { kind: 'area', level: file.level };
  notes.error(
    'no-level',
    ['over'],
    '要写 level：county、township 或 village',
    'needs a level: county, township or village',
  );
  return null;
}

/** Slots for the expressions of a rule. */
export const slotsOf = (subject: Subject, hasLimit: boolean): Slots => ({
  inputs: subject.kind === 'readings' ? subject.inputs.map(({ name }) => name) : [],
  windows: [],
  attributes: [],
  hasLimit,
  counters: subject.kind === 'area' ? AREA_COUNTERS : [],
});

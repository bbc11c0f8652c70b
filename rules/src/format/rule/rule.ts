/** One rule: from what its file says to what it is, with every fault. */
import { ATTRIBUTES, QUANTITIES, type QuantityId } from '@village/core';
import { type Code, partsOf } from '../../language/code.ts';
import type { Input, Level, LimitRef, NoData, Rule, Subject } from '../../model.ts';
import {
  DEFAULT_FLAP,
  DEFAULT_LIVE,
  DEFAULT_NO_DATA,
  DEFAULT_QUALITIES,
  qualityCodes,
} from '../defaults.ts';
import { type Known, profilesIn, quantitiesOf, quantityId } from '../known.ts';
import type { RuleFile } from '../schema.ts';
import type { Notes } from '../shape/fault.ts';
import { meant } from '../shape/nearest.ts';
import { durationMs, lastingOf, listOf } from '../shape/parts.ts';
import { type ReadLevel, readLevels } from './levels.ts';
import { checkPlaceholders } from './placeholders.ts';
import { parseSchedule } from './schedule.ts';
import { readScope } from './scope.ts';
import { readSubject, slotsOf } from './subject.ts';

function readLimit(
  file: RuleFile,
  quantities: readonly QuantityId[],
  inputs: readonly Input[],
  notes: Notes,
): LimitRef | null {
  if (file.limit === undefined) return null;
  const below = notes.below('limit');
  const { standard, quantity, class: attribute = null, period = null, temperature } = file.limit;
  if (attribute !== null && ATTRIBUTES[attribute]?.type !== 'text') {
    const words = Object.keys(ATTRIBUTES).filter((key) => ATTRIBUTES[key]?.type === 'text');
    below.error(
      'unknown-attribute',
      ['class'],
      `应为文字属性之一：${words.join('、')}`,
      `must be an attribute that is a word: ${words.join(', ')}`,
    );
  }
  const slot = inputs.findIndex(({ name }) => name === temperature);
  if (temperature !== undefined && slot < 0)
    below.error(
      'unknown-name',
      ['temperature'],
      `没有输入 ${temperature}`,
      `there is no input ${temperature}`,
    );
  const of = limitQuantity(quantity, quantities, below);
  const other = temperature === undefined ? null : slot;
  return of === null ? null : { standard, quantity: of, attribute, period, temperature: other };
}

/** What is limited: what is said, or what the first input is of. Null after a fault was told. */
function limitQuantity(
  said: string | undefined,
  quantities: readonly QuantityId[],
  notes: Notes,
): QuantityId | null {
  const [only, ...more] = quantities;
  if (said === undefined) {
    if (only !== undefined && more.length === 0) return only;
    notes.error(
      'unknown-quantity',
      [],
      '要写 quantity：由输入看不出是哪个量',
      'needs a quantity: the input does not say it',
    );
    return null;
  }
  const found = quantityId(said);
  const { zh, en } = meant(said, Object.keys(QUANTITIES));
  if (found === null)
    notes.error(
      'unknown-quantity',
      ['quantity'],
      `没有量 ${said}${zh}`,
      `there is no quantity ${said}${en}`,
    );
  return found;
}

function readNoData({ noData }: RuleFile): NoData {
  if (noData === undefined) return DEFAULT_NO_DATA;
  const { after, min, state = DEFAULT_NO_DATA.state } = noData;
  if (after !== undefined) return { after: lastingOf(after, min), state };
  const { intervals, ms } = DEFAULT_NO_DATA.after;
  return { after: { intervals, ms: min === undefined ? ms : durationMs(min) }, state };
}

/** Combinations of keys that say nothing together. */
function checkTogether(file: RuleFile, notes: Notes): void {
  if (file.repeat !== undefined)
    file.levels.forEach((level, i) => {
      if (level.for !== undefined)
        notes.error(
          'repeat-and-for',
          ['levels', i, 'for'],
          '写了 repeat 就不能再写 for',
          'can not stand beside `repeat`',
        );
    });
  if (file.noData?.min !== undefined && file.noData.after?.includes('interval') === false)
    notes.error(
      'min-of-duration',
      ['noData', 'min'],
      'after 已是时长，不用 min',
      'is for intervals alone',
    );
  if (file.late?.min !== undefined && !file.late.live.includes('interval'))
    notes.error(
      'min-of-duration',
      ['late', 'min'],
      'live 已是时长，不用 min',
      'is for intervals alone',
    );
}

/** Inputs and a limit that no condition looks at. */
function checkUsed(
  subject: Subject,
  levels: readonly ReadLevel[],
  file: RuleFile,
  notes: Notes,
): void {
  const used = new Set<string>();
  const look = (code: Code): void => {
    if (code.op === 'value' || code.op === 'age' || code.op === 'quality') used.add(`${code.slot}`);
    if (code.op === 'window') used.add(`${code.call.input}`);
    if (code.op === 'limit') used.add('limit');
    for (const part of partsOf(code)) look(part);
  };
  for (const { codes } of levels) codes.forEach(look);
  const temperature = file.limit?.temperature;
  if (subject.kind === 'readings')
    subject.inputs.forEach(({ name }, slot) => {
      if (slot > 0 && !used.has(`${slot}`) && name !== temperature)
        notes.warning(
          'unused-input',
          ['input', name],
          `没有条件用到 ${name}`,
          `no condition looks at ${name}`,
        );
    });
  if (file.limit !== undefined && !used.has('limit'))
    notes.warning('unused-limit', ['limit'], '没有条件用到 limit', 'no condition looks at limit');
}

interface Parts {
  readonly subject: Subject;
  readonly levels: readonly ReadLevel[];
  readonly limit: LimitRef | null;
  readonly scope: Rule['scope'];
  readonly slots: Rule['slots'];
}

function readParts(file: RuleFile, known: Known | null, notes: Notes): Parts | null {
  const subject = readSubject(file, notes);
  const scope = readScope(file.scope, subject?.kind ?? 'area', notes.below('scope'));
  if (subject === null) return null;
  const inputs = subject.kind === 'readings' ? subject.inputs : [];
  const compared = inputs.find(({ name }) => name === 'value') ?? inputs[0];
  const profiles = known === null ? [] : (profilesIn(scope, known) ?? []);
  const of = (input: (typeof inputs)[number] | undefined): readonly QuantityId[] =>
    input === undefined ? [] : quantitiesOf(input, profiles);
  const limit = readLimit(file, of(inputs[0]), inputs, notes);
  const slots = slotsOf(subject, file.limit !== undefined);
  const levels = readLevels(file.levels, {
    slots,
    bound:
      compared === undefined
        ? null
        : { name: compared.name, quantities: of(compared), hasLimit: slots.hasLimit },
    thing: subject.kind === 'watch' || subject.kind === 'event',
    notes: notes.below('levels'),
  });
  return { subject, levels, limit, scope, slots };
}

/** A rule, or null; everything that is wrong is noted. `known` is null where nothing is checked against types and standards. */
export function readRule(file: RuleFile, known: Known | null, notes: Notes): Rule | null {
  const parts = readParts(file, known, notes);
  checkTogether(file, notes);
  const schedule = file.schedule === undefined ? null : parseSchedule(file.schedule);
  if (file.schedule !== undefined && schedule === null)
    notes.error(
      'bad-schedule',
      ['schedule'],
      '应写作 Mon-Fri 08:00-18:00 或 周一-周五 08:00-18:00',
      'is written Mon-Fri 08:00-18:00',
    );
  if (parts === null) return null;
  const { subject, levels, limit, scope, slots } = parts;
  checkPlaceholders(file, subject, notes);
  if (levels.length === file.levels.length) checkUsed(subject, levels, file, notes);
  const [first, ...others] = levels.map(({ level }) => level);
  if (first === undefined) return null;
  const all: readonly [Level, ...Level[]] = [first, ...others];
  const { late, repeat, flap } = file;
  return {
    id: file.id,
    title: file.title,
    subject,
    slots,
    scope,
    levels: all,
    limit,
    clearForMs: file.clearFor === undefined ? 0 : durationMs(file.clearFor),
    minActiveMs: file.minActive === undefined ? 0 : durationMs(file.minActive),
    latch: file.latch ?? false,
    strictFor: file.strictFor ?? false,
    qualities: qualityCodes(file.quality === undefined ? DEFAULT_QUALITIES : listOf(file.quality)),
    noData: readNoData(file),
    live: late === undefined ? DEFAULT_LIVE : lastingOf(late.live, late.min),
    repeat: repeat === undefined ? null : { count: repeat.count, inMs: durationMs(repeat.in) },
    flap:
      flap === undefined
        ? DEFAULT_FLAP
        : {
            transitions: flap.transitions,
            inMs: durationMs(flap.in),
            holdMs: durationMs(flap.hold),
          },
    schedule,
    message: file.message ?? null,
    advice: file.advice ?? [],
    enabled: file.enabled ?? true,
  };
}

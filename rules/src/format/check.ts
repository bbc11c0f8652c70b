/** A set of rules against the types of devices and the standards that there are. */
import { quantity } from '@village/core';
import { type DeviceProfile, KINDS, type Metric } from '@village/device-profiles';
import { type Code, partsOf } from '../language/code.ts';
import { compileExpression } from '../language/index.ts';
import { canHold, type Ranges } from '../language/intervals.ts';
import type { Input, Rule, RuleSet } from '../model.ts';
import { qualityCodes } from './defaults.ts';
import { type Known, type LevelAt, metricsOf, profilesIn } from './known.ts';
import { checkLimit } from './limit.ts';
import { type Found, Notes } from './shape/fault.ts';
import { meant } from './shape/nearest.ts';

const namesOf = (profiles: readonly DeviceProfile[]): string =>
  profiles.map(({ id }) => id).join(', ');

function checkScope({ scope, subject }: Rule, known: Known, notes: Notes): void {
  scope.profiles.forEach((id) => {
    if (known.profiles.some((one) => one.id === id)) return;
    const { zh, en } = meant(
      id,
      known.profiles.map((one) => one.id),
    );
    notes.error(
      'unknown-profile',
      ['scope', 'profile'],
      `没有设备类型 ${id}${zh}`,
      `there is no type ${id}${en}`,
    );
  });
  scope.kinds.forEach((kind) => {
    if (isKind(kind) && !known.profiles.some((one) => one.kind === kind))
      notes.error(
        'unused-kind',
        ['scope', 'kind'],
        `没有设备类型属于 ${kind}`,
        `no type of device is of the kind ${kind}`,
      );
  });
  if (
    subject.kind === 'watch' &&
    subject.watch === 'gateway-offline' &&
    scope.profiles.length + scope.kinds.length > 0
  )
    notes.error(
      'no-profile',
      ['scope'],
      '网关没有设备类型，只能按区域限定',
      'gateways are of no type: only areas can be said',
    );
}

/** What an input is in each type of device; types that don't have it are told. */
function checkInput(
  { name, metric, quantity: of, ...input }: Input,
  driving: boolean,
  profiles: readonly DeviceProfile[],
  notes: Notes,
): void {
  const said = { metric, quantity: of, ...input };
  const without = profiles.filter((profile) => metricsOf(said, profile).length === 0);
  const [what, whatEn] =
    metric === null ? [`量 ${of}`, `nothing of ${of}`] : [`指标 ${metric}`, `no metric ${metric}`];
  if (without.length === profiles.length) {
    const { zh, en } = meant(
      metric ?? '',
      profiles.flatMap((one) => [...one.metricIndex.keys()]),
    );
    const inChinese = `这些设备类型都没有${what}：${namesOf(without)}${zh}`;
    const inEnglish = `these types have ${whatEn}: ${namesOf(without)}${en}`;
    // A key is a slip; a quantity may come with the next type of device.
    if (metric === null)
      notes.warning('unmeasured-quantity', ['input', name], inChinese, inEnglish);
    else notes.error('unknown-metric', ['input', name], inChinese, inEnglish);
    return;
  }
  if (without.length > 0 && !driving)
    notes.warning(
      'unknown-metric',
      ['input', name],
      `这些设备类型没有${what}，${name} 一直未知：${namesOf(without)}`,
      `these types have ${whatEn}, so that it is never known: ${namesOf(without)}`,
    );
  for (const profile of profiles) {
    const found = metricsOf(said, profile);
    if (found.length > 1)
      notes.error(
        'ambiguous-metric',
        ['input', name],
        `${profile.id} 有多个${what}：${found.map(({ key }) => key).join('、')}；请写明指标的键`,
        `${profile.id} has several of ${of}: ${found.map(({ key }) => key).join(', ')}; name one`,
      );
  }
}

/** Numbers that a state is compared with and never is. */
function checkStates(
  code: Code,
  metrics: readonly (Metric | undefined)[],
  where: readonly (string | number)[],
  profile: DeviceProfile,
  notes: Notes,
): void {
  if (code.op === '==' || code.op === '!=') {
    const [one, other] =
      code.left.op === 'value' ? [code.left, code.right] : [code.right, code.left];
    const metric = one.op === 'value' ? metrics[one.slot] : undefined;
    if (
      metric?.states !== undefined &&
      quantity(metric.quantity)?.state === true &&
      other.op === 'constant'
    ) {
      const states = Object.entries(metric.states).map(([word, value]) => `${value} ${word}`);
      if (!Object.values(metric.states).includes(other.value))
        notes.error(
          'no-state',
          where,
          `${profile.id} 的 ${metric.key} 没有状态 ${other.value}；有 ${states.join('、')}`,
          `${metric.key} of ${profile.id} is never ${other.value}; it is ${states.join(', ')}`,
        );
    }
  }
  for (const part of partsOf(code)) checkStates(part, metrics, where, profile, notes);
}

const isKind = (kind: string): boolean => (KINDS as readonly string[]).includes(kind);

const IMPLAUSIBLE = [...qualityCodes(['implausible'])][0] as number;

/** Conditions that no plausible value meets, as when a number is of another unit. */
function checkRanges(
  rule: Rule,
  level: number,
  code: Code,
  profiles: readonly DeviceProfile[],
  metrics: (profile: DeviceProfile) => (Metric | undefined)[],
  notes: Notes,
): void {
  if (rule.qualities.has(IMPLAUSIBLE) || canHold([code]) === 'no') return;
  const never = profiles.filter((profile) => {
    const ranges: Ranges = new Map(
      metrics(profile).flatMap((metric, slot) =>
        metric === undefined ? [] : [[slot, metric.range] as const],
      ),
    );
    return canHold([code], ranges) === 'no';
  });
  if (never.length === 0) return;
  const where = ['levels', level];
  const zh = `在合理范围内永远不成立（是否单位不同）：${namesOf(never)}`;
  const en = `is never true of plausible values (another unit?): ${namesOf(never)}`;
  if (never.length === profiles.length) notes.error('beyond-range', where, zh, en);
  else notes.warning('beyond-range', where, zh, en);
}

function checkReadings(
  rule: Rule,
  inputs: readonly Input[],
  profiles: readonly DeviceProfile[],
  notes: Notes,
  levelAt: LevelAt,
): void {
  inputs.forEach((input, i) => {
    checkInput(input, i === 0, profiles, notes);
  });
  const driven = profiles.filter((profile) => metricsOf(inputs[0] as Input, profile).length > 0);
  const metrics = (profile: DeviceProfile): (Metric | undefined)[] =>
    inputs.map((input) => metricsOf(input, profile)[0]);
  if (driven.length === 0) return;
  rule.levels.forEach(({ when, clear }, i) => {
    for (const [key, expression] of [
      ['when', when],
      ['clear', clear],
    ] as const) {
      if (expression === null) continue;
      const slots = { ...rule.slots, windows: [], attributes: [] };
      const code = compileExpression(expression.source, slots).compiled?.code;
      if (code === undefined) continue;
      for (const profile of driven)
        checkStates(code, metrics(profile), ['levels', levelAt(i), key], profile, notes);
      if (key === 'when') checkRanges(rule, levelAt(i), code, driven, metrics, notes);
    }
  });
}

/** Events that no type of device in the scope tells. */
function checkEvents(
  rule: Rule,
  types: readonly string[],
  profiles: readonly DeviceProfile[],
  notes: Notes,
): void {
  const all = profiles.flatMap(({ events }) => events.map(({ type }) => type));
  for (const type of types) {
    if (all.includes(type)) continue;
    const { zh, en } = meant(type, all);
    notes.warning(
      'unknown-event',
      ['event', 'type'],
      `这些设备类型没有事件 ${type}${zh}`,
      `no type of device in the scope tells ${type}${en}`,
    );
  }
  if (
    rule.scope.profiles.length + rule.scope.kinds.length > 0 &&
    profiles.length > 0 &&
    all.length === 0
  )
    notes.error(
      'no-events',
      ['scope'],
      '这些设备类型没有事件',
      'no type of device in the scope tells events',
    );
}

/** One rule against what is known; paths are below the rule. */
export function checkRule(rule: Rule, known: Known, notes: Notes, levelAt: LevelAt): void {
  checkScope(rule, known, notes);
  checkLimit(rule, known, notes, levelAt);
  const { subject } = rule;
  if (subject.kind === 'event')
    checkEvents(rule, subject.event.types, profilesIn(rule.scope, known) ?? known.profiles, notes);
  if (subject.kind !== 'readings') return;
  const profiles = profilesIn(rule.scope, known) ?? [];
  if (profiles.length === 0) {
    if (rule.scope.profiles.length > 0 && rule.scope.kinds.length > 0)
      notes.error(
        'no-devices',
        ['scope'],
        '没有设备类型同时符合 profile 和 kind',
        'no type of device is of both profile and kind',
      );
    return;
  }
  checkReadings(rule, subject.inputs, profiles, notes, levelAt);
}

/** What of a set does not fit the types of devices and the standards that there are; paths are those of its file. */
export function checkAgainst(set: RuleSet, known: Known): readonly Found[] {
  const notes = new Notes();
  set.rules.forEach((rule, i) => {
    checkRule(rule, known, notes.below('rules', i), (level) => level);
  });
  return notes.found;
}

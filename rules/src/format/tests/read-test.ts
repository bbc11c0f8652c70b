/** The tests of a file of rules: from what is written to what a runner takes, with every fault. */
import { attributeFault, DAY, parseDuration, parseTime, type Quality } from '@village/core';
import type {
  Expectation,
  RuleTest,
  TestDevice,
  TestSample,
  TestSeries,
  TestStep,
} from '../../testing-model.ts';
import type { Known } from '../known.ts';
import type { Notes } from '../shape/fault.ts';
import { meant } from '../shape/nearest.ts';
import { durationMs, listOf } from '../shape/parts.ts';
import { NOTATION_VALUES_MAX, seriesValues } from './notation.ts';
import type { ExpectationFile, StepFile, TestFile } from './schema.ts';

const REGISTERED_MS = 365 * DAY;
/** Readings of all tests of a file. */
export const TEST_READINGS_MAX = 1_000_000;

/** What is left of it for the tests that follow. */
export interface ReadingsLeft {
  count: number;
}

export interface TestsContext {
  /** Ids of the rules of the file. */
  readonly rules: ReadonlySet<string>;
  readonly known: Known | null;
  readonly left: ReadingsLeft;
}

/** What is checked of one test as a whole. */
interface Reading extends TestsContext {
  readonly file: TestFile;
  readonly gateways: ReadonlySet<string>;
  readonly notes: Notes;
}

function readDevices({ file, known, notes }: Reading): TestDevice[] {
  return Object.entries(file.devices).map(([id, said]) => {
    const below = notes.below('devices', id);
    const profile = known?.profiles.find((one) => one.id === said.profile);
    if (known !== null && profile === undefined) {
      const { zh, en } = meant(
        said.profile,
        known.profiles.map((one) => one.id),
      );
      below.error(
        'unknown-profile',
        ['profile'],
        `没有设备类型 ${said.profile}${zh}`,
        `there is no type ${said.profile}${en}`,
      );
    }
    for (const [key, value] of Object.entries(said.attributes ?? {})) {
      const fault = attributeFault(key, value);
      if (fault !== null)
        below.error(
          'unknown-attribute',
          ['attributes', key],
          `属性或属性值不对：${value}`,
          `${value} ${fault}`,
        );
    }
    return {
      id,
      profile: said.profile,
      area: said.area === undefined ? null : String(said.area),
      gateway: said.parent ?? null,
      intervalMs: said.interval === undefined ? null : durationMs(said.interval),
      registeredMs: said.registered === undefined ? REGISTERED_MS : durationMs(said.registered),
      labels: said.labels ?? {},
      attributes: said.attributes ?? {},
    };
  });
}

/** Device and metric of a key such as `d1.ph`; null after a fault was told. */
function seriesOf(
  key: string,
  where: readonly (string | number)[],
  { file, known }: Reading,
  notes: Notes,
): { device: string; metric: string; intervalMs: number } | null {
  const dot = key.lastIndexOf('.');
  const [device, metric] = [key.slice(0, dot), key.slice(dot + 1)];
  const said = dot > 0 && Object.hasOwn(file.devices, device) ? file.devices[device] : undefined;
  if (said === undefined) {
    const { zh, en } = meant(device, Object.keys(file.devices));
    notes.error(
      'unknown-device',
      where,
      `没有设备 ${device || key}${zh}`,
      `there is no device ${device || key}${en}`,
    );
    return null;
  }
  const profile = known?.profiles.find((one) => one.id === said.profile);
  if (profile !== undefined && !profile.metricIndex.has(metric)) {
    const { zh, en } = meant(metric, profile.metricIndex.keys());
    notes.error(
      'unknown-metric',
      where,
      `${said.profile} 没有指标 ${metric}${zh}`,
      `${said.profile} has no metric ${metric}${en}`,
    );
    return null;
  }
  const intervalMs =
    said.interval === undefined ? profile?.reportEveryMs : durationMs(said.interval);
  return { device, metric, intervalMs: intervalMs ?? Number.NaN };
}

/** What a notation says from a time on, at a device's pace; null after a fault was told. */
function samplesOf(
  text: string,
  from: number,
  intervalMs: number,
  where: readonly (string | number)[],
  reading: Reading,
  notes: Notes,
): TestSample[] | null {
  const { left } = reading;
  const found = seriesValues(text, Math.min(NOTATION_VALUES_MAX, left.count));
  if ('fault' in found) {
    const { message, start, end } = found.fault;
    notes.error('bad-series', where, message.zh, message.en, { start, end });
    return null;
  }
  left.count -= found.values.length;
  if (Number.isNaN(intervalMs) && found.values.length > 1) {
    notes.error(
      'no-interval',
      where,
      '设备没有写 interval，不知道读数间隔',
      'the device has no interval, so that nobody knows when these were made',
    );
    return null;
  }
  return found.values.flatMap((value, i) =>
    value === null ? [] : [{ at: from + (i === 0 ? 0 : i * intervalMs), value }],
  );
}

function readSeries(
  step: StepFile,
  at: number,
  until: number | null,
  reading: Reading,
  notes: Notes,
): TestSeries[] {
  const { quality } = step;
  if (typeof quality === 'object')
    for (const key of Object.keys(quality))
      if (!Object.hasOwn(step.series ?? {}, key))
        notes.error(
          'unknown-series',
          ['quality', key],
          '这一步没有这个序列',
          'is no series of this step',
        );
  return Object.entries(step.series ?? {}).flatMap(([key, text]) => {
    const where = ['series', key];
    const series = seriesOf(key, where, reading, notes);
    if (series === null) return [];
    const { device, metric, intervalMs } = series;
    const samples = samplesOf(text, at, intervalMs, where, reading, notes);
    if (samples === null) return [];
    const last = samples.at(-1)?.at ?? at;
    if (until !== null && last > until)
      notes.error(
        'too-long-series',
        where,
        '序列超出了这一步的时间',
        'goes on after the end of its step',
      );
    const own: Quality =
      typeof quality === 'object' ? (quality[key] ?? 'good') : (quality ?? 'good');
    return [{ device, metric, quality: own, samples }];
  });
}

function readArrivals(step: StepFile, at: number, reading: Reading, notes: Notes): TestSeries[] {
  return Object.entries(step.arrive ?? {}).flatMap(([key, { from, values }]) => {
    const where = ['arrive', key, 'values'];
    const series = seriesOf(key, ['arrive', key], reading, notes);
    if (series === null) return [];
    const { device, metric, intervalMs } = series;
    const samples = samplesOf(values, durationMs(from), intervalMs, where, reading, notes);
    if (samples === null) return [];
    if ((samples.at(-1)?.at ?? 0) > at)
      notes.error('from-the-future', where, '到达时间早于读数时间', 'is made after it arrives');
    return [{ device, metric, quality: 'good', samples }];
  });
}

/** Since the start, and until when where a step says it. */
function timesOf(text: string): { at: number; until: number | null } | null {
  const [at = Number.NaN, until = null, ...more] = text
    .split('..')
    .map((one) => parseDuration(one.trim()));
  if (more.length > 0 || Number.isNaN(at) || (until !== null && !(until >= at))) return null;
  return { at, until };
}

function checkNames(step: StepFile, { file, gateways, rules }: Reading, notes: Notes): void {
  const device = (id: string, where: readonly (string | number)[]): void => {
    if (Object.hasOwn(file.devices, id)) return;
    const { zh, en } = meant(id, Object.keys(file.devices));
    notes.error('unknown-device', where, `没有设备 ${id}${zh}`, `there is no device ${id}${en}`);
  };
  listOf(step.event).forEach((event, i) => {
    device(event.device, Array.isArray(step.event) ? ['event', i, 'device'] : ['event', 'device']);
  });
  for (const id of Object.keys(step.clock ?? {})) device(id, ['clock', id]);
  for (const [id, stand] of Object.entries(step.gateway ?? {})) {
    if (id === 'backlogEnd') {
      if (typeof stand !== 'boolean')
        notes.error('shape', ['gateway', id], '应为 true 或 false', 'must be true or false');
    } else if (typeof stand === 'boolean')
      notes.error('shape', ['gateway', id], '应为 online 或 offline', 'must be online or offline');
    else if (!gateways.has(id))
      notes.error(
        'unknown-gateway',
        ['gateway', id],
        `没有设备的 parent 是 ${id}`,
        `no device has the parent ${id}`,
      );
  }
  listOf(step.acknowledge).forEach(({ rule }, i) => {
    const where = Array.isArray(step.acknowledge)
      ? ['acknowledge', i, 'rule']
      : ['acknowledge', 'rule'];
    if (!rules.has(rule)) unknownRule(rule, where, rules, notes);
  });
}

function unknownRule(
  rule: string,
  where: readonly (string | number)[],
  rules: ReadonlySet<string>,
  notes: Notes,
): void {
  const { zh, en } = meant(rule, rules);
  notes.error('unknown-rule', where, `没有规则 ${rule}${zh}`, `there is no rule ${rule}${en}`);
}

function readSteps(reading: Reading): TestStep[] {
  let before = 0;
  return reading.file.steps.flatMap((step, i) => {
    const notes = reading.notes.below('steps', i);
    const times = timesOf(step.at);
    if (times === null) {
      notes.error('bad-time', ['at'], '应写作 10m 或 0m..10m', 'is written 10m or 0m..10m');
      return [];
    }
    const { at, until } = times;
    if (at < before)
      notes.error('out-of-order', ['at'], '步骤要按时间先后写', 'is before the step above it');
    before = at;
    checkNames(step, reading, notes);
    const { backlogEnd = false, ...gateways } = step.gateway ?? {};
    return [
      {
        at,
        series: readSeries(step, at, until, reading, notes),
        arrive: readArrivals(step, at, reading, notes),
        events: listOf(step.event).map(({ device, type, detail = {} }) => ({
          device,
          type,
          detail,
        })),
        gateways: Object.entries(gateways).map(([id, stand]) => ({
          id,
          online: stand === 'online',
        })),
        backlogEnd: backlogEnd === true,
        clocks: Object.entries(step.clock ?? {}).map(([device, is]) => ({
          device,
          wrong: is === 'wrong',
        })),
        acknowledge: listOf(step.acknowledge),
        restartMs: step.restart === undefined ? null : durationMs(step.restart.downtime),
      },
    ];
  });
}

function readExpectation(
  said: ExpectationFile,
  index: number,
  { rules, file }: Reading,
  notes: Notes,
): Expectation[] {
  const named = [...(said.alarms ?? []), ...(said.history ?? [])];
  const lists = { alarms: said.alarms, history: said.history, transitions: said.transitions };
  for (const [key, list] of Object.entries(lists))
    list?.forEach(({ rule }, i) => {
      if (!rules.has(rule)) unknownRule(rule, [key, i, 'rule'], rules, notes);
    });
  const made: Expectation[] = [];
  if (said.alarms !== undefined && said.at === undefined)
    notes.error(
      'no-time',
      ['alarms'],
      '要写 at：什么时候的状态',
      'needs `at`: the time of these states',
    );
  if (said.alarms !== undefined && said.at !== undefined)
    made.push({
      index,
      kind: 'alarms',
      at: durationMs(said.at),
      alarms: said.alarms.map(({ severity = null, suppression = null, ...one }) => ({
        ...one,
        severity,
        suppression,
      })),
    });
  if (said.history !== undefined)
    made.push({
      index,
      kind: 'history',
      history: said.history.map(({ from, to, severity = null, suppression = null, ...one }) => ({
        ...one,
        from: durationMs(from),
        to: to === null ? null : durationMs(to),
        severity,
        suppression,
      })),
    });
  if (said.transitions !== undefined)
    made.push({ index, kind: 'transitions', transitions: said.transitions });
  if (said.quiet !== undefined)
    made.push({
      index,
      kind: 'quiet',
      from: durationMs(said.quiet.from),
      to: durationMs(said.quiet.to),
    });
  if (made.length === 0 && said.alarms === undefined)
    notes.error('no-expectation', [], '没有写期望什么', 'expects nothing');
  const devices = new Set([
    ...Object.keys(file.devices),
    ...Object.values(file.devices).flatMap(({ parent }) => parent ?? []),
  ]);
  for (const { device } of named)
    if (!devices.has(device) && !/^\d{12}$/.test(device))
      notes.error('unknown-device', [], `没有设备 ${device}`, `there is no device ${device}`);
  return made;
}

/** A test; what is wrong in it is noted. */
export function readTest(file: TestFile, context: TestsContext, notes: Notes): RuleTest {
  const gateways = new Set(Object.values(file.devices).flatMap(({ parent }) => parent ?? []));
  const reading: Reading = { ...context, file, gateways, notes };
  const start = parseTime(file.start);
  if (Number.isNaN(start))
    notes.error(
      'bad-time',
      ['start'],
      '应为带时区的时间，如 2026-06-01T00:00:00+08:00',
      'must be a time with its zone such as 2026-06-01T00:00:00+08:00',
    );
  return {
    name: file.name,
    start,
    devices: readDevices(reading),
    steps: readSteps(reading),
    expect: file.expect.flatMap((one, i) =>
      readExpectation(one, i, reading, notes.below('expect', i)),
    ),
    source: file,
  };
}

/** The rules that a test names in what it expects. */
export const rulesTested = ({ expect }: RuleTest): string[] =>
  expect.flatMap((one) => {
    if (one.kind === 'quiet') return [];
    const list =
      one.kind === 'alarms' ? one.alarms : one.kind === 'history' ? one.history : one.transitions;
    return list.map(({ rule }) => rule);
  });

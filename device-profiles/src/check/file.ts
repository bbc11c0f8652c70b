/** What must hold in a profile file beyond its shape. Every check adds its faults and none stops the others. */
import { conversion, quantity, unitsOf } from '@village/core';
import { stateValue } from '../metric/metric.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { MetricFile, ProfileFile } from '../schema/file.ts';
import { checkOptionRef, type Note, type Path, valuesOf } from './note.ts';

function checkSections(file: ProfileFile, protocols: readonly Protocol[], note: Note): void {
  for (const { name, sections } of protocols) {
    if (name === file.protocol && file[name] === undefined)
      note([], `protocol is ${name}, but there is no ${name} section`);
    if (name === file.protocol) continue;
    for (const section of Object.keys(sections))
      if (file[section] !== undefined)
        note([section], `protocol is ${file.protocol}, so there must be no ${section} section`);
  }
}

function checkIntervals(file: ProfileFile, protocol: Protocol, note: Note): void {
  if (file[file.protocol] === undefined) return;
  const { everyMs, reportEveryMs, silentAfterMs } = protocol.intervals(file);
  if (everyMs <= 0) note([file.protocol, 'every'], 'must be longer than nothing');
  if (reportEveryMs < everyMs)
    note([file.protocol, 'reportEvery'], 'must not be shorter than `every`');
  if (silentAfterMs <= reportEveryMs)
    note([file.protocol, 'silentAfter'], 'must be longer than `reportEvery`');
}

function checkOptions(file: ProfileFile, protocol: Protocol, note: Note): void {
  const sections = Object.keys(protocol.sections).map((name) => file[name]);
  const used = new Set(
    [...JSON.stringify([sections, file.metrics]).matchAll(/\{"option":"([^"]*)"\}/g)].map(
      (match) => match[1],
    ),
  );
  for (const [name, option] of Object.entries(file.options)) {
    if (!option.values.includes(option.default))
      note(['options', name, 'default'], 'must be one of the values');
    if (!used.has(name)) note(['options', name], 'no rule uses it');
  }
}

function checkUnit(file: ProfileFile, metric: MetricFile, path: Path, note: Note): void {
  for (const key of ['scale', 'offset'] as const)
    checkOptionRef(file, metric[key], 'number', [...path, key], note);
  checkOptionRef(file, metric.unit, 'string', [...path, 'unit'], note);
  if (valuesOf(file, metric.scale).includes(0)) note([...path, 'scale'], 'must not be 0');
  for (const unit of valuesOf(file, metric.unit))
    if (typeof unit === 'string' && conversion(metric.quantity, unit) === undefined)
      note(
        [...path, 'unit'],
        `${unit} is no unit of ${metric.quantity}; known are ${unitsOf(metric.quantity)
          .map((one) => one || '(none)')
          .join(', ')}`,
      );
  const state = quantity(metric.quantity)?.state === true;
  for (const key of ['scale', 'offset', 'unit'] as const)
    if (state && metric[key] !== undefined) note([...path, key], 'a state has none');
}

function checkSpan(metric: MetricFile, path: Path, note: Note): void {
  if (metric.span === 'instant' && metric.statistic !== 'value')
    note([...path, 'statistic'], 'is of a span: say whether minute, hour or day');
}

function checkValues(metric: MetricFile, path: Path, note: Note): void {
  const state = quantity(metric.quantity)?.state === true;
  const { range, states } = metric;
  if (range === undefined && !state) note(path, 'range is missing');
  if (range !== undefined) {
    if (!range.every(Number.isFinite)) note([...path, 'range'], 'must be finite');
    else if (!((range[0] as number) < (range[1] as number)))
      note([...path, 'range'], 'must be [low, high] with low below high');
  }
  if (states !== undefined) {
    if (!state) note([...path, 'states'], `${metric.quantity} is measured, not a state`);
    const values = Object.values(states);
    if (new Set(values).size < values.length) note([...path, 'states'], 'values must be unique');
  }
  for (const name of Object.keys(metric.stateNames ?? {}))
    if (!Object.hasOwn(states ?? {}, name)) note([...path, 'stateNames', name], 'is no state');
  if (metric.absent !== undefined && !metric.optional)
    note([...path, 'absent'], 'a metric that may have no value must be optional: true');
  metric.absent?.forEach((raw, i) => {
    const name = Object.entries(states ?? {}).find(([, value]) => value === raw)?.[0];
    if (name !== undefined) note([...path, 'absent', i], `${raw} is the state ${name}`);
  });
}

function checkMetrics(file: ProfileFile, protocol: Protocol, note: Note): void {
  const keys = new Set<string>();
  const names = new Set<string>();
  file.metrics.forEach((metric, i) => {
    const path = ['metrics', i];
    if (keys.has(metric.key)) note([...path, 'key'], `${metric.key} stands twice`);
    keys.add(metric.key);
    const name = metric.name?.zh ?? quantity(metric.quantity)?.zh ?? '';
    if (names.has(name)) note(path, `another metric is called ${name} too: give both a name`);
    names.add(name);
    checkUnit(file, metric, path, note);
    checkSpan(metric, path, note);
    checkValues(metric, path, note);
    protocol.checkSource(file, metric, path, note);
  });
}

function checkQuality(file: ProfileFile, note: Note): void {
  const metrics = new Map(file.metrics.map((metric) => [metric.key, metric]));
  file.quality.forEach((rule, i) => {
    rule.metrics.forEach((key, j) => {
      if (!metrics.has(key)) note(['quality', i, 'metrics', j], `there is no metric ${key}`);
    });
    for (const [key, wanted] of Object.entries(rule.when)) {
      const metric = metrics.get(key);
      if (metric === undefined) note(['quality', i, 'when', key], `there is no metric ${key}`);
      for (const one of Array.isArray(wanted) ? wanted : [wanted])
        if (metric !== undefined && Number.isNaN(stateValue(metric.states ?? {}, one)))
          note(['quality', i, 'when', key], `${key} has no state ${one}`);
    }
  });
}

/** Notes all faults of a file whose shape is right, examples excepted. `protocol` is the one that the file names. */
export function checkFile(
  file: ProfileFile,
  protocol: Protocol,
  protocols: readonly Protocol[],
  note: Note,
): void {
  checkSections(file, protocols, note);
  checkIntervals(file, protocol, note);
  checkOptions(file, protocol, note);
  protocol.check(file, note);
  checkMetrics(file, protocol, note);
  checkQuality(file, note);
}

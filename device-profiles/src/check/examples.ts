/** Runs the examples that every profile carries: they are its proof. */
import { OperationalError, parseTime } from '@village/core';
import { compileProfile, rulesOf } from '../compile.ts';
import { decode } from '../profile.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { ExampleFile, MetricFile, ProfileFile } from '../schema/file.ts';
import type { Decoded, DeviceProfile, RefusedPart } from '../types.ts';
import type { Note } from './note.ts';

function compare(example: ExampleFile, decoded: Decoded, known: Set<string>, note: Note): void {
  const wanted = Object.entries(example.readings ?? {});
  for (const [key, expected] of wanted) {
    if (!known.has(key)) continue;
    const { value, quality } =
      typeof expected === 'number' ? { value: expected, quality: 'good' } : expected;
    const reading = decoded.readings.find((one) => one.metric === key);
    if (reading === undefined) note(['readings', key], 'the frame does not yield it');
    else if (reading.value !== value || reading.quality !== quality)
      note(['readings', key], `is ${reading.value} (${reading.quality}) by the rules`);
  }
  compareRefused(example, decoded, note);
  if (example.partial) return;
  for (const { metric, value } of decoded.readings)
    if (example.readings?.[metric] === undefined)
      note(['readings'], `${metric} is missing: it is ${value} by the rules`);
  const events = JSON.stringify(decoded.events);
  if (events !== JSON.stringify(example.events ?? []))
    note(['events'], `the frame yields ${events}`);
}

/** A refused part goes by its metric; one of no metric by its place. */
const nameOf = ({ metric, place }: RefusedPart): string => metric ?? place;

function compareRefused(example: ExampleFile, { refused = [] }: Decoded, note: Note): void {
  const wanted = example.refused ?? {};
  for (const [name, code] of Object.entries(wanted)) {
    const part = refused.find((one) => nameOf(one) === name);
    if (part === undefined) note(['refused', name], 'is not refused');
    else if (part.reason !== code) note(['refused', name], `${part.reason}: ${part.message}`);
  }
  for (const part of refused)
    if (!Object.hasOwn(wanted, nameOf(part)))
      note(['frame'], `${part.reason}: ${part.message} (${part.place}); list it under refused`);
}

function runExample(
  profile: DeviceProfile,
  file: ProfileFile,
  example: ExampleFile,
  known: Set<string>,
  note: Note,
): void {
  const frame = rulesOf(profile).protocol.exampleFrame(profile, file, example, note);
  if (frame === undefined) return;
  let decoded: Decoded;
  try {
    decoded = decode(
      profile,
      frame,
      example.options === undefined ? {} : { options: example.options },
    );
  } catch (error) {
    if (!(error instanceof OperationalError)) throw error;
    if (error.code !== example.error)
      note([example.error === undefined ? 'frame' : 'error'], `${error.code}: ${error.message}`);
    return;
  }
  if (example.error !== undefined) {
    if (decoded.refused?.some(({ reason }) => reason === example.error) !== true)
      note(['error'], 'the frame is decoded without error');
    return;
  }
  if (example.at !== undefined && parseTime(example.at) !== decoded.at)
    note(
      ['at'],
      `the frame says ${decoded.at === null ? 'no time' : new Date(decoded.at).toISOString()}`,
    );
  compare(example, decoded, known, note);
}

const baseOf = ({ key, of }: MetricFile): string => of?.base ?? key;

function checkCoverage(file: ProfileFile, note: Note): void {
  const full = file.examples.filter((one) => one.error === undefined && !one.partial);
  if (full.length === 0) note(['examples'], 'needs an example with all readings of its frame');
  if (!file.examples.some((one) => (one.error ?? one.refused) !== undefined))
    note(
      ['examples'],
      'needs an example of a frame that must be refused (error: …), or of which a part must be (refused: …)',
    );
  const shown = new Set(full.flatMap((one) => Object.keys(one.readings ?? {})));
  // One channel is shown for all.
  const bases = new Set(file.metrics.flatMap((one) => (shown.has(one.key) ? [baseOf(one)] : [])));
  file.metrics.forEach((metric, i) => {
    const base = baseOf(metric);
    if (!bases.has(base)) note(['metrics', i], `no full example shows ${base}`);
  });
  const types = new Set(full.flatMap((one) => (one.events ?? []).map((event) => event.type)));
  file.events.forEach((event, i) => {
    if (!types.has(event.type)) note(['events', i], `no full example shows ${event.type}`);
  });
}

/**
 * Runs every example and notes what fails, what is missing, and what no example covers. With `whole` false, some
 * metrics are left out because they are at fault: examples of errors then prove nothing and are not run.
 */
export function checkExamples(
  file: ProfileFile,
  protocol: Protocol,
  whole: boolean,
  note: Note,
): void {
  const profile = compileProfile(file, protocol);
  const known = new Set(file.metrics.map((metric) => metric.key));
  const names = new Set<string>();
  file.examples.forEach((example, i) => {
    const here: Note = (path, message) => note(['examples', i, ...path], message);
    if (names.has(example.name)) here(['name'], 'another example has this name');
    names.add(example.name);
    if (
      example.error !== undefined &&
      (example.readings ?? example.events ?? example.refused) !== undefined
    )
      here([], 'has an error, so it can have no readings, events or refused parts');
    for (const key of Object.keys(example.readings ?? {}))
      if (whole && !known.has(key)) here(['readings', key], `there is no metric ${key}`);
    if (whole || (example.error ?? example.refused) === undefined)
      runExample(profile, file, example, known, here);
  });
  checkCoverage(file, note);
}

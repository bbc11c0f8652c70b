/**
 * Computes a figure of an area from what its devices gave: pure, the single definition of what the result is. Of a county it is
 * looked at in slices, but for what the figure itself makes of it.
 */
import { createHash } from 'node:crypto';
import { Slices } from '@village/core';
import { type Standard, versionAt } from '../../standards/standard.ts';
import { FAULT_LENGTH_MAX, type InputState } from '../compute.ts';
import type { Span } from '../days.ts';
import type { AreaFacts, AreaFigure, Station } from '../figure.ts';
import type { StoredResult } from '../stored/packed.ts';

/** What a device's figure came to in the span of the area's figure, while the device stood there; in order of time. */
export interface StationResults {
  readonly device: string;
  readonly results: readonly StoredResult[];
}

/** By input, each by id. */
export type Inputs = ReadonlyMap<string, readonly StationResults[]>;

async function stateOf(
  figure: AreaFigure,
  name: string,
  stations: readonly StationResults[],
  slices: Slices,
): Promise<InputState> {
  const hash = createHash('sha256');
  let expected = 0;
  let valid = 0;
  for (const { device, results: own } of stations) {
    if (slices.over) await slices.next();
    expected += own.length;
    for (const { value } of own) if (value !== null) valid++;
    if (figure.keep !== 'stored') continue;
    hash.update(
      JSON.stringify([
        device,
        ...own.map((one) => [
          ...[one.at, one.value, one.completeness],
          ...[one.standards, one.fault, one.corrections],
        ]),
      ]),
    );
  }
  return {
    ...{ name, expected, valid },
    rows: stations.length,
    digest: figure.keep === 'stored' ? hash.digest('base64url').slice(0, 22) : '',
  };
}

/** Of `used` versions those that are known, in the order of the standards. */
function standardsOf(figure: AreaFigure, used: ReadonlySet<string>): string[] {
  const known = [figure, ...figure.inputs.map((input) => input.figure)].flatMap(
    ({ standard }) => standard?.versions ?? [],
  );
  return [...new Set(known.map(({ version }) => version))].filter((version) => used.has(version));
}

/** The result over one span. What the figure throws is its fault, and kept as such. */
export async function computeArea(
  figure: AreaFigure,
  span: Span,
  inputs: Inputs,
): Promise<StoredResult> {
  const slices = new Slices();
  /** Versions that its inputs were judged by, and that it uses itself. */
  const used = new Set<string>();
  const corrections = new Set<number>();
  const given = new Map<string, Station[]>();
  for (const [name, stations] of inputs) {
    const own: Station[] = [];
    given.set(name, own);
    for (const { device, results } of stations) {
      if (slices.over) await slices.next();
      own.push({
        device,
        values: results.map(({ at, value, completeness }) => ({ at, value, completeness })),
      });
      for (const { standards, corrections: ids } of results) {
        for (const version of standards) used.add(version);
        for (const id of ids) corrections.add(id);
      }
    }
  }
  const states: InputState[] = [];
  for (const { name } of figure.inputs)
    states.push(await stateOf(figure, name, inputs.get(name) ?? [], slices));
  const facts: AreaFacts = {
    span,
    stations: (name): readonly Station[] => {
      const found = given.get(name);
      if (found === undefined) throw new Error(`BUG: ${figure.id} has no input ${name}`);
      return found;
    },
    standard: <Data>(standard: Standard<Data>, at: number) => {
      if (figure.standard?.id !== standard.id)
        throw new Error(`BUG: ${standard.id} is not the standard of ${figure.id}`);
      const version = versionAt(figure.standard as Standard<Data>, at);
      used.add(version.version);
      return version;
    },
  };
  let value: number | null = null;
  let fault: string | null = null;
  try {
    value = figure.compute(facts);
    if (value !== null && !Number.isFinite(value)) throw new Error(`the result is ${value}`);
  } catch (error) {
    value = null;
    fault = (error instanceof Error ? error.message : String(error)).slice(0, FAULT_LENGTH_MAX);
  }
  return {
    at: span.from,
    value,
    completeness: Math.min(
      ...states.map(({ valid, expected }) => (expected === 0 ? 0 : valid / expected)),
    ),
    inputs: states,
    standards: standardsOf(figure, used),
    attributes: {},
    fault,
    corrections: [...corrections].sort((a, b) => a - b),
  };
}

/** Computes a figure of an area from what its devices gave: pure, the single definition of what the result is. */
import { createHash } from 'node:crypto';
import { FAULT_LENGTH_MAX, type InputState } from '../compute.ts';
import type { Span } from '../days.ts';
import type { AreaFacts, AreaFigure, Station } from '../figure.ts';
import { type Standard, versionAt } from '../standard.ts';
import type { StoredResult } from '../stored/packed.ts';

/** What a device's figure came to in the span of the area's figure, while the device stood there; in order of time. */
export interface StationResults {
  readonly device: string;
  readonly results: readonly StoredResult[];
}

/** By input, each by id. */
export type Inputs = ReadonlyMap<string, readonly StationResults[]>;

function stateOf(
  figure: AreaFigure,
  name: string,
  stations: readonly StationResults[],
): InputState {
  const results = stations.flatMap((one) => one.results);
  const hash = createHash('sha256');
  if (figure.keep === 'stored')
    for (const { device, results: own } of stations)
      hash.update(
        JSON.stringify([
          device,
          ...own.map((one) => [
            ...[one.at, one.value, one.completeness],
            ...[one.standards, one.fault, one.corrections],
          ]),
        ]),
      );
  return {
    name,
    expected: results.length,
    valid: results.filter(({ value }) => value !== null).length,
    rows: stations.length,
    digest: figure.keep === 'stored' ? hash.digest('base64url').slice(0, 22) : '',
  };
}

/** Versions that its inputs were judged by and that it used itself, in the order of the standards. */
function standardsOf(figure: AreaFigure, inputs: Inputs, own: ReadonlySet<string>): string[] {
  const used = new Set(own);
  for (const stations of inputs.values())
    for (const { results } of stations)
      for (const { standards } of results) for (const version of standards) used.add(version);
  const known = [figure, ...figure.inputs.map((input) => input.figure)].flatMap(
    ({ standard }) => standard?.versions ?? [],
  );
  return [...new Set(known.map(({ version }) => version))].filter((version) => used.has(version));
}

/** The result over one span. What the figure throws is its fault, and kept as such. */
export function computeArea(figure: AreaFigure, span: Span, inputs: Inputs): StoredResult {
  const used = new Set<string>();
  const facts: AreaFacts = {
    span,
    stations: (name): readonly Station[] => {
      const found = inputs.get(name);
      if (found === undefined) throw new Error(`BUG: ${figure.id} has no input ${name}`);
      return found.map(({ device, results }) => ({
        device,
        values: results.map(({ at, value, completeness }) => ({ at, value, completeness })),
      }));
    },
    standard: <Data>(standard: Standard<Data>, at: number) => {
      if (figure.standard !== standard)
        throw new Error(`BUG: ${standard.id} is not the standard of ${figure.id}`);
      const version = versionAt(standard, at);
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
  const states = figure.inputs.map(({ name }) => stateOf(figure, name, inputs.get(name) ?? []));
  const corrections = new Set<number>();
  for (const stations of inputs.values())
    for (const { results } of stations)
      for (const one of results) for (const id of one.corrections) corrections.add(id);
  return {
    at: span.from,
    value,
    completeness: Math.min(
      ...states.map(({ valid, expected }) => (expected === 0 ? 0 : valid / expected)),
    ),
    inputs: states,
    standards: standardsOf(figure, inputs, used),
    attributes: {},
    fault,
    corrections: [...corrections].sort((a, b) => a - b),
  };
}

/** From the text of a profile file to a profile, or to all of its faults with their places. */
import { bug } from '@village/core';
import { checkChannels } from '../channels/check.ts';
import { expandChannels } from '../channels/expand.ts';
import { checkExamples } from '../check/examples.ts';
import { checkFile } from '../check/file.ts';
import type { Path } from '../check/note.ts';
import { compileProfile } from '../compile.ts';
import { builtinProtocols } from '../protocols/index.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { DeviceProfile, ProfileFault } from '../types.ts';
import type { ProfileFile } from './file.ts';
import { pathText, readYaml, type SchemaFault, schemaFaults } from './placed-yaml.ts';
import { profileSchema } from './profile-schema.ts';

/** Characters of a profile file. */
const TEXT_MAX = 262_144;

type ProfileSchema = ReturnType<typeof profileSchema>;

/** Lists with entries that may be left out so that the others can be checked. */
const PRUNABLE = ['metrics', 'quality', 'events', 'examples'] as const;

/** A file without what is at fault, where each entry that is left stood in its list, and whether all are left. */
interface Pruned {
  readonly file: ProfileFile;
  readonly origin: Readonly<Record<string, readonly number[]>>;
  /** Places of metrics that had a fault of shape and were mended just to check the rest of them. */
  readonly tainted: ReadonlySet<number>;
  readonly whole: boolean;
}

const PLACEHOLDER = {
  profile: 'unnamed/unnamed',
  revision: 1,
  name: { zh: '-', en: '-' },
  kind: 'weather-station',
};

function prune(
  data: unknown,
  faults: readonly SchemaFault[],
  schema: ProfileSchema,
): Pruned | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return undefined;
  const copy: Record<string, unknown> = structuredClone(data as Record<string, unknown>);
  const origin: Record<string, number[]> = {};
  const tainted = new Set<number>();
  for (const name of PRUNABLE) {
    const list = copy[name];
    if (!Array.isArray(list)) continue;
    const bad = new Set<unknown>();
    for (const { path, unknown } of faults) {
      if (path[0] !== name || path.length < 2) continue;
      if (unknown === true && path.length > 2) remove(list, path.slice(1));
      else if (name === 'metrics' && path[2] === 'range') set(list[Number(path[1])], ANY_RANGE);
      else bad.add(path[1]);
      if (name === 'metrics') tainted.add(Number(path[1]));
    }
    origin[name] = list.map((_, i) => i).filter((i) => !bad.has(i));
    copy[name] = list.filter((_, i) => !bad.has(i));
  }
  for (const { path } of faults) {
    const [top, ...rest] = path;
    if (top === undefined || (PRUNABLE as readonly unknown[]).includes(top)) continue;
    if (top in PLACEHOLDER) copy[top] = PLACEHOLDER[top as keyof typeof PLACEHOLDER];
    else if (rest.length === 0) delete copy[top];
    else remove(copy[top], rest);
  }
  const parsed = schema.safeParse(copy);
  return parsed.success ? { file: parsed.data, origin, tainted, whole: false } : undefined;
}

/** Stands for a range that is none, so that the metric's other parts are checked. */
const ANY_RANGE = { range: [-Number.MAX_VALUE, Number.MAX_VALUE] };

function set(node: unknown, values: object): void {
  if (typeof node === 'object' && node !== null) Object.assign(node, values);
}

function remove(node: unknown, path: Path): void {
  const [key, ...rest] = path;
  if (typeof node !== 'object' || node === null || key === undefined) return;
  const object = node as Record<string | number, unknown>;
  if (rest.length === 0) delete object[key];
  else remove(object[key], rest);
}

/** Leaves out the metrics with faults, and what depends on them, so that the examples prove the others. */
function withoutFaulty(file: ProfileFile, faults: readonly SchemaFault[]): ProfileFile {
  const bad = new Set(
    faults.filter(({ path }) => path[0] === 'metrics').map(({ path }) => path[1]),
  );
  const metrics = file.metrics.filter((_, i) => !bad.has(i));
  const keys = new Set(metrics.map((metric) => metric.key));
  const quality = file.quality.filter((rule) =>
    Object.keys(rule.when).every((key) => keys.has(key)),
  );
  return { ...file, metrics, quality };
}

function checkAll(pruned: Pruned, protocols: readonly Protocol[]): SchemaFault[] {
  const { file: written, tainted, whole } = pruned;
  const protocol = protocolOf(written, protocols);
  const { file, writtenAt } = expandChannels(written, protocol);
  const metricsAt = writtenAt.map((i) => pruned.origin['metrics']?.[i] ?? i);
  const origin: Pruned['origin'] = { ...pruned.origin, metrics: metricsAt };
  const found: SchemaFault[] = [];
  const note = (path: Path, message: string): void => {
    const list = origin[String(path[0])];
    const index = typeof path[1] === 'number' ? list?.[path[1]] : undefined;
    const real = index === undefined ? path : [path[0] as string, index, ...path.slice(2)];
    found.push({ path: real, message });
  };
  const own: SchemaFault[] = [];
  checkChannels(written, protocol, (path, message) => {
    const real = path[0] === 'metrics' ? path.with(1, writtenAt.indexOf(Number(path[1]))) : path;
    own.push({ path: real, message });
    note(real, message);
  });
  checkFile(file, protocol, protocols, (path, message) => {
    own.push({ path, message });
    note(path, message);
  });
  const structural = own.some(({ path }) => path[0] !== 'metrics');
  if (structural) return once(found);
  const mended = file.metrics
    .map((_, i) => i)
    .filter((i) => tainted.has(metricsAt[i] ?? i))
    .map((i) => ({ path: ['metrics', i], message: '' }));
  const sound = withoutFaulty(file, [...own, ...mended]);
  const kept = file.metrics
    .map((_, i) => i)
    .filter((i) => sound.metrics.includes(file.metrics[i] as never));
  checkExamples(sound, protocol, whole && own.length === 0, (path, message) => {
    const index = path[0] === 'metrics' ? kept[Number(path[1])] : undefined;
    note(index === undefined ? path : ['metrics', index, ...path.slice(2)], message);
  });
  return once(found);
}

/** What is wrong with a metric is so in each of its channels, and is told once. */
function once(found: readonly SchemaFault[]): SchemaFault[] {
  const byText = new Map(found.map((one) => [JSON.stringify([one.path, one.message]), one]));
  return [...byText.values()];
}

function protocolOf(file: ProfileFile, protocols: readonly Protocol[]): Protocol {
  return (
    protocols.find(({ name }) => name === file.protocol) ?? bug(`the shape let ${file.protocol} in`)
  );
}

function checkData(
  data: unknown,
  protocols: readonly Protocol[],
): { file?: ProfileFile; found: SchemaFault[] } {
  const schema = profileSchema(protocols);
  const parsed = schema.safeParse(data);
  if (parsed.success) {
    const all = { file: parsed.data, origin: {}, tainted: new Set<number>(), whole: true };
    const found = checkAll(all, protocols);
    if (found.length > 0) return { found };
    const { file } = expandChannels(parsed.data, protocolOf(parsed.data, protocols));
    return { file, found };
  }
  const found = schemaFaults(parsed.error.issues);
  const rest = prune(data, found, schema);
  return { found: rest === undefined ? found : [...found, ...checkAll(rest, protocols)] };
}

/**
 * Reads a profile file. `file` is only named in the faults. With any fault there is no profile; all faults that can
 * be found are, each with its place.
 */
export function parseProfile(
  text: string,
  file: string,
  protocols: readonly Protocol[] = builtinProtocols,
): { profile?: DeviceProfile; faults: ProfileFault[] } {
  if (text.length > TEXT_MAX)
    return { faults: [{ file, path: '', message: `is longer than ${TEXT_MAX} characters` }] };
  const { data, faults: faultsOfYaml, at, placeOf } = readYaml(text);
  const faults: ProfileFault[] = faultsOfYaml.map(({ place, message, code }) => ({
    ...{ file, ...place, path: '', message },
    yaml: code,
  }));
  for (const { index } of text.matchAll(/FILL_IN/g))
    faults.push({ file, ...placeOf(index), path: '', message: 'is still to be filled in' });
  if (data === undefined) return { faults };
  const { file: sound, found } = checkData(data, protocols);
  for (const { path, message } of found)
    faults.push({ file, ...at(path), path: pathText(path), message });
  return faults.length === 0 && sound !== undefined
    ? { profile: compileProfile(sound, protocolOf(sound, protocols), { file, text }), faults }
    : { faults };
}

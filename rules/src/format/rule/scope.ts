/** Which devices a rule is for: from what is written to what is asked of a device. */
import { ATTRIBUTES, attributeFault } from '@village/core';
import { type DeviceKind, KINDS } from '@village/device-profiles';
import type { Scope, Subject } from '../../model.ts';
import type { ScopeFile } from '../schema.ts';
import type { Notes } from '../shape/fault.ts';
import { meant } from '../shape/nearest.ts';
import { listOf } from '../shape/parts.ts';

const lists = <T extends string | number>(
  said: Readonly<Record<string, T | readonly T[]>> | undefined,
): Record<string, readonly T[]> =>
  Object.fromEntries(Object.entries(said ?? {}).map(([key, values]) => [key, listOf<T>(values)]));

function checkAttributes(scope: Scope, notes: Notes): void {
  for (const [key, values] of Object.entries(scope.attributes)) {
    if (!Object.hasOwn(ATTRIBUTES, key)) {
      const { zh, en } = meant(key, Object.keys(ATTRIBUTES));
      notes.error(
        'unknown-attribute',
        ['attributes', key],
        `没有这个属性${zh}`,
        `is no attribute${en}`,
      );
      continue;
    }
    for (const value of values) {
      const fault = attributeFault(key, value);
      if (fault !== null)
        notes.error(
          'unknown-attribute',
          ['attributes', key],
          `属性值不对：${value}`,
          `${value} ${fault}`,
        );
    }
  }
}

/** The scope of a rule; faults are noted. */
export function readScope(
  file: ScopeFile | undefined,
  subject: Subject['kind'],
  notes: Notes,
): Scope {
  const scope: Scope = {
    profiles: listOf(file?.profile),
    kinds: listOf(file?.kind),
    areas: listOf(file?.areas).map(String),
    labels: lists(file?.labels),
    attributes: lists(file?.attributes),
    devices: listOf(file?.devices),
  };
  listOf(file?.kind).forEach((kind) => {
    if ((KINDS as readonly string[]).includes(kind)) return;
    const { zh, en } = meant(kind, KINDS);
    notes.error(
      'unknown-kind',
      ['kind'],
      `没有设备种类 ${kind}${zh}`,
      `there is no kind ${kind}${en}`,
    );
  });
  checkAttributes(scope, notes);
  const named = scope.profiles.length + scope.kinds.length + scope.devices.length;
  if (subject === 'readings' && named === 0)
    notes.error(
      'no-devices',
      [],
      '读数类规则要写明设备类型（profile）、种类（kind）或设备（devices）',
      'of a rule on readings says at least one of profile, kind and devices',
    );
  return scope;
}

/** What is written of a scope; undefined where nothing is said. */
export function scopeFile(scope: Scope): ScopeFile | undefined {
  const one = <T>(list: readonly T[]): T | T[] => (list.length === 1 ? (list[0] as T) : [...list]);
  const said: ScopeFile = {};
  if (scope.profiles.length > 0) said.profile = one(scope.profiles);
  if (scope.kinds.length > 0) said.kind = one(scope.kinds as readonly DeviceKind[]);
  if (scope.areas.length > 0) said.areas = one(scope.areas);
  if (Object.keys(scope.labels).length > 0)
    said.labels = Object.fromEntries(Object.entries(scope.labels).map(([k, v]) => [k, one(v)]));
  if (Object.keys(scope.attributes).length > 0)
    said.attributes = Object.fromEntries(
      Object.entries(scope.attributes).map(([k, v]) => [k, one(v)]),
    );
  if (scope.devices.length > 0) said.devices = one(scope.devices);
  return Object.keys(said).length > 0 ? said : undefined;
}

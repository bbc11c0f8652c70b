/** Events that a profile finds in MQTT payloads. */
import { EVENT_DETAIL_CHARACTERS_MAX, OperationalError } from '@village/core';
import type { EventFile } from '../../schema/file.ts';
import type { Scalar } from '../../schema/parts.ts';
import type { DecodedEvent } from '../../types.ts';
import { compilePointer, type JsonObject } from './json.ts';
import { fitsFilter } from './topic.ts';

export interface EventRule {
  /** Where each detail stands. */
  readonly pointers: ReadonlyMap<string, string>;
  /** Undefined when the payload holds no such event. @throws event-too-large */
  find(root: JsonObject, rest: readonly string[]): DecodedEvent | undefined;
}

type Condition = (root: JsonObject) => boolean;

/** Whether what a pointer finds is one of the wanted values; true and "true" are different. */
function compileConditions(
  conditions: Readonly<Record<string, Scalar | readonly Scalar[]>>,
): Condition[] {
  return Object.entries(conditions).map(([pointer, wanted]) => {
    const find = compilePointer(pointer);
    const values = new Set<unknown>(Array.isArray(wanted) ? wanted : [wanted]);
    return (root) => values.has(find(root));
  });
}

/** Compiles one event of a profile. */
export function compileEvent(event: EventFile): EventRule {
  const filter = event.topic?.split('/');
  const when = compileConditions(event.when);
  const unless = compileConditions(event.unless);
  const detail = Object.entries(event.detail).map(
    ([key, pointer]) => [key, compilePointer(pointer)] as const,
  );
  return {
    pointers: new Map(Object.entries(event.detail)),
    find(root, rest) {
      if (filter !== undefined && !fitsFilter(filter, rest)) return undefined;
      if (!when.every((holds) => holds(root)) || unless.some((holds) => holds(root)))
        return undefined;
      const found: Record<string, unknown> = {};
      for (const [key, find] of detail) {
        const value = find(root);
        if (value !== undefined) found[key] = value;
      }
      if (JSON.stringify(found).length > EVENT_DETAIL_CHARACTERS_MAX)
        throw new OperationalError(
          'event-too-large',
          `the detail of ${event.type} is longer than ${EVENT_DETAIL_CHARACTERS_MAX} characters`,
        );
      return { type: event.type, detail: found };
    },
  };
}

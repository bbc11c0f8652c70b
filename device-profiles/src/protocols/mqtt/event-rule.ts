/** Events that a profile finds in MQTT payloads. */
import { EVENT_DETAIL_CHARACTERS_MAX, OperationalError } from '@village/core';
import type { EventFile } from '../../schema/file.ts';
import type { Scalar } from '../../schema/parts.ts';
import type { DecodedEvent } from '../../types.ts';
import type { Said } from './channels/reader.ts';
import { compilePointer, type JsonObject } from './json.ts';
import { fitsFilter } from './topic.ts';

export interface EventRule {
  readonly type: string;
  /** Where each detail stands. */
  readonly pointers: ReadonlyMap<string, string>;
  /** Undefined when the payload holds no such event. @throws event-too-large unknown-channel */
  find(
    root: JsonObject,
    rest: readonly string[],
    said: ReadonlyMap<string, Said>,
  ): DecodedEvent | undefined;
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

/** The channel that a message names. @throws unknown-channel */
function channelIn({ type, channel }: EventFile, said: Said | undefined): string | undefined {
  const stranger = said?.strangers[0];
  if (stranger === undefined) return said?.found.keys().next().value;
  const { word = 'none' } = stranger;
  throw new OperationalError(
    'unknown-channel',
    `${type}: ${word.slice(0, 80)} is no known ${channel}`,
  );
}

/** Compiles one event of a profile. */
export function compileEvent(event: EventFile): EventRule {
  const { channel } = event;
  const filter = event.topic?.split('/');
  const when = compileConditions(event.when);
  const unless = compileConditions(event.unless);
  const detail = Object.entries(event.detail).map(
    ([key, pointer]) => [key, compilePointer(pointer)] as const,
  );
  return {
    type: event.type,
    pointers: new Map(Object.entries(event.detail)),
    find(root, rest, said) {
      if (filter !== undefined && !fitsFilter(filter, rest)) return undefined;
      if (!when.every((holds) => holds(root)) || unless.some((holds) => holds(root)))
        return undefined;
      const found: Record<string, unknown> =
        channel === undefined ? {} : { channel: channelIn(event, said.get(channel)) };
      for (const [key, find] of detail) {
        const value = find(root);
        if (value !== undefined && value !== null) found[key] = value;
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

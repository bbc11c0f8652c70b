/** Lists of readings and events in our own form, as gateways and HTTP clients send them: each row stands for itself. */
import { OperationalError } from '@village/core';
import type { Reject } from '../dialects/dialect.ts';
import type { MessageContext } from './message-context.ts';
import type { Rows } from './rows.ts';
import { type Fields, MessagePath, object, textIn } from './shape.ts';

/** Stores readings and events one by one; a bad one is rejected alone, with its place counted over both lists. */
export function takeRows(
  rows: Rows,
  readings: readonly unknown[],
  events: readonly unknown[],
  context: MessageContext,
  reject: Reject,
): void {
  const path = new MessagePath('readings');
  for (let n = 0; n < readings.length; n++) {
    path.index = n;
    try {
      const fields = object(readings[n], path);
      const id = textIn(fields, 'device', path, 64);
      rows.put(rows.deviceFor(id, context, path), fields, context, path);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      reject(readings[n], n, error);
    }
  }
  if (events.length > 0) takeEvents(rows, events, readings.length, context, reject);
}

function takeEvents(
  rows: Rows,
  events: readonly unknown[],
  first: number,
  context: MessageContext,
  reject: Reject,
): void {
  const path = new MessagePath('events');
  for (let n = 0; n < events.length; n++) {
    path.index = n;
    try {
      const fields = object(events[n], path);
      const id = textIn(fields, 'device', path, 64);
      rows.putEvent(rows.deviceFor(id, context, path), fields, context, path);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      reject(events[n], first + n, error);
    }
  }
}

/** Stores a reading or an event that was rejected alone and is run again. */
export function takeRow(rows: Rows, row: Fields, context: MessageContext, reject: Reject): void {
  if (row['type'] === undefined) takeRows(rows, [row], [], context, reject);
  else takeRows(rows, [], [row], context, reject);
}

/** A robot of a group: one address that holds its key, to which JSON is posted. What all three vendors' robots have in common. */
import type { Timer } from '@village/core';
import type { Channel, Outcome, Outgoing } from '../contract.ts';
import { Health } from '../health.ts';
import { httpUrl } from '../options.ts';
import { objectOf, outcomeOf, said } from './answers.ts';
import { type CodeTable, outcomeOfCode } from './codes.ts';
import { exchange } from './exchange.ts';

/** The whole address as the group's page shows it, of the path given and with the parameter that holds the key, if any. */
export const webhookUrl = (path: RegExp, parameter: string | null) =>
  httpUrl(
    1000,
    ({ pathname, searchParams }) =>
      path.test(pathname) && (parameter === null || (searchParams.get(parameter) ?? '') !== ''),
    "must be the robot's whole address as the group's page shows it",
  );

/** What one kind of robot does its own way. */
export interface RobotWays {
  /** Address and body of a message. */
  readonly request: (message: Outgoing) => { readonly url: URL; readonly body: unknown };
  /** The number by which an answer says how it went, and its words; undefined where it says none. */
  readonly answer: (
    json: Readonly<Record<string, unknown>>,
  ) => { readonly number: number; readonly text: unknown } | undefined;
  readonly codes: CodeTable;
  /** What is never told. */
  readonly secrets: readonly string[];
}

export function robot(
  id: string,
  ways: RobotWays,
  { timer, timeoutMs }: { readonly timer: Timer; readonly timeoutMs: number },
): Channel {
  const health = new Health(timer.now);
  return {
    id,
    async send(message, signal): Promise<Outcome> {
      const { url, body } = ways.request(message);
      const given = await exchange({
        url,
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(body),
        timeoutMs,
        signal,
      });
      const json = objectOf(given);
      const answer = json === undefined ? undefined : ways.answer(json);
      const now = timer.now();
      if (answer === undefined) return health.note(outcomeOf(given, now));
      const { number, text } = answer;
      return health.note(
        number === 0
          ? { kind: 'sent', id: null }
          : outcomeOfCode(ways.codes, number, said(text, ways.secrets), now),
      );
    },
    health: () => health.told(),
  };
}

/** Gateways as the pages ask for them. */
import type { Gateway } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';

const PAGES_MAX = 5;

/** All gateways of the reader's area, asked for again every few seconds. */
export const useGateways = (everyMs: number) =>
  useLoad<Gateway[]>(
    'gateways',
    async (signal) => {
      const { items } = await allPages(
        (cursor) => client.call(calls.gateways, { query: { limit: 1000, cursor }, signal }),
        PAGES_MAX,
      );
      return items;
    },
    everyMs,
  );

/** When it was heard last, whatever it said. */
export const heardAt = ({ at, heardAt: heard }: Gateway): number | null =>
  at === null && heard === null ? null : Math.max(at ?? 0, heard ?? 0);

export const standingOf = (gateway: Gateway): 'online' | 'offline' | 'never' =>
  gateway.online ? 'online' : heardAt(gateway) === null ? 'never' : 'offline';

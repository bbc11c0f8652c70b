/** Gateways as the pages ask for them. */
import type { Gateway } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { allPages, useLoad } from '#kit/load.ts';
import { query } from '#kit/router.ts';
import { client } from '#kit/state.ts';

const PAGE = 20;

/** The filters of the address. */
export const filters = () => ({
  q: query.value.get('q'),
  state: calls.GATEWAY_STATES.find((one) => one === query.value.get('state')) ?? null,
});

/** The first pages of those that the address wants, asked for again every few seconds. */
export function useGateways(pages: number, everyMs: number) {
  const asked = filters();
  return useLoad(
    `gateways ${JSON.stringify(asked)} ${pages}`,
    async (signal) => {
      let total = 0;
      const list = await allPages(async (cursor) => {
        const given = { query: { ...asked, limit: PAGE, cursor }, signal };
        const answer = await client.call(calls.gateways, given);
        total = answer.total;
        return answer;
      }, pages);
      return { ...list, total };
    },
    everyMs,
  );
}

/** One gateway in service, asked for again every few seconds. */
export const useGateway = (id: string, everyMs: number) =>
  useLoad<Gateway | null>(
    `gateway ${id}`,
    async (signal) => {
      const given = { query: { q: id, limit: 1000 }, signal };
      const { items } = await client.call(calls.gateways, given);
      return items.find((one) => one.id === id) ?? null;
    },
    everyMs,
  );

/** When it was heard last, whatever it said. */
export const heardAt = ({ at, heardAt: heard }: Gateway): number | null =>
  at === null && heard === null ? null : Math.max(at ?? 0, heard ?? 0);

export const standingOf = (gateway: Gateway): 'online' | 'offline' | 'never' =>
  gateway.online ? 'online' : heardAt(gateway) === null ? 'never' : 'offline';

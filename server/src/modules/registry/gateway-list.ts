/** The list of gateways: those in service, or those retired, filtered and paged, with how each stands. */
import type { Readable } from 'node:stream';
import type { registration as api } from '@village/api';
import { formatTime } from '@village/core';
import type { GatewayState } from '@village/ingest';
import { type Call, pageByKey, type Reply } from '@village/platform';
import { areaRefOf, type ListedGateway } from '@village/registry';
import { isOnline, rememberedGateways } from '../../http/gateway-standing.ts';
import { streamed } from '../../http/streamed.ts';
import { viewEnd } from '../../http/views.ts';
import type { Needs } from '../needs.ts';

const timeOrNull = (at: number | null | undefined): string | null =>
  at === null || at === undefined ? null : formatTime(at);

/** What each said last: since the start, or before it as far as that was written down. */
async function statesOf(
  { pipeline, relational }: Needs,
  gateways: readonly ListedGateway[],
): Promise<(id: string) => GatewayState | undefined> {
  const heard = pipeline.gateways();
  const silent = gateways.flatMap(({ id }) => (heard.has(id) ? [] : [id]));
  const remembered = await rememberedGateways(relational, silent);
  return (id) => heard.get(id) ?? remembered.get(id);
}

/** Those that are in a state. */
async function standing(
  needs: Needs,
  gateways: readonly ListedGateway[],
  wanted: 'online' | 'offline' | 'never',
): Promise<ListedGateway[]> {
  const stateOf = await statesOf(needs, gateways);
  return gateways.filter(({ id }) => {
    const state = stateOf(id);
    const spoke = needs.pipeline.gatewayHeard(id);
    if (isOnline(state, spoke)) return wanted === 'online';
    return wanted === (state === undefined && spoke === null ? 'never' : 'offline');
  });
}

/** One page of those that the caller sees and the query wants; how they stand is worked out for those alone. */
export async function listGateways(
  needs: Needs,
  call: Call<typeof api.gateways>,
): Promise<Reply<Readable>> {
  const { directory, sending } = needs;
  const { caller, query } = call;
  const needle = query.q?.trim().toLowerCase() ?? '';
  const named = directory
    .gateways(caller.area, { retired: query.state === 'retired' })
    .filter(({ id, name, node }) =>
      [id, name, node.area.name.zh, node.area.name.en].some((text) =>
        text.toLowerCase().includes(needle),
      ),
    );
  const found =
    query.state === undefined || query.state === 'retired'
      ? named
      : await standing(needs, named, query.state);
  const { items, next } = pageByKey(found, ({ id }) => id, query);
  const stateOf = await statesOf(needs, items);
  const view = (one: ListedGateway): api.Gateway =>
    viewGateway(needs, caller.area, one, stateOf(one.id));
  return streamed(call, sending, { fields: { next, total: found.length }, items, view });
}

function viewGateway(
  { directory, pipeline }: Needs,
  scope: string,
  { id, name, node, ...end }: ListedGateway,
  state: GatewayState | undefined,
): api.Gateway {
  const spoke = pipeline.gatewayHeard(id);
  const own = directory.behind(scope, id);
  const refusals = [...pipeline.notTaken({ kind: 'gateway', id }), ...(state?.refused ?? [])];
  return {
    ...{ id, name, area: areaRefOf(node) },
    online: end.retiredAt === null && isOnline(state, spoke),
    at: timeOrNull(state?.at),
    heardAt: timeOrNull(spoke?.at),
    software: state?.version ?? null,
    waiting: state?.waiting ?? null,
    // What was remembered by an earlier version lacks it.
    oldestAt: timeOrNull(state?.oldestAt),
    devices: own.length,
    devicesOnline: own.filter((one) => one.state === 'online').length,
    refused: refusals.reduce((sum, { count }) => sum + count, 0),
    ...viewEnd(end),
  };
}

/** How a gateway stands, by its own status and by what it hands over. */
import { MINUTE } from '@village/core';
import type { GatewayState } from '@village/ingest';
import { registryStore } from '@village/registry';
import type { Relational } from '@village/store/relational';

/** A gateway that never tells its status counts as online while it handed something over within this. */
const QUIET_MS = 30 * MINUTE;

/** Whether it is there; `spoke` is when it handed something over last. */
export const isOnline = (
  state: GatewayState | undefined,
  spoke: { readonly agoMs: number } | null,
): boolean => state?.online ?? (spoke !== null && spoke.agoMs < QUIET_MS);

/** What gateways said before the last restart: those that are named, or all. */
export async function rememberedGateways(
  relational: Relational,
  gateways?: readonly string[],
): Promise<Map<string, GatewayState>> {
  const remembered = new Map<string, GatewayState>();
  // We wrote it ourselves, from a checked status.
  for (const { gateway, body } of await registryStore(relational).gatewayStatuses(gateways))
    remembered.set(gateway, { ...(body as unknown as GatewayState), online: false });
  return remembered;
}

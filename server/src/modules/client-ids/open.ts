/** Opens what credentials are bound to, where the site wants them bound. */
import type { Clock } from '@village/core';
import { ClientIds, type Directory } from '@village/registry';
import type { Relational } from '@village/store/relational';
import type { Config } from '../../config/config.ts';

/** Null where the site takes any client id. */
export async function openClientIds(
  config: Config,
  {
    directory,
    failed,
    ...means
  }: {
    readonly relational: Relational;
    readonly clock: Clock;
    readonly directory: Directory;
    readonly failed: (kind: string, error: unknown) => void;
  },
): Promise<ClientIds | null> {
  if (config.mqtt.clientIds === 'any') return null;
  const clientIds = new ClientIds({
    ...means,
    credentialOf: (id) => directory.credentialHash(id),
    failed: (error) => failed('client-ids', error),
  });
  await clientIds.load();
  return clientIds;
}

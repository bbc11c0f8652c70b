/** Gateways, the end of their service, and what each said of itself last. */
import { OperationalError } from '@village/core';
import { inTransaction } from '@village/store/relational';
import type { Selectable } from 'kysely';
import type {
  Gateway,
  GatewayDependents,
  GatewayRetirement,
  GatewayStatus,
  StoredGateway,
} from './contract.ts';
import { chunks, type Db, scopePath } from './rows.ts';
import type { GatewayTable, RegistryTables } from './schema.ts';
import { bumpVersion } from './version.ts';

/** Of its devices these are named where there are more. */
const NAMED_MAX = 5;

export const toGateway = ({
  id,
  name,
  area,
  retired_at,
  retired_reason,
}: Selectable<GatewayTable>): StoredGateway => ({
  ...{ id, name, area },
  ...{ retiredAt: retired_at, retiredReason: retired_reason },
});

/** Gateways in scope by id, also those retired. */
export async function listGateways(db: Db, scope: string): Promise<StoredGateway[]> {
  const path = await scopePath(db, scope);
  if (path === null) return [];
  const rows = await db
    .selectFrom('gateway')
    .innerJoin('area', 'area.code', 'gateway.area')
    .selectAll('gateway')
    .where('area.path', 'like', `${path}%`)
    .orderBy('gateway.id')
    .execute();
  return rows.map(toGateway);
}

/** Devices in service that speak through it, wherever they stand: how many, and the first of them. */
export async function gatewayDependents(db: Db, gateway: string): Promise<GatewayDependents> {
  const devices = db
    .selectFrom('device')
    .where('gateway', '=', gateway)
    .where('retired_at', 'is', null);
  const { count } = await devices
    .select((eb) => eb.fn.countAll<number | string>().as('count'))
    .executeTakeFirstOrThrow();
  const first = await devices
    .select(['id', 'name', 'area'])
    .orderBy('id')
    .limit(NAMED_MAX)
    .execute();
  return { devices: Number(count), first };
}

/** Its secret goes, and what it said stays. @throws in-use while devices in service speak through it, not-installed */
export function retireGateway(db: Db, { gateway, at, reason }: GatewayRetirement): Promise<void> {
  return inTransaction(db, async (trx) => {
    await bumpVersion(trx);
    const { devices } = await gatewayDependents(trx, gateway);
    // How many, and not which: some may stand where the asker sees nothing.
    if (devices > 0)
      throw new OperationalError(
        'in-use',
        `${devices} devices in service speak through ${gateway}: give them another gateway or retire them first`,
      );
    const { numUpdatedRows } = await trx
      .updateTable('gateway')
      .set({ retired_at: at, retired_reason: reason })
      .where('id', '=', gateway)
      .where('retired_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 0n)
      throw new OperationalError('not-installed', `${gateway} is retired already`);
    await trx.deleteFrom('credential').where('id', '=', gateway).execute();
  });
}

/** Of an import: nothing may come to speak through a gateway that was retired meanwhile. @throws import-conflict */
export async function expectInService(trx: Db, ids: readonly string[]): Promise<void> {
  for (const chunk of chunks([...new Set(ids)])) {
    const retired = await trx
      .selectFrom('gateway')
      .select('id')
      .where('id', 'in', chunk)
      .where('retired_at', 'is not', null)
      .executeTakeFirst();
    if (retired !== undefined)
      throw new OperationalError('import-conflict', `the gateway ${retired.id} is retired`);
  }
}

export async function saveGateways(trx: Db, gateways: readonly Gateway[]): Promise<void> {
  for (const chunk of chunks(gateways))
    await trx
      .insertInto('gateway')
      .values(chunk.map((one) => ({ ...one, retired_at: null, retired_reason: null })))
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          area: eb.ref('excluded.area'),
          retired_at: null,
          retired_reason: null,
        })),
      )
      .execute();
}

/** Remembers what a gateway said of itself last. */
export async function saveGatewayStatus(db: Db, status: GatewayStatus): Promise<void> {
  await db
    .insertInto('gateway_status')
    .values({ ...status, online: status.online ? 1 : 0, body: JSON.stringify(status.body) })
    .onConflict((conflict) =>
      conflict.column('gateway').doUpdateSet((eb) => ({
        online: eb.ref('excluded.online'),
        at: eb.ref('excluded.at'),
        body: eb.ref('excluded.body'),
      })),
    )
    .execute();
}

/** What gateways said last: those that are named, or all. */
export async function listGatewayStatuses(
  db: Db,
  gateways?: readonly string[],
): Promise<GatewayStatus[]> {
  const all = db.selectFrom('gateway_status').selectAll().orderBy('gateway');
  const rows: Selectable<RegistryTables['gateway_status']>[] = [];
  if (gateways === undefined) rows.push(...(await all.execute()));
  else
    for (const chunk of chunks(gateways))
      rows.push(...(await all.where('gateway', 'in', chunk).execute()));
  return rows.map((row) => ({
    ...row,
    online: row.online === 1,
    body: JSON.parse(row.body) as Record<string, unknown>,
  }));
}

/** Gateways and what each said of itself last. */
import type { Gateway, GatewayStatus } from './contract.ts';
import { chunks, type Db, scopePath } from './rows.ts';

/** Gateways in scope by id. */
export async function listGateways(db: Db, scope: string): Promise<Gateway[]> {
  const path = await scopePath(db, scope);
  if (path === null) return [];
  return db
    .selectFrom('gateway')
    .innerJoin('area', 'area.code', 'gateway.area')
    .selectAll('gateway')
    .where('area.path', 'like', `${path}%`)
    .orderBy('gateway.id')
    .execute();
}

export async function saveGateways(trx: Db, gateways: readonly Gateway[]): Promise<void> {
  for (const chunk of chunks(gateways))
    await trx
      .insertInto('gateway')
      .values(chunk)
      .onConflict((conflict) =>
        conflict.column('id').doUpdateSet((eb) => ({
          name: eb.ref('excluded.name'),
          area: eb.ref('excluded.area'),
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

/** What every gateway said last. */
export async function listGatewayStatuses(db: Db): Promise<GatewayStatus[]> {
  const rows = await db.selectFrom('gateway_status').selectAll().orderBy('gateway').execute();
  return rows.map((row) => ({
    ...row,
    online: row.online === 1,
    body: JSON.parse(row.body) as Record<string, unknown>,
  }));
}

/** Tables of alerts on either engine, and what is told of them, for tests. */
import { seededRandom } from '@village/core';
import { registryModule, registryStore } from '@village/registry';
import { coreModules, openRelational, type Relational } from '@village/store/relational';
import { AREAS, COUNTY, device, type Target } from '@village/store/relational/testing';
import type { Transition } from '../engine/transition.ts';
import { Keeper, type ToldTransition } from './keeper.ts';
import { type AlertTable, alertMigrations, alertTables, RULES, type StepDetail } from './tables.ts';

export const TOWNSHIP = '330522100000';
export const VILLAGE = '330522100200';
export const OTHER = '330522101000';

/** With the county of the store's tests, one device in a village and one in another township, and a gateway. */
export async function openTables(target: Target, clock: () => number): Promise<Relational> {
  const relational = await openRelational({
    ...target,
    clock,
    modules: [registryModule, ...coreModules, { name: RULES, migrations: alertMigrations }],
  });
  const registry = registryStore(relational);
  if ((await registry.roots()).length > 0) return relational;
  await registry.importAreas(AREAS);
  await registry.importDevices({
    ...{ at: 0, by: 'test', credentials: [] },
    gateways: [{ id: 'gw', name: '网关', area: TOWNSHIP }],
    devices: [device('d', VILLAGE, { gateway: 'gw' }), device('e', OTHER)],
  });
  return relational;
}

/** Something told of device `d`, major, without a limit, a second after it was so. */
export function told(
  kind: Transition['kind'],
  at: number,
  more: Partial<Transition> & Partial<Omit<ToldTransition, 'transition'>> = {},
): ToldTransition {
  const {
    subjectKind = 'device',
    areas = [COUNTY, TOWNSHIP, VILLAGE],
    latch = false,
    ...own
  } = more;
  return {
    ...{ subjectKind, areas, latch, at: at + 1_000 },
    transition: {
      ...{ rule: 'r', subject: 'd', discriminator: '', kind, severity: 'major', at, since: at },
      ...{ value: 6, limit: null, suppression: null, by: null },
      ...own,
    },
  };
}

export const newKeeper = ({ engine }: Pick<Relational, 'engine'>, seed = 'keeper'): Keeper =>
  new Keeper({ engine, random: seededRandom(seed) });

/** Puts down what was told, in one transaction. */
export const put = (relational: Relational, keeper: Keeper, ...all: ToldTransition[]) =>
  relational.transaction(async (tx) => {
    const { changed, kept } = await keeper.put(tx, all);
    kept();
    return changed;
  });

export const alerts = (relational: Relational): Promise<AlertTable[]> =>
  alertTables(relational).selectFrom('alert').selectAll().orderBy('id').execute();

/** Steps of all alerts in the order of alerts and numbers, as `subject kind` with the detail. */
export async function steps(relational: Relational): Promise<(readonly [string, StepDetail])[]> {
  const rows = await alertTables(relational)
    .selectFrom('alert_step as s')
    .innerJoin('alert as a', 'a.id', 's.alert')
    .select(['a.subject', 's.kind', 's.detail'])
    .orderBy('s.alert')
    .orderBy('s.number')
    .execute();
  return rows.map(({ subject, kind, detail }) => [
    `${subject} ${kind}`,
    JSON.parse(detail) as StepDetail,
  ]);
}

export const kinds = async (relational: Relational): Promise<string[]> =>
  (await steps(relational)).map(([kind]) => kind);

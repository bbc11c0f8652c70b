/** Types of device: whether each that is registered is described by a file. */
import { join } from 'node:path';
import { builtinCatalog, loadCatalog } from '@village/device-profiles';
import { inspectPostgres, inspectSqlite, type PostgresInspection } from '@village/store/inspect';
import { both, type Check, fault, ok, type Patient } from '../finding.ts';
import { ourTables } from './stores.ts';

type Registered = Pick<PostgresInspection, 'types' | 'ownTypes'>;

/** How many devices there are of each type, and the types that were taken in; null where the database, which has a check of its own, does not tell. */
async function registered({ config, running }: Patient): Promise<Registered | null> {
  try {
    if (config.relational !== undefined)
      return await inspectPostgres(config.relational.url, ourTables());
    const path = join(config.data, 'relational.sqlite');
    const looked = inspectSqlite(path, running !== null, ourTables());
    return looked !== null && 'value' in looked ? looked.value : null;
  } catch {
    return null;
  }
}

export const types: Check = {
  name: 'device-types',
  title: both('设备类型', 'device types'),
  run: async (patient) => {
    const found = await registered(patient);
    if (found === null) return [ok('device-types', both('没有设备', 'there is no device'))];
    const { profiles } = loadCatalog([builtinCatalog, ...patient.config.catalogs]);
    const { types: counts, ownTypes } = found;
    const unknown = [...counts].filter(([type]) => !profiles.has(type) && !ownTypes.has(type));
    if (unknown.length === 0)
      return [
        ok(
          'device-types',
          both(`${counts.size} 种，都有描述文件`, `${counts.size}, each with its file`),
        ),
      ];
    return unknown.map(([type, count]) =>
      fault(
        'device-types',
        both(
          `${count} 台设备的类型 ${type} 没有描述文件，其数据进入隔离区`,
          `${count} devices are of type ${type}, which no file describes: what they send is quarantined`,
        ),
        both(
          '把该类型的 .yaml 放回 catalogs 所列的文件夹，再重新启动',
          'put the .yaml of the type back into a folder that catalogs lists, and restart',
        ),
      ),
    );
  },
};

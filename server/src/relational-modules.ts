/** Whose tables the relational store keeps, those that others refer to first. */
import { correctionTables, type Module, relationalModulesOf } from '@village/platform';
import { clientIdsModule, profilesModule, registryModule } from '@village/registry';
import { coreModules, type RelationalModule } from '@village/store/relational';

/** The tables of the registry, of people and of the audit log, and those of the modules given. */
export const relationalModules = (
  modules: readonly Pick<Module, 'name' | 'migrations' | 'optional'>[] = [],
): readonly RelationalModule[] => [
  registryModule,
  profilesModule,
  clientIdsModule,
  ...coreModules,
  correctionTables,
  ...relationalModulesOf(modules),
];

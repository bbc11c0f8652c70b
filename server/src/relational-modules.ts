/** Whose tables the relational store keeps, those that others refer to first. */
import { profilesModule, registryModule } from '@village/registry';
import { coreModules, type RelationalModule } from '@village/store/relational';

export const relationalModules: readonly RelationalModule[] = [
  registryModule,
  profilesModule,
  ...coreModules,
];

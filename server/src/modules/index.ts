/** The core modules, in the order in which their tables and routes come. A new module is one line here. */
import { jobsModule, type Module } from '@village/platform';
import { backupModule } from './backup/module.ts';
import { certificatesModule } from './certificates/module.ts';
import { clientIdsModule } from './client-ids/module.ts';
import { correctionsModule } from './corrections/module.ts';
import { eventsModule } from './events/module.ts';
import { exportModule } from './export/module.ts';
import { figuresModule } from './figures/module.ts';
import { framesModule } from './frames/module.ts';
import { liveModule } from './live/module.ts';
import type { Needs, Tools } from './needs.ts';
import { peopleModule } from './people/module.ts';
import { profilesModule } from './profiles/module.ts';
import { quarantineModule } from './quarantine/module.ts';
import { readingsModule } from './readings/module.ts';
import { registryModule } from './registry/module.ts';
import { rulesModule } from './rules/module.ts';
import { sessionModule } from './session/module.ts';
import { systemModule } from './system/module.ts';

export const modules: readonly Module<Needs, Tools>[] = [
  systemModule,
  sessionModule,
  peopleModule,
  registryModule,
  profilesModule,
  clientIdsModule,
  readingsModule,
  figuresModule,
  framesModule,
  eventsModule,
  rulesModule,
  correctionsModule,
  quarantineModule,
  exportModule,
  liveModule,
  backupModule,
  certificatesModule,
  jobsModule,
];

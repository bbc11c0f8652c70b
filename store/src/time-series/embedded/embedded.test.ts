/** The embedded engine keeps the contract. */

import { contractSuite } from '../testing.ts';
import { openEmbedded } from './open.ts';

contractSuite('embedded', (folder, timer) => openEmbedded({ folder, timer, diskReserveBytes: 0 }));

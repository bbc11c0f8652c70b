/** What there is and who may: areas, devices, gateways, credentials, scope and liveness. */

export { type Spelled, spellAddresses } from './addresses.ts';
export { type AreaRef, areaRefOf } from './areas.ts';
export { type BoundClientId, ClientIds } from './client-ids/client-ids.ts';
export { clientIdsModule } from './client-ids/schema.ts';
export type { Principal, Registry } from './contract.ts';
export { compareNames } from './devices.ts';
export { Directory, type DirectoryOptions, type ListedGateway } from './directory.ts';
export {
  Geometries,
  type GeometryImported,
} from './geometry/geometries.ts';
export { assertImported, type ImportResult } from './import/faults.ts';
export { Imports } from './import/imports.ts';
export {
  Lifecycle,
  type Origin,
  type PropertiesRequest,
  type Replaced,
  type ReplaceRequest,
} from './lifecycle.ts';
export type { AreaNode, Counts, DeviceEntry } from './nodes.ts';
export {
  type DevicesOfType,
  type OwnProfile,
  OwnProfiles,
  stillUsed,
  type WaitingProfile,
} from './profiles/own.ts';
export { ProfileRevisions, type UnraisedRevision } from './profiles/revisions.ts';
export { profilesModule } from './profiles/schema.ts';
export {
  type AreaForm,
  type DeviceForm,
  type FormFault,
  type GatewayForm,
  openRegistration,
  Registration,
  type Saved,
} from './registration/registration.ts';
export { ENCODINGS, type Encoding, encodingOf } from './sheets/encoding.ts';
export type {
  Credential,
  DeviceHistory,
  DeviceImport,
  DeviceStanding,
  Ended,
  Gateway,
  GatewayStatus,
  Imported,
  Installation,
  LocationSince,
  Property,
  PropertyOwner,
  RegistryStore,
  StoredArea,
  StoredGeometry,
  Subject,
} from './tables/contract.ts';
export { propertiesWord } from './tables/properties.ts';
export { registryStore } from './tables/registry-store.ts';
export { registryModule, VERSION_CHANNEL } from './tables/schema.ts';

/** Areas, devices, gateways and credentials over a database or a transaction. */
import { OperationalError } from '@village/core';
import { isRefusal, type RelationalAccess } from '@village/store/relational';
import {
  areaDependents,
  holdArea,
  importAreas,
  listAreas,
  listRoots,
  reinstateArea,
  retireArea,
} from './areas.ts';
import type { RegistryStore } from './contract.ts';
import {
  importDevices,
  listCredentials,
  listDevices,
  setClockUse,
  spellAddresses,
} from './devices.ts';
import {
  gatewayDependents,
  listGatewayStatuses,
  listGateways,
  retireGateway,
  saveGatewayStatus,
} from './gateways.ts';
import { listGeometries, removeGeometries, saveGeometries } from './geometry.ts';
import {
  listInstallations,
  listLocations,
  listMoves,
  replaceDevice,
  retireDevice,
} from './installations.ts';
import { expectVersion, saveCredential } from './one.ts';
import { changeProperties, listProperties } from './properties.ts';
import { type RegistryTables, registryModule } from './schema.ts';
import { listHistories, listStandings } from './standing.ts';
import { expectUnchanged, holdUnchanged, registryVersion } from './version.ts';

/** What an import may not contain is told as such, whichever table refused it. */
async function asImport<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isRefusal(error)) throw error;
    throw new OperationalError('import-conflict', (error as Error).message, { cause: error });
  }
}

/** The registry's tables of a store that was opened with `registryModule`, or of one of its transactions. */
export function registryStore(access: Pick<RelationalAccess, 'for'>): RegistryStore {
  const db = access.for<RegistryTables>(registryModule.name);
  return {
    areas: (scope) => listAreas(db, scope),
    roots: () => listRoots(db),
    importAreas: (areas) => asImport(importAreas(db, areas)),
    areaDependents: (area) => areaDependents(db, area),
    retireArea: (retirement) => retireArea(db, retirement),
    reinstateArea: (area) => reinstateArea(db, area),
    holdArea: (area) => holdArea(db, area),
    devices: (scope, page) => listDevices(db, scope, page),
    gateways: (scope) => listGateways(db, scope),
    gatewayDependents: (gateway) => gatewayDependents(db, gateway),
    retireGateway: (retirement) => retireGateway(db, retirement),
    importDevices: (batch) => asImport(importDevices(db, batch)),
    replaceDevice: (replacement) => replaceDevice(db, replacement),
    expectUnchanged: (seen) => expectUnchanged(db, seen),
    holdUnchanged: (seen) => holdUnchanged(db, seen),
    expectVersion: (subject, version) => expectVersion(db, subject, version),
    saveCredential: (credential) => saveCredential(db, credential),
    spellAddresses: (addresses) => spellAddresses(db, addresses),
    retireDevice: (retirement) => retireDevice(db, retirement),
    setClockUse: (device, use) => setClockUse(db, device, use),
    installations: (device) => listInstallations(db, device),
    locations: (device) => listLocations(db, device),
    moves: () => listMoves(db),
    standings: () => listStandings(db),
    histories: (devices) => listHistories(db, devices),
    properties: (owner) => listProperties(db, owner),
    changeProperties: (owner, changes, version) => changeProperties(db, owner, changes, version),
    geometries: (areas) => listGeometries(db, areas),
    saveGeometries: (rows) => saveGeometries(db, rows),
    removeGeometries: (areas) => removeGeometries(db, areas),
    version: () => registryVersion(db),
    credentials: (page) => listCredentials(db, page),
    saveGatewayStatus: (status) => saveGatewayStatus(db, status),
    gatewayStatuses: (gateways) => listGatewayStatuses(db, gateways),
  };
}

/** What is stored of areas, devices, gateways and credentials. */
import type { Area, ClockUse, CoordinateSystem, Device } from '@village/core';

/** Shortest secret that a device, gateway or machine may be given; ours have 256 random bits. */
export const SECRET_LENGTH_MIN = 16;

/** The end of service of an area, a device or a gateway. */
export interface Ended {
  /** Milliseconds; null while it is in service. */
  readonly retiredAt: number | null;
  /** What somebody said of it. */
  readonly retiredReason: string | null;
}

/** An area with its place in the tree, `/county/township/village/`, and the end of its service. */
export interface StoredArea extends Area, Ended {
  readonly path: string;
}

export interface AreaRetirement {
  readonly area: string;
  readonly at: number;
  readonly reason: string | null;
}

/** What is in service and of an area itself; what lies below it is of the areas there. */
export interface AreaDependents {
  readonly areas: number;
  readonly devices: number;
  readonly gateways: number;
}

/** A gateway or network server: what devices speak through. */
export interface Gateway {
  readonly id: string;
  readonly name: string;
  readonly area: string;
}

/** A gateway with the end of its service. */
export interface StoredGateway extends Gateway, Ended {}

export interface GatewayRetirement {
  readonly gateway: string;
  readonly at: number;
  readonly reason: string | null;
}

/** Devices in service that speak through a gateway: how many, and the first by id. */
export interface GatewayDependents {
  readonly devices: number;
  readonly first: readonly Pick<Device, 'id' | 'name' | 'area'>[];
}

/** What a gateway said of itself last; `body` is the status message. */
export interface GatewayStatus {
  readonly gateway: string;
  readonly online: boolean;
  /** Receive time, ms. */
  readonly at: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** How a device or gateway proves who it is; the id is its MQTT username. */
export interface Credential {
  readonly id: string;
  readonly kind: 'device' | 'gateway';
  /** SHA-256 of the secret, hexadecimal. */
  readonly hash: string;
}

/** A device with the end of its service. */
export interface StoredDevice extends Device, Ended {}

/** One piece of equipment behind a device's id. */
export interface Installation {
  readonly serial: string | null;
  readonly profile: string;
  readonly address: string;
  /** Milliseconds; 0 is from before anybody wrote it down. */
  readonly since: number;
  /** Null while it is in service. */
  readonly until: number | null;
  /** Who put it there. */
  readonly by: string;
  /** Why it ended. */
  readonly reason: string | null;
}

/** Where a device stands from then on; the next one ends it. */
export interface LocationSince {
  readonly area: string;
  /** Milliseconds, on the hour; 0 is from the beginning. */
  readonly since: number;
  readonly by: string;
}

/** Where a device stood and when it was in service. */
export interface DeviceStanding {
  readonly device: string;
  /** Oldest first; the first holds from the beginning. */
  readonly places: readonly Pick<LocationSince, 'area' | 'since'>[];
  /** Oldest first; null is the present. Nothing lies between two pieces of equipment of which one replaced the other. */
  readonly service: readonly { readonly since: number; readonly until: number | null }[];
}

/** What stood behind a device's id and what was said of it. */
export interface DeviceHistory {
  readonly installations: readonly Installation[];
  readonly properties: readonly Property[];
}

/** A label (text) or an attribute of a device or area, valid from `since` until before `until`. */
export interface Property {
  readonly kind: 'label' | 'attribute';
  readonly key: string;
  readonly value: string | number;
  readonly since: number;
  readonly until: number | null;
  readonly by: string;
}

export interface PropertyOwner {
  readonly kind: 'device' | 'area';
  readonly id: string;
}

/** What somebody says of one property from `since` on; null ends it. */
export interface PropertyChange extends Pick<Property, 'kind' | 'key' | 'since' | 'by'> {
  readonly value: string | number | null;
}

export interface Replacement {
  readonly device: string;
  readonly serial: string | null;
  readonly profile: string;
  /** In the spelling of the new profile; the old one stays without. */
  readonly address?: string;
  /** Hash of a new secret; the old one stays without. */
  readonly hash?: string;
  readonly at: number;
  readonly by: string;
  readonly reason: string | null;
}

export interface Retirement {
  readonly device: string;
  readonly at: number;
  readonly by: string;
  readonly reason: string | null;
}

/** What people change one of; an area's id is its code. */
export interface Subject {
  readonly kind: 'device' | 'gateway' | 'area';
  readonly id: string;
}

/** Polygons of an area: coordinates of a MultiPolygon in WGS-84 as JSON, and the same in fewer points; their bounds, and where they are from. */
export interface StoredGeometry {
  readonly area: string;
  readonly shape: string;
  readonly outline: string;
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
  readonly system: CoordinateSystem;
  /** 审图号; empty when nobody said one. */
  readonly review: string;
  readonly at: number;
  readonly by: string;
}

export interface DeviceImport {
  /** Moves take effect at the begin of this hour; installations at this time. */
  readonly at: number;
  /** Who imports. */
  readonly by: string;
  readonly devices: readonly Device[];
  readonly gateways: readonly Gateway[];
  readonly credentials: readonly Credential[];
}

export interface Imported {
  readonly created: number;
  readonly updated: number;
}

/**
 * Every method rejects with `relational-unavailable` (retry) when the database can't be reached or written. A `scope` is
 * the code of an area: what lies outside it and below is never returned, and an unknown code sees nothing.
 */
export interface RegistryStore {
  /** All areas in scope, parents before children. */
  areas(scope: string): Promise<StoredArea[]>;
  /** Codes of areas without a parent, for those who load everything. */
  roots(): Promise<string[]>;
  /**
   * Adds or replaces areas and recomputes paths; all or nothing.
   * @throws area-without-parent when a parent is unknown or the parents form a ring
   */
  importAreas(areas: readonly Area[]): Promise<Imported>;
  /** What keeps an area from being retired, people and machines apart. */
  areaDependents(area: string): Promise<AreaDependents>;
  /**
   * Ends an area's service: nothing else changes. In a transaction it stays as it is for all others until that ends, so that what
   * depends on it is to be counted afterwards. @throws not-installed when it is retired already or unknown
   */
  retireArea(retirement: AreaRetirement): Promise<void>;
  /** Brings it back. @throws not-retired */
  reinstateArea(area: string): Promise<void>;
  /** In the transaction that makes something of an area: nobody retires it until that ends. @throws area-retired also of one that is gone */
  holdArea(area: string): Promise<void>;
  /** Devices in scope by id, those after `after`. */
  devices(scope: string, page: { after?: string; limit: number }): Promise<StoredDevice[]>;
  /** In scope by id, also those retired. */
  gateways(scope: string): Promise<StoredGateway[]>;
  /** What keeps a gateway from being retired. */
  gatewayDependents(gateway: string): Promise<GatewayDependents>;
  /**
   * Ends a gateway's service: its secret goes, everything else stays.
   * @throws in-use while devices in service speak through it, not-installed when it is retired already or unknown
   */
  retireGateway(retirement: GatewayRetirement): Promise<void>;
  /**
   * Adds or replaces devices, gateways and credentials; all or nothing. A device that moves, gets another profile or was
   * retired gains rows of history. @throws import-conflict
   */
  importDevices(batch: DeviceImport): Promise<Imported>;
  /**
   * New equipment takes the place of the old: a device keeps its id and gains an installation.
   * @throws not-installed when it is retired or unknown, replaced-later when the present one began at that time or later,
   * address-taken when the new profile has a device of that address
   */
  replaceDevice(replacement: Replacement): Promise<void>;
  /**
   * In the transaction that changes it, before all else; null when there must be none.
   * @throws changed-meanwhile when it is in another state
   */
  expectVersion(subject: Subject, version: string | null): Promise<void>;
  /** Another secret or key; the old one holds no longer. */
  saveCredential(credential: Credential): Promise<void>;
  /** Writes addresses that mean what they meant in another spelling; no history begins. */
  spellAddresses(addresses: readonly { id: string; address: string }[]): Promise<void>;
  /** Ends a device's service: its secret goes, its address is free, everything else stays. @throws not-installed, replaced-later */
  retireDevice(retirement: Retirement): Promise<void>;
  /** Says what is made of a device's clock. */
  setClockUse(device: string, use: ClockUse): Promise<void>;
  /** Oldest first. */
  installations(device: string): Promise<Installation[]>;
  /** Oldest first. */
  locations(device: string): Promise<LocationSince[]>;
  /** Of every device that has moved, oldest first. */
  moves(): Promise<ReadonlyMap<string, readonly LocationSince[]>>;
  /** Of every device, also those retired, by id. */
  standings(): Promise<DeviceStanding[]>;
  /** Of many devices at once. */
  histories(devices: readonly string[]): Promise<ReadonlyMap<string, DeviceHistory>>;
  /** By kind, key and time. */
  properties(owner: PropertyOwner): Promise<Property[]>;
  /** @throws changed-meanwhile when a version is given and is not the word of what was said (`propertiesWord`) */
  changeProperties(
    owner: PropertyOwner,
    changes: readonly PropertyChange[],
    version?: string,
  ): Promise<void>;
  /** Of areas that have some. */
  geometries(areas: readonly string[]): Promise<StoredGeometry[]>;
  /** Adds or replaces them. */
  saveGeometries(geometries: readonly StoredGeometry[]): Promise<void>;
  /** Says of how many areas. */
  removeGeometries(areas: readonly string[]): Promise<number>;
  /** Rises with each change of what is above, polygons apart. */
  version(): Promise<number>;
  /**
   * In a transaction: that the registry is still in the state of that number, and stays in it for all others until the transaction ends.
   * @throws registry-changed
   */
  expectUnchanged(seen: number): Promise<void>;
  /** The same where the registry itself is not changed by it. @throws registry-changed */
  holdUnchanged(seen: number): Promise<void>;
  /** By id: those of a page, or all. */
  credentials(page?: { after?: string; limit: number }): Promise<Credential[]>;
  saveGatewayStatus(status: GatewayStatus): Promise<void>;
  /** What gateways said last, by id: those that are named, or all. */
  gatewayStatuses(gateways?: readonly string[]): Promise<GatewayStatus[]>;
}

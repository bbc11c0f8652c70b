/** What is stored of areas, devices, gateways and credentials. */
import type { Area, Device } from '@village/core';

/** Shortest secret that a device, gateway or machine may be given; ours have 256 random bits. */
export const SECRET_LENGTH_MIN = 16;

/** An area with its place in the tree: `/county/township/village/`. */
export interface StoredArea extends Area {
  readonly path: string;
}

/** A gateway or network server: what devices speak through. */
export interface Gateway {
  readonly id: string;
  readonly name: string;
  readonly area: string;
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

export interface DeviceImport {
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
  /** Devices in scope by id, those after `after`. */
  devices(scope: string, page: { after?: string; limit: number }): Promise<Device[]>;
  gateways(scope: string): Promise<Gateway[]>;
  /** Adds or replaces devices, gateways and credentials; all or nothing. @throws import-conflict */
  importDevices(batch: DeviceImport): Promise<Imported>;
  credentials(): Promise<Credential[]>;
  saveGatewayStatus(status: GatewayStatus): Promise<void>;
  gatewayStatuses(): Promise<GatewayStatus[]>;
}

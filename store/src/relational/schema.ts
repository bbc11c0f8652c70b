/** Tables as Kysely sees them. Times are milliseconds, structured values JSON text, so that both engines agree. */
import type { AreaLevel, Role } from '@village/core';
import type { Generated } from 'kysely';

export interface AreaTable {
  code: string;
  level: AreaLevel;
  name_zh: string;
  name_en: string;
  parent: string | null;
  path: string;
  aliases: string;
  valid_from: string | null;
  valid_to: string | null;
}

export interface DeviceTable {
  id: string;
  name: string;
  profile: string;
  area: string;
  gateway: string | null;
  address: string;
  options: string;
  longitude: number | null;
  latitude: number | null;
}

export interface GatewayTable {
  id: string;
  name: string;
  area: string;
}

export interface GatewayStatusTable {
  gateway: string;
  online: number;
  at: number;
  body: string;
}

export interface CredentialTable {
  id: string;
  kind: 'device' | 'gateway';
  hash: string;
}

export interface AccountTable {
  name: string;
  display_name: string;
  role: Role;
  area: string;
  password_hash: string;
}

export interface SessionTable {
  hash: string;
  account: string;
  address: string;
  created_at: number;
  used_at: number;
}

export interface TokenTable {
  id: string;
  name: string;
  hash: string;
  role: Role;
  area: string;
  created_at: number;
  created_by: string;
  expires_at: number | null;
}

export interface AuditTable {
  id: Generated<number>;
  at: number;
  actor: string;
  address: string;
  action: string;
  target: string;
  outcome: 'done' | 'refused';
  detail: string;
}

export interface Schema {
  area: AreaTable;
  device: DeviceTable;
  gateway: GatewayTable;
  gateway_status: GatewayStatusTable;
  credential: CredentialTable;
  account: AccountTable;
  session: SessionTable;
  token: TokenTable;
  audit: AuditTable;
}

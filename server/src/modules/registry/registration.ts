/** Adding and changing one area, device or gateway, their secrets, and what connects them. */
import * as api from '@village/api';
import { formatTime, OperationalError } from '@village/core';
import {
  type DeviceProfile,
  optionNames,
  optionValues,
  sampleMessage,
} from '@village/device-profiles';
import { type AnyRoute, answer, notFound, type Reply, route } from '@village/platform';
import { type DeviceEntry, registryStore, type Saved, type Subject } from '@village/registry';
import { areaFor, deviceFor } from '../../http/query.ts';
import type { Needs } from '../needs.ts';
import { listGateways } from './gateway-list.ts';
import { originOf } from './lifecycle.ts';

const FILE_DEVICES_MAX = 1_000;

/** 422 with the faults by field, or what was done. */
const saved = (done: 200 | 201, { id, secret, faults }: Saved): Reply<api.registration.Saved> =>
  answer(faults.length > 0 ? 422 : done, { id, secret, faults: [...faults] });

const listeners = ({ broker }: Needs): api.registration.Listener[] =>
  broker.ports().map(({ port, tls, path }) => ({
    kind: path === null ? ('mqtt' as const) : ('websocket' as const),
    port,
    tls,
    path,
  }));

/** @throws not-found */
const versionOf = ({ directory }: Needs, subject: Subject): string =>
  directory.versionOf(subject) ?? notFound(subject.kind);

function inService(entry: DeviceEntry): DeviceEntry {
  if (entry.retiredAt === null) return entry;
  throw new OperationalError('not-installed', `${entry.device.id} is retired`);
}

/** Whether others speak for devices of the type. */
const isViaGateway = (profile: DeviceProfile, at: number): boolean =>
  sampleMessage(profile, { at, address: 'device-1' }) === null;

function viewForm(profile: DeviceProfile, at: number): api.registration.ProfileForm {
  const names = optionNames(profile);
  const values = optionValues(profile);
  return {
    id: profile.id,
    viaGateway: isViaGateway(profile, at),
    addressKind: profile.address,
    options: Object.entries(profile.options).map(([key, value]) => ({
      key,
      name: names[key] ?? { zh: key, en: key },
      default: JSON.stringify(value),
      values: (values[key] ?? [value]).map((one) => JSON.stringify(one)),
    })),
  };
}

function deviceRoutes(needs: Needs): AnyRoute[] {
  const { directory, registration, profiles, clock } = needs;
  return [
    route(api.registration.profileForms, () => ({
      items: [...profiles.values()].map((profile) => viewForm(profile, clock())),
    })),
    route(api.registration.addDevice, async (call) => {
      const { gateway = null, address = '', options = {}, ...said } = call.body;
      const { longitude = null, latitude = null, ...rest } = said;
      const form = { ...rest, gateway, address, options, longitude, latitude };
      return saved(201, await registration.device(form, null, call.caller.area, originOf(call)));
    }),
    route(api.registration.changeDevice, async (call) => {
      const { device } = inService(deviceFor(directory, call.caller, call.params.id));
      const { version, ...said } = call.body;
      const { caller } = call;
      const form = { ...device, ...said };
      return saved(200, await registration.device(form, version, caller.area, originOf(call)));
    }),
    route(api.registration.deviceRegistration, ({ caller, params }) => {
      const { device, profile, retiredAt } = deviceFor(directory, caller, params.id);
      const { id, address, options } = device;
      const sample =
        retiredAt === null ? sampleMessage(profile, { at: clock(), address, options }) : null;
      return {
        version: versionOf(needs, { kind: 'device', id }),
        hasSecret: directory.hasSecret(id),
        options: { ...options },
        listeners: listeners(needs),
        sample,
      };
    }),
    route(api.registration.reinstateDevice, async (call) => {
      const { id } = deviceFor(directory, call.caller, call.params.id).device;
      const subject = { kind: 'device', id } as const;
      const { caller, body } = call;
      return saved(200, await registration.reinstate(subject, body, caller.area, originOf(call)));
    }),
    route(api.registration.renewDeviceSecret, async (call) => {
      const { device } = inService(deviceFor(directory, call.caller, call.params.id));
      const subject = { kind: 'device', id: device.id } as const;
      const { version } = call.body;
      return { secret: await registration.renewSecret(subject, version, originOf(call)) };
    }),
  ];
}

function gatewayRoutes(needs: Needs): AnyRoute[] {
  const { directory, registration, clock } = needs;
  const found = (area: string, id: string) => directory.gateway(area, id) ?? notFound('gateway');
  const everyOne = (area: string, id: string) =>
    directory.everyGateway(area, id) ?? notFound('gateway');
  return [
    route(api.registration.gateways, (call) => listGateways(needs, call)),
    route(api.registration.addGateway, async (call) =>
      saved(201, await registration.gateway(call.body, null, call.caller.area, originOf(call))),
    ),
    route(api.registration.changeGateway, async (call) => {
      const { caller, params } = call;
      const { name, node } = found(caller.area, params.id);
      const { version, ...said } = call.body;
      const form = { id: params.id, name, area: node.area.code, ...said };
      return saved(200, await registration.gateway(form, version, caller.area, originOf(call)));
    }),
    route(api.registration.gatewayRegistration, ({ caller, params }) => {
      const { name, retiredAt } = everyOne(caller.area, params.id);
      const own = directory.behind(caller.area, params.id);
      return {
        name,
        ...(retiredAt === null ? {} : { retiredAt: formatTime(retiredAt) }),
        version: versionOf(needs, { kind: 'gateway', id: params.id }),
        listeners: listeners(needs),
        devices: own.slice(0, FILE_DEVICES_MAX).map(({ device, profile }) => ({
          id: device.id,
          name: device.name,
          profile: profile.id,
          address: device.address,
          publishes: !isViaGateway(profile, clock()),
        })),
      };
    }),
    route(api.registration.gatewayDependents, async ({ caller, params }) => {
      found(caller.area, params.id);
      const stored = registryStore(needs.relational);
      const { devices, first } = await stored.gatewayDependents(params.id);
      const seen = first.filter(({ id }) => directory.entry(caller.area, id) !== undefined);
      return { devices, first: seen };
    }),
    route(api.registration.retireGateway, async (call) => {
      const { caller, params, body } = call;
      found(caller.area, params.id);
      await registration.retire({ kind: 'gateway', id: params.id }, body, originOf(call));
      return answer(204, null);
    }),
    route(api.registration.reinstateGateway, async (call) => {
      const { caller, params, body } = call;
      everyOne(caller.area, params.id);
      const subject = { kind: 'gateway', id: params.id } as const;
      return saved(200, await registration.reinstate(subject, body, caller.area, originOf(call)));
    }),
    route(api.registration.renewGatewaySecret, async (call) => {
      found(call.caller.area, call.params.id);
      const subject = { kind: 'gateway', id: call.params.id } as const;
      const { version } = call.body;
      return { secret: await registration.renewSecret(subject, version, originOf(call)) };
    }),
  ];
}

function areaRoutes(needs: Needs): AnyRoute[] {
  const { directory, registration } = needs;
  return [
    route(api.registration.addArea, async (call) => {
      const { zh, en, aliases = [], ...said } = call.body;
      const form = { ...said, name: { zh, en }, aliases, validFrom: null, validTo: null };
      return saved(201, await registration.area(form, null, call.caller.area, originOf(call)));
    }),
    route(api.registration.changeArea, async (call) => {
      const { area } = areaFor(directory, call.caller, call.params.code);
      if (area.retiredAt !== null)
        throw new OperationalError('area-retired', `${area.code} is retired`);
      const { path, retiredAt, retiredReason, ...known } = area;
      const { version, zh = known.name.zh, en = known.name.en, ...said } = call.body;
      const form = { ...known, ...said, name: { zh, en } };
      return saved(200, await registration.area(form, version, call.caller.area, originOf(call)));
    }),
    route(api.registration.areaRegistration, ({ caller, params }) => {
      const { code, aliases, validFrom, validTo } = areaFor(directory, caller, params.code).area;
      const version = versionOf(needs, { kind: 'area', id: code });
      return { version, aliases: [...aliases], validFrom, validTo };
    }),
    route(api.registration.areaDependents, ({ caller, params }) =>
      registration.areaInUse(areaFor(directory, caller, params.code).area.code),
    ),
    route(api.registration.retireArea, async (call) => {
      const { code } = areaFor(directory, call.caller, call.params.code).area;
      await registration.retire({ kind: 'area', id: code }, call.body, originOf(call));
      return answer(204, null);
    }),
    route(api.registration.reinstateArea, async (call) => {
      const { code } = areaFor(directory, call.caller, call.params.code).area;
      await registration.reinstateArea(code, call.body, originOf(call));
      return answer(204, null);
    }),
  ];
}

/** Calls of `api/src/registration.ts`. */
export const registrationRoutes = (needs: Needs): AnyRoute[] => [
  ...deviceRoutes(needs),
  ...gatewayRoutes(needs),
  ...areaRoutes(needs),
];

/** What a device was and is: installations, places, labels and attributes; replacing and retiring it. */
import * as api from '@village/api';
import { formatTime } from '@village/core';
import { type AnyRoute, type Call, instant, route } from '@village/platform';
import {
  type Installation,
  type Origin,
  type PropertyOwner,
  propertiesWord,
  registryStore,
} from '@village/registry';
import { areaFor, deviceFor } from '../../http/query.ts';
import { viewDevice } from '../../http/views.ts';
import type { Needs } from '../needs.ts';

/** Who calls, for the histories and the audit log. */
export const originOf = ({ caller, audited }: Pick<Call, 'caller' | 'audited'>): Origin => ({
  by: caller.actor,
  audited,
});

/** Zero is from before anybody wrote it down. */
const sinceOf = (at: number): string | null => (at === 0 ? null : formatTime(at));

const viewInstallation = (one: Installation): api.devices.Installation => ({
  ...one,
  since: sinceOf(one.since),
  until: one.until === null ? null : formatTime(one.until),
});

const timeIn = <Name extends string>(
  name: Name,
  text: string | undefined,
): { [N in Name]?: number } =>
  text === undefined ? {} : ({ [name]: instant(text, name) } as { [N in Name]?: number });

async function viewProperties(
  { relational }: Needs,
  owner: PropertyOwner,
  atText?: string,
): Promise<api.shapes.Properties> {
  const { at } = timeIn('at', atText);
  const all = await registryStore(relational).properties(owner);
  const items = all
    .filter(({ since, until }) => at === undefined || (since <= at && at < (until ?? at + 1)))
    .map((one) => ({
      ...one,
      since: formatTime(one.since),
      until: one.until === null ? null : formatTime(one.until),
    }));
  return { version: propertiesWord(all), items };
}

function deviceRoutes({ directory, latest, relational, lifecycle }: Needs): AnyRoute[] {
  return [
    route(api.devices.history, async ({ caller, params }) => {
      const { device } = deviceFor(directory, caller, params.id);
      const stored = registryStore(relational);
      const installations = await stored.installations(device.id);
      const areas = await stored.locations(device.id);
      return {
        installations: installations.map(viewInstallation),
        areas: areas.map((one) => ({ ...one, since: sinceOf(one.since) })),
      };
    }),
    route(api.devices.replace, async (call) => {
      const entry = deviceFor(directory, call.caller, call.params.id);
      const { at, ...said } = call.body;
      const asked = { ...said, ...timeIn('at', at) };
      const { installation, secret } = await lifecycle.replace(entry, asked, originOf(call));
      return { installation: viewInstallation(installation), secret };
    }),
    route(api.devices.retire, async (call) => {
      const { caller, params } = call;
      const entry = deviceFor(directory, caller, params.id);
      const { at, ...said } = call.body;
      await lifecycle.retire(entry, { ...said, ...timeIn('at', at) }, originOf(call));
      return viewDevice(deviceFor(directory, caller, params.id), latest);
    }),
    route(api.devices.setClock, async (call) => {
      const { caller, params } = call;
      const entry = deviceFor(directory, caller, params.id);
      await lifecycle.setClockUse(entry, call.body.use, originOf(call));
      return viewDevice(deviceFor(directory, caller, params.id), latest);
    }),
  ];
}

function propertyRoutes(needs: Needs): AnyRoute[] {
  const { directory, lifecycle } = needs;
  const ofDevice = ({ caller, params }: { caller: Call['caller']; params: { id: string } }) => {
    const { device } = deviceFor(directory, caller, params.id);
    return { kind: 'device', id: device.id } as const;
  };
  const ofArea = ({ caller, params }: { caller: Call['caller']; params: { code: string } }) => {
    const { area } = areaFor(directory, caller, params.code);
    return { kind: 'area', id: area.code } as const;
  };
  return [
    route(api.devices.properties, (call) => viewProperties(needs, ofDevice(call), call.query.at)),
    route(api.areas.properties, (call) => viewProperties(needs, ofArea(call), call.query.at)),
    route(api.devices.describe, async (call) => {
      const owner = ofDevice(call);
      const { since, ...said } = call.body;
      await lifecycle.describe(owner, { ...said, ...timeIn('since', since) }, originOf(call));
      return viewProperties(needs, owner);
    }),
    route(api.areas.describe, async (call) => {
      const owner = ofArea(call);
      const { since, ...said } = call.body;
      await lifecycle.describe(owner, { ...said, ...timeIn('since', since) }, originOf(call));
      return viewProperties(needs, owner);
    }),
  ];
}

/** `/devices/{id}/history`, `/replace`, `/retire`, and `/properties` of devices and areas. */
export const lifecycleRoutes = (needs: Needs): AnyRoute[] => [
  ...deviceRoutes(needs),
  ...propertyRoutes(needs),
];

/** The HTTP interface as data. Everything that serves, calls or describes it is made from what is here. */
import * as alerts from './alerts.ts';
import * as areas from './areas.ts';
import * as audit from './audit.ts';
import * as clientIds from './client-ids.ts';
import * as corrections from './corrections.ts';
import * as devices from './devices.ts';
import { type Endpoint, isEndpoint, type Method } from './endpoint.ts';
import * as events from './events.ts';
import * as file from './export.ts';
import * as figures from './figures.ts';
import * as frames from './frames.ts';
import * as jobs from './jobs.ts';
import * as live from './live.ts';
import * as map from './map.ts';
import * as profiles from './profiles.ts';
import * as quarantine from './quarantine.ts';
import * as readings from './readings.ts';
import * as registration from './registration.ts';
import * as rights from './rights.ts';
import * as session from './session.ts';
import * as shapes from './shapes.ts';
import * as system from './system.ts';
import * as tokens from './tokens.ts';
import * as users from './users.ts';

export { type Endpoint, endpoint, type Method, type Right } from './endpoint.ts';
export {
  alerts,
  areas,
  audit,
  clientIds,
  corrections,
  devices,
  events,
  figures,
  file,
  frames,
  jobs,
  live,
  map,
  profiles,
  quarantine,
  readings,
  registration,
  rights,
  session,
  shapes,
  system,
  tokens,
  users,
};

/** All resources, in the order in which documents list them. A new resource is one line here. */
export const resources: Readonly<Record<string, object>> = {
  session,
  areas,
  map,
  devices,
  registration,
  clientIds,
  readings,
  figures,
  frames,
  events,
  alerts,
  corrections,
  quarantine,
  file,
  jobs,
  live,
  profiles,
  system,
  users,
  rights,
  tokens,
  audit,
};

const METHODS: readonly Method[] = ['GET', 'POST', 'PUT', 'DELETE'];
const order = (a: Endpoint, b: Endpoint): number =>
  a.path === b.path
    ? METHODS.indexOf(a.method) - METHODS.indexOf(b.method)
    : a.path < b.path
      ? -1
      : 1;

/** Every call of the interface: by resource, path and method. */
export const endpoints: readonly Endpoint[] = Object.values(resources).flatMap((resource) =>
  Object.values(resource).filter(isEndpoint).sort(order),
);

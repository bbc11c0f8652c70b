/** One area, device or gateway as a person adds and changes it, and what connects it. */
import { ADDRESS_KINDS } from '@village/core';
import { type Static, Type } from 'typebox';
import { endpoint } from './endpoint.ts';
import {
  AreaRef,
  Code,
  End,
  exactly,
  Id,
  LevelWord,
  Nothing,
  orNull,
  Problem,
  page,
  pageQuery,
  Text,
  Time,
  words,
} from './shapes.ts';

const Option = Type.Union([Type.String(), Type.Number(), Type.Boolean()]);
const Version = Type.String({ minLength: 1, maxLength: 64 });
/** What a person typed: judged by field, so that the answer can stand beside it. */
const Typed = Type.String({ maxLength: 1_000 });
const Degrees = orNull(Type.Number());

/** What was done, or by field why nothing was. */
export const Saved = Type.Object({
  id: Type.String(),
  /** A secret that was made; it is told this once. */
  secret: orNull(Type.String()),
  faults: Type.Array(
    Type.Object({ field: Type.String(), message: Type.String(), zh: Type.String() }),
  ),
});
export type Saved = Static<typeof Saved>;

const place = {
  name: Typed,
  area: Typed,
};
const standing = {
  ...place,
  gateway: Type.Optional(orNull(Typed)),
  address: Type.Optional(Typed),
  longitude: Type.Optional(Degrees),
  latitude: Type.Optional(Degrees),
  options: Type.Optional(Type.Record(Type.String({ maxLength: 64 }), Option)),
};
const SAVED_NOTES =
  'What is wrong is told by field (422). `secret` is one that was made, shown once; a device behind a gateway needs none';
const VERSION_NOTES =
  '`version` is that of the state that the caller saw (`…/registration`): 409 `changed-meanwhile` when somebody else has changed it since';

/** A listener that devices and gateways connect to; the host is the one by which the county is reached. */
export const Listener = Type.Object({
  kind: words(['mqtt', 'websocket']),
  port: Type.Integer(),
  tls: Type.Boolean(),
  path: orNull(Type.String()),
});
export type Listener = Static<typeof Listener>;

/** A device as it is registered. */
export const DeviceRegistration = Type.Object({
  version: Type.String(),
  hasSecret: Type.Boolean(),
  options: Type.Record(Type.String(), Type.Unknown()),
  listeners: Type.Array(Listener),
  /**
   * A message such as it publishes; null when it does not publish itself. `prefix` is what is set at a device that makes its topics
   * itself, below it; null where all it says goes to this one topic.
   */
  sample: orNull(
    Type.Object({
      topic: Type.String(),
      payload: Type.String(),
      prefix: orNull(Type.String()),
    }),
  ),
});
export type DeviceRegistration = Static<typeof DeviceRegistration>;

/** What a form must know of a type of device. */
export const ProfileForm = Type.Object({
  id: Type.String(),
  /** A gateway or network server speaks for devices of this type. */
  viaGateway: Type.Boolean(),
  addressKind: words(ADDRESS_KINDS),
  options: Type.Array(
    Type.Object({
      key: Type.String(),
      name: Type.Object({ zh: Type.String(), en: Type.String() }),
      default: Type.String(),
      /** As JSON, since they are texts, numbers or truth values. */
      values: Type.Array(Type.String()),
    }),
  ),
});
export type ProfileForm = Static<typeof ProfileForm>;

export const Gateway = Type.Object({
  id: Type.String(),
  name: Type.String(),
  area: AreaRef,
  /** As at `GET /system`. */
  online: Type.Boolean(),
  at: orNull(Time),
  heardAt: orNull(Time),
  software: orNull(Type.String()),
  waiting: orNull(Type.Object({ live: Type.Integer(), backfill: Type.Integer() })),
  /** When the oldest of what waits was put there, as it said last; null when nothing waits and for a gateway that does not tell. */
  oldestAt: orNull(Time),
  /** Devices that speak through it, and how many of them are online. */
  devices: Type.Integer(),
  devicesOnline: Type.Integer(),
  /** Parts of its devices' frames that were refused, and messages of its own that were not taken. */
  refused: Type.Integer(),
  ...End.properties,
});
export type Gateway = Static<typeof Gateway>;

export const GATEWAY_STATES = ['online', 'offline', 'never', 'retired'] as const;

export const GatewayPage = Type.Object({ ...page(Gateway).properties, total: Type.Integer() });
export type GatewayPage = Static<typeof GatewayPage>;

export const GatewayRegistration = Type.Object({
  name: Type.String(),
  version: Type.String(),
  retiredAt: Type.Optional(Time),
  listeners: Type.Array(Listener),
  /** The first thousand of its devices, for its file. */
  devices: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      profile: Type.String(),
      address: Type.String(),
      /** It publishes to the gateway and needs a secret there. */
      publishes: Type.Boolean(),
    }),
  ),
});
export type GatewayRegistration = Static<typeof GatewayRegistration>;

/** What keeps it from being retired: devices in service that speak through it, wherever they stand, and the first of them. */
export const GatewayDependents = Type.Object({
  devices: Type.Integer(),
  first: Type.Array(Type.Object({ id: Type.String(), name: Type.String(), area: Type.String() })),
});

export const AreaRegistration = Type.Object({
  version: Type.String(),
  aliases: Type.Array(Type.String()),
  validFrom: orNull(Type.String()),
  validTo: orNull(Type.String()),
});
export type AreaRegistration = Static<typeof AreaRegistration>;

/** What keeps it from being retired: what is in service and of the area itself. */
export const AreaDependents = Type.Object({
  areas: Type.Integer(),
  devices: Type.Integer(),
  gateways: Type.Integer(),
  accounts: Type.Integer(),
  tokens: Type.Integer(),
});
export type AreaDependents = Static<typeof AreaDependents>;

export const Secret = Type.Object({ secret: Type.String() });

const device = exactly({ id: Id });
const area = exactly({ code: Code });
const tags = ['devices'] as const;

const REINSTATED_NOTES = `It comes back as it is registered, with another secret where it needs one. ${VERSION_NOTES}. 409 \`not-retired\` when it is in service. ${SAVED_NOTES}: of what no longer fits, a file that is imported gives other values`;

export const profileForms = endpoint({
  method: 'GET',
  path: '/profiles/forms',
  right: 'devices.read',
  summary: 'What a form for a device must know of its type',
  notes: 'Texts of `default` and `values` are JSON',
  tags,
  answers: { 200: Type.Object({ items: Type.Array(ProfileForm) }) },
});

export const addDevice = endpoint({
  method: 'POST',
  path: '/devices',
  right: 'devices.import',
  summary: 'Adds one device',
  notes: SAVED_NOTES,
  tags,
  body: exactly({ id: Typed, profile: Typed, ...standing }),
  answers: { 201: Saved, 409: Problem, 422: Saved },
});

export const changeDevice = endpoint({
  method: 'PUT',
  path: '/devices/{id}',
  right: 'devices.import',
  summary: 'Changes name, place, gateway, address, coordinates or options of a device',
  notes: `What is absent stays. ${VERSION_NOTES}. ${SAVED_NOTES}. 409 \`not-installed\` when it is retired`,
  tags,
  params: device,
  body: exactly({
    version: Version,
    ...standing,
    name: Type.Optional(Typed),
    area: Type.Optional(Typed),
  }),
  answers: { 200: Saved, 404: Problem, 409: Problem, 422: Saved },
});

export const deviceRegistration = endpoint({
  method: 'GET',
  path: '/devices/{id}/registration',
  right: 'devices.import',
  summary: 'How a device is registered, and what connects it',
  tags,
  params: device,
  answers: { 200: DeviceRegistration, 404: Problem },
});

export const renewDeviceSecret = endpoint({
  method: 'POST',
  path: '/devices/{id}/secret',
  right: 'devices.import',
  summary: 'Another secret for a device, told once',
  notes: `The old one holds no longer, and its session ends. ${VERSION_NOTES}. 409 \`not-installed\` when it is retired`,
  tags,
  params: device,
  body: exactly({ version: Version }),
  answers: { 200: Secret, 404: Problem, 409: Problem },
});

export const reinstateDevice = endpoint({
  method: 'POST',
  path: '/devices/{id}/reinstate',
  right: 'devices.import',
  summary: 'Brings a retired device back, as a new installation',
  notes: REINSTATED_NOTES,
  tags,
  params: device,
  body: exactly({ version: Version }),
  answers: { 200: Saved, 404: Problem, 409: Problem, 422: Saved },
});

export const gateways = endpoint({
  method: 'GET',
  path: '/gateways',
  right: 'devices.read',
  summary: 'Gateways of the caller’s area, with how they stand',
  notes:
    'By id. `q` is a part of the id, the name or the area’s name, whatever the case. Those retired are there with `state=retired` only',
  tags,
  query: pageQuery({
    q: Type.Optional(Type.String({ maxLength: 100 })),
    state: Type.Optional(words(GATEWAY_STATES)),
  }),
  answers: { 200: GatewayPage },
});

export const addGateway = endpoint({
  method: 'POST',
  path: '/gateways',
  right: 'devices.import',
  summary: 'Adds one gateway or network server',
  notes: SAVED_NOTES,
  tags,
  body: exactly({ id: Typed, ...place }),
  answers: { 201: Saved, 409: Problem, 422: Saved },
});

export const changeGateway = endpoint({
  method: 'PUT',
  path: '/gateways/{id}',
  right: 'devices.import',
  summary: 'Changes name or place of a gateway',
  notes: `What is absent stays. ${VERSION_NOTES}`,
  tags,
  params: device,
  body: exactly({ version: Version, name: Type.Optional(Typed), area: Type.Optional(Typed) }),
  answers: { 200: Saved, 404: Problem, 409: Problem, 422: Saved },
});

export const gatewayRegistration = endpoint({
  method: 'GET',
  path: '/gateways/{id}/registration',
  right: 'devices.import',
  summary: 'How a gateway is registered, and what connects it',
  tags,
  params: device,
  answers: { 200: GatewayRegistration, 404: Problem },
});

export const renewGatewaySecret = endpoint({
  method: 'POST',
  path: '/gateways/{id}/secret',
  right: 'devices.import',
  summary: 'Another secret for a gateway, told once',
  notes: `The old one holds no longer, and its session ends. ${VERSION_NOTES}`,
  tags,
  params: device,
  body: exactly({ version: Version }),
  answers: { 200: Secret, 404: Problem, 409: Problem },
});

export const gatewayDependents = endpoint({
  method: 'GET',
  path: '/gateways/{id}/dependents',
  right: 'devices.import',
  summary: 'What keeps a gateway from being retired',
  notes:
    'Devices in service that speak through it: how many, and the first five; those outside the caller’s area are counted and not named',
  tags,
  params: device,
  answers: { 200: GatewayDependents, 404: Problem },
});

export const retireGateway = endpoint({
  method: 'POST',
  path: '/gateways/{id}/retire',
  right: 'devices.import',
  summary: 'Ends the service of a gateway',
  notes: `Nothing is deleted: it leaves lists and choices, its secret holds no longer and its session ends at once. \`…/reinstate\` brings it back. ${VERSION_NOTES}. 409 \`in-use\` while devices in service speak through it. 404 when it is retired already`,
  tags,
  params: device,
  body: exactly({ version: Version, reason: Type.Optional(Text) }),
  answers: { 204: Nothing, 404: Problem, 409: Problem, 422: Problem },
});

export const reinstateGateway = endpoint({
  method: 'POST',
  path: '/gateways/{id}/reinstate',
  right: 'devices.import',
  summary: 'Brings a retired gateway back',
  notes: REINSTATED_NOTES,
  tags,
  params: device,
  body: exactly({ version: Version }),
  answers: { 200: Saved, 404: Problem, 409: Problem, 422: Saved },
});

const aliases = Type.Optional(Type.Array(Typed, { maxItems: 100 }));

export const addArea = endpoint({
  method: 'POST',
  path: '/areas',
  right: 'areas.import',
  summary: 'Adds one area',
  notes: 'What is wrong is told by field (422)',
  tags: ['areas'],
  body: exactly({ code: Typed, level: LevelWord, zh: Typed, en: Typed, parent: Typed, aliases }),
  answers: { 201: Saved, 409: Problem, 422: Saved },
});

export const changeArea = endpoint({
  method: 'PUT',
  path: '/areas/{code}',
  right: 'areas.import',
  summary: 'Renames an area, or changes its aliases and dates',
  notes: `What is absent stays. ${VERSION_NOTES}`,
  tags: ['areas'],
  params: area,
  body: exactly({
    version: Version,
    zh: Type.Optional(Typed),
    en: Type.Optional(Typed),
    aliases,
    validFrom: Type.Optional(orNull(Typed)),
    validTo: Type.Optional(orNull(Typed)),
  }),
  answers: { 200: Saved, 404: Problem, 409: Problem, 422: Saved },
});

export const areaRegistration = endpoint({
  method: 'GET',
  path: '/areas/{code}/registration',
  right: 'areas.import',
  summary: 'How an area is registered',
  tags: ['areas'],
  params: area,
  answers: { 200: AreaRegistration, 404: Problem },
});

export const areaDependents = endpoint({
  method: 'GET',
  path: '/areas/{code}/dependents',
  right: 'areas.import',
  summary: 'What keeps an area from being retired',
  notes:
    'How many areas right below it, devices, gateways, accounts and tokens are of the area itself and in service',
  tags: ['areas'],
  params: area,
  answers: { 200: AreaDependents, 404: Problem },
});

export const retireArea = endpoint({
  method: 'POST',
  path: '/areas/{code}/retire',
  right: 'areas.import',
  summary: 'Ends the service of an area',
  notes: `Nothing is deleted: it leaves lists and choices, and records and old figures keep it. ${VERSION_NOTES}. 409 \`in-use\`, with how many, while areas below it, devices, gateways, accounts or tokens are of it; 409 \`not-installed\` when it is retired already`,
  tags: ['areas'],
  params: area,
  body: exactly({ version: Version, reason: Type.Optional(Text) }),
  answers: { 204: Nothing, 404: Problem, 409: Problem, 422: Problem },
});

export const reinstateArea = endpoint({
  method: 'POST',
  path: '/areas/{code}/reinstate',
  right: 'areas.import',
  summary: 'Brings a retired area back',
  notes: `${VERSION_NOTES}. 409 \`area-retired\` while the area above it is retired; 409 \`not-retired\``,
  tags: ['areas'],
  params: area,
  body: exactly({ version: Version }),
  answers: { 204: Nothing, 404: Problem, 409: Problem },
});

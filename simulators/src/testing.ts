/** What the tests of this workspace share: small profiles, a broker that remembers, and waiting for a condition. */
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import {
  builtinCatalog,
  type DeviceProfile,
  loadCatalog,
  parseProfile,
} from '@village/device-profiles';
import { Aedes } from 'aedes';

const station = `
profile: test/station
revision: 1
name: { zh: 试验站, en: Test station }
kind: sewage-monitor
protocol: modbus
modbus:
  every: 10s
  wordOrder: CDAB
  blocks:
    water: { table: holding, address: 100, count: 6 }
    status: { table: coil, address: 16, count: 2 }
metrics:
  - { key: flow, quantity: water.flow-rate, from: { block: water, at: 0, type: float32 }, range: [0, 500] }
  - { key: total, quantity: water.volume-total, from: { block: water, at: 2, type: uint32 }, scale: 0.1, range: [0, 1.0e+9] }
  - { key: ph, quantity: water.ph, from: { block: water, at: 4, type: uint16 }, scale: 0.01, range: [0, 14] }
  - { key: temp, quantity: water.temperature, from: { block: water, at: 5, type: int16 }, scale: 0.1, range: [-5, 60] }
  - { key: pump, quantity: device.running, from: { block: status, at: 0, type: bit } }
  - { key: fault, quantity: device.fault, from: { block: status, at: 1, type: bit } }
examples:
  - name: pumping
    frame: { water: "0000 40A0 E240 0001 02D6 00B7", status: "10" }
    readings: { flow: 5, total: 12345.6, ph: 7.26, temp: 18.3, pump: 1, fault: 0 }
  - name: a cut line
    frame: { water: "0000", status: "10" }
    error: frame-too-short
`;

const box = `
profile: test/box
revision: 1
name: { zh: 试验箱, en: Test box }
kind: air-station
protocol: mqtt
mqtt: { payload: native, every: 1s }
metrics:
  - { key: pm25, quantity: air.pm25, range: [0, 1000], optional: true }
  - { key: co, quantity: air.co, range: [0, 50], optional: true }
  - { key: direction, quantity: wind.direction, range: [0, 360], optional: true }
examples:
  - name: all of it
    frame: { topic: village/v1/devices/b-1/readings, payload: '{"device":"b-1","at":"2026-01-01T00:00:00Z","values":{"pm25":12,"co":0.5,"direction":90}}' }
    readings: { pm25: 12, co: 0.5, direction: 90 }
  - name: no object
    frame: { topic: village/v1/devices/b-1/readings, payload: 'boot' }
    error: payload-not-json
`;

/** A Modbus type and a native one, as somebody would add them by a file. */
export function testProfiles(): Map<string, DeviceProfile> {
  const profiles = [station, box].map((text) => {
    const { profile, faults } = parseProfile(text, 'test.yaml');
    if (profile === undefined) throw new Error(JSON.stringify(faults));
    return profile;
  });
  return new Map(profiles.map((profile) => [profile.id, profile]));
}

/** The profiles that come with the product. */
export function catalogProfiles(): Map<string, DeviceProfile> {
  const { profiles, faults } = loadCatalog([builtinCatalog]);
  if (faults.length > 0) throw new Error(JSON.stringify(faults));
  return profiles;
}

/** A message that the test broker acknowledged. */
export interface Heard {
  readonly topic: string;
  readonly payload: Buffer;
  readonly client: string;
}

/** A real broker on a free port. It can be told to be deaf (no acknowledgement) or gone. */
export class TestBroker {
  readonly heard: Heard[] = [];
  /** Refuses these user names. */
  readonly refused = new Set<string>();
  /** Keeps acknowledgements back while it is true. */
  deaf = false;
  #server: Server | undefined;
  #aedes: Aedes | undefined;
  readonly #sockets = new Set<Socket>();
  #port = 0;

  get url(): string {
    return `mqtt://127.0.0.1:${this.#port}`;
  }

  /** Opens, on the same port as before when it was open. */
  async open(): Promise<void> {
    const aedes = await Aedes.createBroker();
    aedes.authenticate = (_client, username, _password, done) =>
      done(null, !this.refused.has(username ?? ''));
    aedes.authorizePublish = (client, packet, done) => {
      if (this.deaf) return;
      this.heard.push({
        topic: packet.topic,
        payload: Buffer.from(packet.payload),
        client: client?.id ?? '',
      });
      done(null);
    };
    const server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      aedes.handle(socket);
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
    this.#aedes = aedes;
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server?.close(() => resolve());
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server === undefined) resolve();
    await promise;
    await new Promise<void>((done) => {
      if (this.#aedes === undefined) done();
      else this.#aedes.close(() => done());
    });
    this.#server = undefined;
    this.#aedes = undefined;
  }
}

/** Waits until the condition holds, at most `timeoutMs`. */
export async function until(holds: () => boolean, what: string, timeoutMs = 18_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await delay(10);
  }
}

/** A signal that never fires. */
export const forever: AbortSignal = new AbortController().signal;

/** A port that nobody listens on just now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A page that providers post to: remembers what came, and answers as it was told to, else with 200. */
export interface Hook {
  readonly url: string;
  readonly heard: { readonly path: string; readonly body: string }[];
  /** The next answers, in order. */
  readonly answers: { readonly status: number; readonly body: string }[];
  reset(): void;
  close(): Promise<void>;
}

export async function startHook(): Promise<Hook> {
  const heard: Hook['heard'] = [];
  const answers: Hook['answers'] = [];
  const server = createHttpServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      heard.push({ path: request.url ?? '', body: Buffer.concat(parts).toString('utf8') });
      const { status, body } = answers.shift() ?? { status: 200, body: '{}' };
      response.writeHead(status).end(body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    answers,
    reset() {
      heard.length = 0;
      answers.length = 0;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A whole server on free ports with its data in a temporary folder, a county of two townships, and clients for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemTimer, type Timer } from '@village/core';
import type { LightMyRequestResponse } from 'fastify';
import mqtt from 'mqtt';
import { pino } from 'pino';
import { Compile } from 'typebox/compile';
import { expect } from 'vitest';
import { type Server, type ServerOptions, startServer } from './app.ts';
import { type Config, loadConfig } from './config/config.ts';

export const COUNTY = '330522000000';
export const NORTH = '330522100000';
export const SOUTH = '330522101000';
export const NORTH_VILLAGE = '330522100201';
export const SOUTH_VILLAGE = '330522101201';
export const PASSWORD = 'Correct-Horse-9';
export const SECRET = 'a-secret-of-20-chars';

export const AREAS = `code,level,zh,en,parent,aliases,validFrom,validTo
${NORTH},township,北镇,North,${COUNTY},330522100,,
${NORTH_VILLAGE},village,北村,North Village,${NORTH},,2020-01-01,
${SOUTH},township,南镇,South,${COUNTY},,,
${SOUTH_VILLAGE},village,南村,South Village,${SOUTH},,,
`;

const COLUMNS = 'id,name,profile,area,gateway,address,longitude,latitude,options,secret';
export const deviceCsv = (...rows: string[]): string => `${[COLUMNS, ...rows].join('\n')}\n`;

/** Two devices north and two south, one of each behind a gateway of its township. */
export const DEVICES = deviceCsv(
  `gw-north,北网关,gateway,${NORTH},,,,,,${SECRET}`,
  `gw-south,南网关,gateway,${SOUTH},,,,,,${SECRET}`,
  `north-air,北村空气站,village/air-weather,${NORTH_VILLAGE},,,119.9,31.1,,${SECRET}`,
  `north-ph,北村 pH,boqu/phg-2091,${NORTH_VILLAGE},gw-north,,,,,`,
  `south-air,南村空气站,village/air-weather,${SOUTH_VILLAGE},,,,,,${SECRET}`,
  `south-ph,南村 pH,boqu/phg-2091,${SOUTH_VILLAGE},gw-south,,,,,`,
);

/** The machine's time, moved on by a test. */
export class ShiftedTimer implements Timer {
  /** Time that has passed. */
  shift = 0;
  /** What the clock was set forward or, below zero, back. */
  set = 0;
  readonly now = (): number => systemTimer.now() + this.shift + this.set;
  readonly elapsed = (): number => systemTimer.elapsed() + this.shift;
  #haste = 1;
  readonly #hurry = new Set<() => void>();

  /** Waits are this many times as short, those too that have begun. */
  get haste(): number {
    return this.#haste;
  }
  set haste(haste: number) {
    this.#haste = haste;
    for (const wake of [...this.#hurry]) wake();
  }

  readonly sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    for (let left = ms; ; ) {
      const began = systemTimer.elapsed();
      const haste = this.#haste;
      const woken = new AbortController();
      const wake = (): void => woken.abort(signal?.reason);
      if (signal?.aborted === true) wake();
      signal?.addEventListener('abort', wake, { once: true });
      this.#hurry.add(wake);
      try {
        return await systemTimer.sleep(left / haste, woken.signal);
      } catch (error) {
        if (signal?.aborted === true) throw error;
        left -= (systemTimer.elapsed() - began) * haste;
      } finally {
        this.#hurry.delete(wake);
        signal?.removeEventListener('abort', wake);
      }
    }
  };
}

export interface TestServer {
  readonly server: Server;
  readonly timer: ShiftedTimer;
  readonly folder: string;
  /** Signs in and returns a client. */
  client(user: string, password?: string): Promise<Client>;
  /** Stops it and starts it again on the same data. */
  restart(): Promise<TestServer>;
  close(): Promise<void>;
}

/** Asks in process, and holds every answer against the interface's own description. */
export class Client {
  readonly cookie: string;
  readonly #server: Server;

  constructor(server: Server, cookie: string) {
    this.#server = server;
    this.cookie = cookie;
  }

  async ask(
    method: string,
    url: string,
    body?: object | string,
    headers: Record<string, string> = {},
  ): Promise<LightMyRequestResponse> {
    const response = await this.#server.http.inject({
      method: method as 'GET',
      url: `/api/v1${url}`,
      headers: {
        ...(this.cookie === '' ? {} : { cookie: this.cookie }),
        ...(typeof body === 'string' ? { 'content-type': 'text/csv' } : {}),
        ...headers,
      },
      ...(body === undefined ? {} : { payload: body }),
    });
    checkAnswer(this.#server, method, url, response);
    return response;
  }

  /** Sends a file. */
  send(method: string, url: string, body: Buffer, type: string): Promise<LightMyRequestResponse> {
    return this.ask(method, url, body, { 'content-type': type });
  }

  async get<T>(url: string): Promise<T> {
    const response = await this.ask('GET', url);
    expect([response.statusCode, response.body]).toEqual([200, expect.anything()]);
    return response.json() as T;
  }
}

interface Description {
  paths: Record<
    string,
    Record<string, { responses: Record<string, { content?: Record<string, { schema: object }> }> }>
  >;
}

/** Throws when the answer is neither a problem document nor what the description promises. */
export function checkAnswer(
  server: Server,
  method: string,
  url: string,
  response: LightMyRequestResponse,
): void {
  const type = String(response.headers['content-type'] ?? '');
  if (type.startsWith('application/problem+json')) {
    expect(response.json()).toEqual({
      type: expect.stringMatching(/^urn:village:problem:[a-z-]+$/),
      title: expect.any(String),
      status: response.statusCode,
      detail: expect.any(String),
      code: expect.stringMatching(/^[a-z-]+$/),
      ...('errors' in response.json() ? { errors: expect.any(Array) } : {}),
    });
    return;
  }
  const address = url.split('?')[0] ?? '';
  const path = ['/healthz', '/metrics'].includes(address) ? address : `/api/v1${address}`;
  const description = server.http.swagger() as unknown as Description;
  const paths = Object.keys(description.paths);
  const known =
    paths.find((one) => one === path) ??
    paths.find((one) => new RegExp(`^${one.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(path));
  const answer = description.paths[known ?? '']?.[method.toLowerCase()]?.responses;
  const schema = answer?.[String(response.statusCode)]?.content?.['application/json']?.schema;
  if (!type.startsWith('application/json')) return;
  if (path === '/api/v1/openapi.json') return;
  expect(schema, `${method} ${path} ${response.statusCode} is described`).toBeDefined();
  const check = Compile(schema as object);
  const body: unknown = response.json();
  expect(check.Check(body) ? [] : check.Errors(body), `${method} ${url}`).toEqual([]);
}

/** Starts a server; `yaml` values override the configuration. */
export async function startTest(
  more: (config: Config) => Config = (config) => config,
  folder = mkdtempSync(join(tmpdir(), 'village-server-')),
  timer = new ShiftedTimer(),
  options: Partial<ServerOptions> = {},
): Promise<TestServer> {
  const config = loadConfig(
    {
      VILLAGE_DATA: join(folder, 'data'),
      VILLAGE_HTTP_HOST: '127.0.0.1',
      VILLAGE_HTTP_PORT: '0',
      VILLAGE_MQTT_PORT: '0',
      VILLAGE_ADMIN_PASSWORD: PASSWORD,
    },
    folder,
  );
  const server = await startServer(
    more({
      ...config,
      mqtt: { ...config.mqtt, host: '127.0.0.1' },
      limits: { ...config.limits, requestsPerMinute: 1_000_000, signInsPerMinute: 10_000 },
    }),
    { timer, log: pino({ level: 'silent' }), console: join(folder, 'console'), ...options },
  );
  return {
    server,
    timer,
    folder,
    client: async (user, password = PASSWORD) => {
      const response = await new Client(server, '').ask('POST', '/session', { user, password });
      expect(response.statusCode).toBe(200);
      const [cookie] = response.cookies;
      return new Client(server, `${cookie?.name}=${cookie?.value}`);
    },
    restart: async () => {
      await server.stop();
      return startTest(more, folder, timer, options);
    },
    close: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A server with the county, its devices, and a clerk and an officer of each township. */
export async function startCounty(
  more?: (config: Config) => Config,
  options?: Partial<ServerOptions>,
): Promise<TestServer> {
  const test = await startTest(more, undefined, undefined, options);
  await test.server.importAreas(AREAS);
  await test.server.importDevices(DEVICES);
  const admin = await test.client('admin');
  for (const [name, area, role] of [
    ['north', NORTH, 'admin'],
    ['south', SOUTH, 'officer'],
    ['village', NORTH_VILLAGE, 'clerk'],
  ] as const) {
    const user = { displayName: name, role, area, password: PASSWORD };
    expect((await admin.ask('PUT', `/users/${name}`, user)).statusCode).toBe(200);
  }
  return test;
}

/** Waits until the condition holds. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let n = 0; n < 600; n++) {
    if (await holds()) return;
    await systemTimer.sleep(25);
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Waits until the rules follow the journal: alerts that are put into the tables from then on stay as they are. */
export async function rulesFollow({ server, timer }: TestServer): Promise<void> {
  server.store.note({ type: 'platform-tick', at: timer.now() });
  await server.store.commitNow();
  await until('the rules', async () =>
    /^village_alerts_snapshots_total [1-9]/m.test(
      (await server.http.inject({ url: '/metrics' })).body,
    ),
  );
}

/** An open live stream. */
export interface Stream {
  /** Data of all events of that name so far. */
  of<T>(event: string): T[];
  readonly text: () => string;
  /** Whether the server has ended it. */
  readonly ended: () => boolean;
  close(): void;
}

/** Opens a live stream over a socket, with a client's cookie or, given a token, with that. */
export function listen(
  server: TestServer,
  client: Pick<Client, 'cookie'> | { readonly token: string },
  query = '',
): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port: server.server.httpPort,
        path: `/api/v1/live${query}`,
        headers:
          'token' in client
            ? { authorization: `Bearer ${client.token}` }
            : { cookie: client.cookie },
      },
      (response) => {
        expect(response.headers['content-type']).toContain('text/event-stream');
        let text = '';
        let ended = false;
        response.on('close', () => {
          ended = true;
        });
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', () => undefined);
        resolve({
          text: () => text,
          ended: () => ended,
          of: <T>(event: string): T[] =>
            text
              .split('\n\n')
              .filter((block) => block.startsWith(`event: ${event}\n`))
              .map((block) => JSON.parse(block.slice(block.indexOf('data: ') + 6)) as T),
          close: () => asked.destroy(),
        });
      },
    );
    asked.on('error', reject);
    asked.end();
  });
}

/** A device or gateway connected over MQTT, which does not come back by itself. */
export const device = (id: string, port: number, password = SECRET): Promise<mqtt.MqttClient> =>
  mqtt.connectAsync({
    host: '127.0.0.1',
    port,
    protocol: 'mqtt',
    clientId: id,
    username: id,
    password,
    reconnectPeriod: 0,
    connectTimeout: 20_000,
  });

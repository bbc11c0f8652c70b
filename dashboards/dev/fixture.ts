/**
 * A stand-in for the server in browser tests and while working on pages: speaks docs/http-api.md over a made-up county.
 * It keeps nothing and proves nothing about the real server.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { importAnswer } from './answers/imports.ts';
import { tally } from './answers/places.ts';
import { checkedProfile, triedProfile, WaitingProfiles } from './answers/profiles.ts';
import { FixtureApi } from './api.ts';
import { type FixtureDevice, makeCamera, makeDevices } from './county.ts';
import { Problem } from './problem.ts';
import { holdAnswer, holdEvent } from './shapes.ts';

/** As strict as a content policy can be; the console must work under it. */
const CONTENT_POLICY =
  "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'";

export const USER = 'admin';
export const PASSWORD = 'fixture-password';

export interface FixtureOptions {
  /** Folder of the built console. */
  readonly directory: string;
  readonly devices: number;
  /** Present of the county, ms. */
  readonly now: number;
  readonly port?: number;
  /** Code of the area of the user who signs in; the county when not given. */
  readonly area?: string;
  readonly role?: 'admin' | 'officer' | 'clerk';
  /** Modules and rights that the session names; it names none when not given. */
  readonly modules?: readonly string[];
  readonly rights?: readonly string[];
  /** A camera of several lenses besides the devices, last in the list. */
  readonly camera?: true;
  /** Statements about readings besides the few of each kind; for long lists. */
  readonly corrections?: number;
  /** Villages besides, spread over the townships; for counties with thousands of areas. */
  readonly villages?: number;
  /** Gateways besides the two that are always there. */
  readonly gateways?: number;
  /** The county's townships have polygons. */
  readonly geometry?: true;
}

/** What an administrator of a whole server holds. */
export const ALL_RIGHTS: readonly string[] = [
  'devices.read',
  'users.manage',
  'tokens.manage',
  'audit.read',
  'devices.import',
  'profiles.check',
  'profiles.adopt',
  'areas.import',
  'client-ids.release',
  'readings.read',
  'export.read',
  'figures.read',
  'corrections.read',
  'corrections.propose',
  'corrections.approve',
  'quarantine.read',
  'system.read',
];

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

async function bodyOf(request: IncomingMessage): Promise<Record<string, unknown>> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return parts.length === 0 ? {} : JSON.parse(Buffer.concat(parts).toString());
}

function send(response: ServerResponse, status: number, body: object, headers = {}): void {
  const type = status < 400 ? 'application/json' : 'application/problem+json';
  response.writeHead(status, { 'content-type': type, ...headers });
  response.end(status === 204 ? undefined : JSON.stringify(body));
}

function problem(response: ServerResponse, status: number, code: string, detail = code): void {
  send(response, status, { type: 'about:blank', title: code, status, code, detail });
}

/** The running stand-in. */
export class Fixture {
  /** Where it listens, without a slash at the end. */
  url = '';
  readonly devices: FixtureDevice[];
  /** Bytes of the file of polygons that came last. */
  fileBytes = 0;
  private readonly options: FixtureOptions;
  private readonly api: FixtureApi;
  private readonly waitingProfiles = new WaitingProfiles();
  private readonly failing = new Map<string, number>();
  private readonly streams = new Set<ServerResponse>();
  private readonly server = createServer((request, response) => this.accept(request, response));
  private pushes = 0;

  constructor(options: FixtureOptions) {
    this.options = options;
    this.devices = [
      ...makeDevices(options.devices, options.now),
      ...(options.camera === true ? [makeCamera(options.now)] : []),
    ];
    this.api = new FixtureApi(this.devices, { ...options, name: USER });
  }

  /** Starts on a free port of the loopback, or the one given. */
  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.listen(this.options.port ?? 0, '127.0.0.1', resolve);
    });
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Answers requests whose path starts so with a problem until told otherwise (null). */
  fail(path: string, status: number | null): void {
    if (status === null) this.failing.delete(path);
    else this.failing.set(path, status);
  }

  /** Live streams open now. */
  get listeners(): number {
    return this.streams.size;
  }

  /** Sends a live change of one device, and keeps it. */
  push(id: string, metric: string, value: number): void {
    const device = this.devices.find((one) => one.id === id);
    if (device === undefined) throw new Error(`BUG: no device ${id}`);
    const at = this.options.now + 1000 * ++this.pushes;
    device.values[metric] = { value, at, receivedAt: at, quality: 'good' };
    device.state = 'online';
    device.lastSeenAt = at;
    const time = new Date(at).toISOString();
    const values = { [metric]: { value, at: time, receivedAt: time, quality: 'good' } };
    const latest = { items: [{ device: id, state: 'online', lastSeenAt: time, values }] };
    const counts = tally(this.devices);
    holdEvent('latest', latest);
    holdEvent('counts', counts);
    for (const stream of this.streams) {
      stream.write(`event: latest\ndata: ${JSON.stringify(latest)}\n\n`);
      stream.write(`event: counts\ndata: ${JSON.stringify(counts)}\n\n`);
    }
  }

  /** Another administrator changes somebody. */
  changePerson(...change: Parameters<FixtureApi['people']['change']>): void {
    this.api.people.change(...change);
  }

  /** Somebody else has just changed the device of this id; nobody has (null). */
  changeMeanwhile(id: string | null): void {
    this.api.registration.changedMeanwhile = id;
  }

  /** Something of the retired device of this id is another's by now. */
  takeMeanwhile(id: string | null): void {
    this.api.registration.takenMeanwhile = id;
  }

  /** Ends the service of a device. */
  retire(id: string, reason: string): void {
    this.api.registration.retire(id, { reason });
  }

  /** Ends the backup that a page has begun. */
  endBackup(state: 'done' | 'failed'): void {
    this.api.endBackup(state);
  }

  /** The clock of the server can't be right from now on. */
  wrongClock(): void {
    this.api.clockFault = 'clock-behind-stored';
  }

  /** Breaks every live stream. */
  cut(): void {
    for (const stream of this.streams) stream.destroy();
  }

  /** Stops listening and closes every connection. */
  close(): Promise<void> {
    this.cut();
    return new Promise((resolve, reject) => {
      this.server.close((error) => (error === undefined ? resolve() : reject(error)));
      this.server.closeAllConnections();
    });
  }

  private accept(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://fixture');
    const work = url.pathname.startsWith('/api/v1')
      ? this.apiRequest(url.pathname.slice(7), url.searchParams, request, response)
      : this.fileRequest(url.pathname, response);
    work.catch((error: unknown) => {
      if (error instanceof Problem) problem(response, error.status, error.code, error.message);
      else problem(response, 500, `fixture-broken: ${String(error)}`);
    });
  }

  private async sessionRequest(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const signedIn = request.headers.cookie?.includes('fixture=1') ?? false;
    if (request.method === 'DELETE')
      return send(response, 204, {}, { 'set-cookie': 'fixture=; Path=/; Max-Age=0' });
    if (request.method === 'GET')
      return signedIn ? this.sendUser(response) : problem(response, 401, 'not-signed-in');
    const given = await bodyOf(request);
    if (given['user'] !== USER || given['password'] !== PASSWORD)
      return problem(response, 401, 'wrong-credentials');
    const cookie = 'fixture=1; Path=/; HttpOnly; SameSite=Strict';
    this.sendUser(response, { 'set-cookie': cookie });
  }

  private sendUser(response: ServerResponse, headers = {}): void {
    const { modules, rights } = this.options;
    const body = {
      user: this.api.user,
      ...(modules === undefined ? {} : { modules }),
      ...(rights === undefined ? {} : { rights }),
    };
    holdAnswer('GET', '/session', 200, body);
    send(response, 200, body, headers);
  }

  private async apiRequest(
    path: string,
    query: URLSearchParams,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const broken = [...this.failing].find(([start]) => path.startsWith(start))?.[1];
    if (broken !== undefined)
      return problem(response, broken, broken >= 500 ? 'store-unavailable' : 'refused');
    if (path === '/session') return this.sessionRequest(request, response);
    if (!request.headers.cookie?.includes('fixture=1'))
      return problem(response, 401, 'not-signed-in');
    if (path === '/live') return this.stream(response);
    const method = request.method ?? 'GET';
    const registered = this.api.registration.answer(
      method,
      path,
      method === 'POST' || method === 'PUT' ? () => bodyOf(request) : null,
      query,
    );
    if (registered !== null) {
      const { status, body } = await registered;
      if (status === 204) {
        response.writeHead(204).end();
        return;
      }
      holdAnswer(method, path, status, body);
      return send(response, status, body, { 'content-type': 'application/json' });
    }
    if (method === 'DELETE' && path.startsWith('/client-ids/')) {
      this.api.releaseClientId(path.split('/')[2] ?? '');
      response.writeHead(204).end();
      return;
    }
    let status = 200;
    let body: object;
    const given = /^\/(users|tokens)/.test(path) ? await bodyOf(request) : {};
    const ofPeople = this.api.people.answer(method, path, query, given);
    const ofTypes = this.waitingProfiles.answer(method, path);
    if (ofPeople?.status === 204 || ofTypes?.status === 204) {
      response.writeHead(204).end();
      return;
    }
    if (ofPeople !== null) ({ status, body } = ofPeople);
    else if (ofTypes !== null) {
      request.resume();
      ({ status, body } = ofTypes);
    } else if (path === '/quarantine/rerun') {
      const { ids } = (await bodyOf(request)) as { ids?: number[] };
      body = this.api.rerun(ids);
    } else if (path === '/system/backup') {
      status = 202;
      body = this.api.startBackup();
    } else if (method === 'POST' && path.startsWith('/corrections')) {
      status = path === '/corrections' ? 201 : 200;
      body = this.api.corrections.post(path, await bodyOf(request), USER);
    } else if (method === 'POST' && path.endsWith('/replace'))
      body = this.api.replace(path.split('/')[2] ?? '', await bodyOf(request));
    else if (method === 'PUT' && path.endsWith('/clock'))
      body = this.api.useClock(path.split('/')[2] ?? '', await bodyOf(request));
    else if (method === 'POST' && path.endsWith('/import')) {
      request.resume();
      ({ status, body } = importAnswer(query.get('encoding')));
    } else if (path === '/areas/geometry' && method === 'POST') {
      this.fileBytes = 0;
      for await (const part of request) this.fileBytes += (part as Buffer).length;
      ({ status, body } = this.api.takeGeometry(query.get('system')));
    } else if (path === '/areas/geometry' && method === 'DELETE') body = this.api.removeGeometry();
    else if (path === '/profiles/check') {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      body = checkedProfile(Buffer.concat(parts).toString('utf8'));
    } else if (path === '/profiles/try') {
      request.resume();
      body = triedProfile();
    } else if (path.startsWith('/export')) {
      const given = method === 'POST' ? await bodyOf(request) : {};
      const answered = this.api.exports.answer(method, path, query, given);
      if (typeof answered.body === 'string') {
        response.writeHead(200, { 'content-type': 'text/csv' });
        response.end(answered.body);
        return;
      }
      ({ status, body } = { status: answered.status, body: answered.body });
    } else body = this.api.answer(path, query);
    holdAnswer(method, path, status, body);
    // What is refused otherwise is thrown: an answer that is given here is no problem document.
    send(response, status, body, { 'content-type': 'application/json' });
  }

  private stream(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
    response.write(': hello\n\n');
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }

  private async fileRequest(path: string, response: ServerResponse): Promise<void> {
    // Any address that is not a file is a page, and all pages are one file.
    const name = extname(path) === '' ? 'index.html' : normalize(path).replace(/^(\.\.[/\\])+/, '');
    const content = await readFile(join(this.options.directory, name)).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') throw new Problem(404, 'not-found');
        throw error;
      },
    );
    response.writeHead(200, {
      'content-type': types[extname(name)] ?? 'application/octet-stream',
      'content-security-policy': CONTENT_POLICY,
      'x-content-type-options': 'nosniff',
    });
    response.end(content);
  }
}

/** A stand-in that listens. */
export async function startFixture(options: FixtureOptions): Promise<Fixture> {
  const fixture = new Fixture(options);
  await fixture.start();
  return fixture;
}

/**
 * The kill test of corrections and figures: a whole server is killed at chosen steps of what it keeps, while readings come late,
 * statements are proposed, approved and undone, and jobs compute what follows. Afterwards each statement is wholly there or not at all,
 * its audit entries with it, and every figure is what the readings and statements give.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Random, seededRandom } from '@village/core';
import { Api } from '../lib/api.ts';
import { COUNTY, PASSWORD, register, type TestServer, testServer, VILLAGE } from '../lib/county.ts';
import { Process, until } from '../lib/processes.ts';
import {
  type AuditEntry,
  type Correction,
  DAY,
  DEVICES,
  HOUR,
  hoursAbove,
  midnight,
  o3At,
  strays,
} from './figures-county.ts';
import { type Engines, openStores, type Stores } from './stores.ts';

export interface FiguresKillOptions {
  readonly rounds: number;
  readonly seed: number;
  readonly engines: Engines;
  readonly log: (line: string) => void;
}

export interface FiguresKillResult {
  readonly kills: number;
  /** Kills before a change of a statement, of figures and their marks, and of anything else that is kept. */
  readonly killedIn: Readonly<Record<'statements' | 'figures' | 'other', number>>;
  readonly acknowledged: number;
  readonly lost: number;
  readonly statements: number;
  readonly undone: number;
  /** Answers of success to which nothing corresponds, and statements that do not fit their audit entries. */
  readonly halves: readonly string[];
  readonly figures: number;
  /** Values that are not what readings and statements give, in answers and stored. */
  readonly wrong: readonly string[];
  /** What `check-figures` printed last, with a server and without. */
  readonly checks: readonly string[];
  /** How many of them found something. */
  readonly checksFailed: number;
}

/** Days before today; what is older than a week needs a second person. */
const DAYS_BEFORE = [12, 11, 3];
/** Changes of one deed and what follows at once; beyond it falls into the work of jobs. */
const STEPS = 16;
/** What the first of the counted changes speaks of. */
const WORDS = ['', 'correction_', 'figure_'];
const FIGURE = 'hours-above:air.o3';

const iso = (at: number): string => new Date(at).toISOString();

/** A county under test, its people, and what they were told. */
class Rig {
  readonly server: TestServer;
  readonly folder: string;
  readonly #stores: Stores;
  readonly #second: Api;
  readonly #arm: string;
  readonly days: readonly number[];
  readonly acknowledged = new Set<string>();
  /** What people were told: the state in which a statement was, by its number. */
  readonly told = new Map<number, 'proposed' | 'active' | 'ended'>();
  readonly halves: string[] = [];

  private constructor(server: TestServer, folder: string, stores: Stores, arm: string) {
    this.server = server;
    this.folder = folder;
    this.#stores = stores;
    this.#arm = arm;
    this.#second = new Api(server.httpPort);
    this.days = DAYS_BEFORE.map((days) => midnight(Date.now(), days));
  }

  static async open(folder: string, stores: Stores): Promise<Rig> {
    const arm = join(folder, 'kill-at');
    const yaml = `limits: { requestsPerMinute: 1000000 }\n${stores.yaml}`;
    const server = await testServer(folder, yaml, {
      NODE_OPTIONS: `--import ${new URL('./killed-at.ts', import.meta.url).href}`,
      VILLAGE_KILL_AT: arm,
    });
    const rig = new Rig(server, folder, stores, arm);
    await server.up();
    const devices = DEVICES.map((id) => `${id},${id},village/air-weather,${VILLAGE},,,,,,`);
    await register(
      server.api,
      ['id,name,profile,area,gateway,address,longitude,latitude,options,secret', ...devices].join(
        '\n',
      ),
    );
    await server.api.json('/api/v1/users/second', {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ displayName: '二', role: 'admin', area: COUNTY, password: PASSWORD }),
    });
    await rig.#second.signIn('second', PASSWORD);
    return rig;
  }

  statements(): Promise<Correction[]> {
    return this.server.api.all<Correction>('/api/v1/corrections');
  }

  /** Sends some readings of the days, in any order and again; false when the server died over it. */
  async send(random: Random): Promise<boolean> {
    const readings = Array.from({ length: 6 }, () => {
      const device = DEVICES[Math.floor(random() * DEVICES.length)] as string;
      const day = this.days[Math.floor(random() * this.days.length)] as number;
      const at = day + Math.floor(random() * 24) * HOUR;
      return { device, at: iso(at), values: { o3: o3At(device, at) } };
    });
    const body = await this.#ask(this.server.api, 'readings', { readings });
    if (body === null) return false;
    for (const { device, at } of readings) this.acknowledged.add(`${device} ${at}`);
    return true;
  }

  /** Null when the server died before it answered. @throws what it refused */
  async #ask(api: Api, path: string, body: object): Promise<Correction | null> {
    let response: Response;
    let text: string;
    try {
      response = await api.fetch(`/api/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      text = await response.text();
    } catch {
      return null;
    }
    if (response.ok) return JSON.parse(text) as Correction;
    throw new Error(`${path}: ${response.status} ${text}`);
  }

  /** One deed of people: something is said of some hours, agreed to, or taken back. */
  async act(random: Random): Promise<void> {
    const all = await this.statements();
    const waiting = all.find(({ state }) => state === 'waiting');
    const active = all.filter(({ state }) => state === 'active');
    const dice = random();
    if (waiting !== undefined && dice < 0.45) {
      const found = await this.#ask(this.#second, `corrections/${waiting.id}/approve`, {});
      if (found !== null) this.told.set(found.id, 'active');
      return;
    }
    const last = active[Math.floor(random() * active.length)];
    if (last !== undefined && (dice > 0.75 || active.length > 6)) {
      const found = await this.#ask(this.#second, `corrections/${last.id}/undo`, {});
      if (found !== null) this.told.set(found.id, 'ended');
      return;
    }
    const day = this.days[Math.floor(random() * this.days.length)] as number;
    const from = day + Math.floor(random() * 20) * HOUR;
    const kind = random() < 0.8 ? 'offset' : 'invalid';
    const made = await this.#ask(this.server.api, 'corrections', {
      ...{ kind, device: DEVICES[Math.floor(random() * DEVICES.length)], metric: 'o3' },
      ...{ from: iso(from), to: iso(from + Math.ceil(random() * 30) * HOUR), reason: '试 test' },
      ...(kind === 'offset' ? { value: Math.ceil(random() * 60) } : {}),
    }).catch((error: Error) => {
      // By chance the same was said before.
      if (!error.message.includes('contradicts')) throw error;
      return null;
    });
    if (made !== null) this.told.set(made.id, made.state === 'active' ? 'active' : 'proposed');
  }

  /** From now on the server is killed before its n-th change, counted from the first that speaks of `word`. */
  arm(n: number, word: string): void {
    for (const end of ['.count', '.killed']) rmSync(`${this.#arm}${end}`, { force: true });
    writeFileSync(this.#arm, `${n} ${word}`);
  }

  /** Lets nothing more be killed; the change before which the server was, or null. */
  disarm(): string | null {
    rmSync(this.#arm, { force: true });
    const killed = `${this.#arm}.killed`;
    return existsSync(killed) ? readFileSync(killed, 'utf8') : null;
  }

  /** Each statement is as people were told, or further where no answer came, and fits the audit log. */
  async look(when: string): Promise<void> {
    const all = await this.statements();
    const audit = await this.server.api.all<AuditEntry>('/api/v1/audit');
    this.halves.push(...strays(all, audit).map((one) => `${when}: ${one}`));
    const byId = new Map(all.map((one) => [one.id, one]));
    for (const [id, told] of this.told) {
      const state = byId.get(id)?.state;
      const fits =
        told === 'proposed'
          ? state !== undefined
          : told === 'active'
            ? state === 'active' || state === 'undone'
            : state === 'undone' || state === 'withdrawn';
      if (!fits) this.halves.push(`${when}: ${id} was told to be ${told} and is ${state}`);
    }
  }

  async received(device: string): Promise<Map<number, number>> {
    const [from = 0] = this.days;
    const rows = await this.server.api.all<{ at: string; values: { o3: number } }>(
      `/api/v1/readings?device=${device}&metric=o3&view=received&from=${iso(from)}&to=${iso(Date.now())}`,
    );
    return new Map(rows.map(({ at, values }) => [Date.parse(at), values.o3]));
  }

  /** What must be, by figure's owner and day. */
  async expected(): Promise<Map<string, number | null>> {
    const all = await this.statements();
    const found = new Map<string, number | null>();
    for (const device of DEVICES) {
      const received = await this.received(device);
      for (const day of this.days)
        found.set(`${device} ${day}`, hoursAbove(received, all, device, day));
    }
    for (const day of this.days) {
      const values = DEVICES.map((device) => found.get(`${device} ${day}`) ?? null);
      const there = values.filter((value) => value !== null);
      // Of few stations the half has to be there.
      const sum = there.length === 0 ? null : there.reduce((all, value) => all + value, 0);
      found.set(`${COUNTY} ${day}`, sum);
    }
    return found;
  }

  /** What is told, asked for one by one. */
  async answered(): Promise<Map<string, number | null>> {
    const found = new Map<string, number | null>();
    for (const day of this.days)
      for (const owner of [...DEVICES, COUNTY]) {
        const of = owner === COUNTY ? `area-${FIGURE}&area` : `${FIGURE}&device`;
        const { items } = await this.server.api.json<{ items: { value: number | null }[] }>(
          `/api/v1/figures?figure=${of}=${owner}&from=${iso(day)}&to=${iso(day + DAY)}`,
        );
        found.set(`${owner} ${day}`, items[0]?.value ?? null);
      }
    return found;
  }

  /** What is stored and what is still to be done, read beside the server. */
  async stored(): Promise<{ readonly values: Map<string, number | null>; readonly left: number }> {
    const count = async (table: string): Promise<number> =>
      Number((await this.#stores.rows(`select count(*) as n from ${table}`))[0]?.['n']);
    const rows = await this.#stores.rows(
      `select device, day, body from figure_day where figure in ('${FIGURE}', 'area-${FIGURE}')`,
    );
    const values = rows.map(({ device, day, body }) => {
      const [[value]] = JSON.parse(String(body)) as [[number | null]];
      const owner = String(device).replace('area:', '');
      return [`${owner} ${Number(day) * DAY - 8 * HOUR}`, value] as const;
    });
    const left = (await count('figure_mark')) + (await count('correction_step where noted = 0'));
    return { values: new Map(values), left };
  }
}

/** What differs of what must be. */
function differing(
  what: string,
  expected: ReadonlyMap<string, number | null>,
  found: ReadonlyMap<string, number | null>,
): string[] {
  return [...expected]
    .filter(([key, value]) => (found.get(key) ?? null) !== value)
    .map(([key, value]) => `${what} ${key}: ${found.get(key)}, not ${value}`);
}

/** Runs the command and gives what it printed, with its exit code. */
async function checkFigures(rig: Rig): Promise<string> {
  const command = new Process('check-figures', 'server/src/main.ts', ['serve', 'check-figures'], {
    VILLAGE_DATA: join(rig.folder, 'data'),
    VILLAGE_CONFIG: join(rig.folder, 'village.yaml'),
  });
  command.start();
  await until('the end of check-figures', () => !command.running, 120_000);
  const code = await command.end('SIGTERM');
  return `${command.output.trim().split('\n').at(-1)} (${code})`;
}

/** One kill: at a step of a deed, or of what follows on it. Returns before what. */
async function killOnce(rig: Rig, random: Random, log: FiguresKillOptions['log']): Promise<string> {
  const step = 1 + Math.floor(random() * STEPS);
  const word = WORDS[Math.floor(random() * WORDS.length)] as string;
  rig.arm(step, word);
  let alive = true;
  const dies = (): boolean => !rig.server.process.running;
  try {
    await rig.act(random);
  } catch (error) {
    // Whatever is refused while it dies is told by its state afterwards.
    if (
      !dies() &&
      !(await until('its end', dies, 5_000).then(
        () => true,
        () => false,
      ))
    )
      throw error;
  }
  // Until it dies there is always something to do.
  for (let n = 0; alive && n < 40; n++) {
    alive = await rig.send(random).catch(() => false);
    if (alive) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const killed = rig.disarm() ?? 'at once';
  await rig.server.process.end('SIGKILL');
  await rig.server.up();
  log(
    `killed at change ${step}${word === '' ? '' : ` from ${word}`}, before ${killed.slice(0, 60).replaceAll('\n', ' ')}`,
  );
  return killed;
}

const kindOf = (sql: string): 'statements' | 'figures' | 'other' =>
  sql.includes('correction_') ? 'statements' : sql.includes('figure_') ? 'figures' : 'other';

/** Runs the whole test in a temporary folder and says what it found. */
export async function figuresKillTest(options: FiguresKillOptions): Promise<FiguresKillResult> {
  const { rounds, seed, engines, log } = options;
  const folder = mkdtempSync(join(tmpdir(), 'village-kill-figures-'));
  const random = seededRandom(`figures ${seed}`);
  let stores: Stores | undefined;
  let rig: Rig | undefined;
  try {
    stores = await openStores(folder, engines);
    rig = await Rig.open(folder, stores);
    const killedIn = { statements: 0, figures: 0, other: 0 };
    for (let n = 0; n < rounds; n++) {
      for (let k = 0; k < 3; k++) {
        await rig.send(random);
        await rig.act(random);
      }
      killedIn[kindOf(await killOnce(rig, random, (line) => log(`${n + 1}/${rounds} ${line}`)))]++;
      await rig.look(`round ${n + 1}`);
      // Whatever was not worked off before: an answer is never an old one.
      const wrong = differing(`round ${n + 1} answer`, await rig.expected(), await rig.answered());
      if (wrong.length > 0) throw new Error(wrong.join('\n'));
    }
    return { ...(await verdict(rig)), kills: rounds, killedIn };
  } catch (error) {
    log(`server printed:\n${rig?.server.process.output ?? ''}`);
    throw error;
  } finally {
    await rig?.server.process.end('SIGKILL');
    await stores?.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verdict(rig: Rig): Promise<Omit<FiguresKillResult, 'kills' | 'killedIn'>> {
  const expected = await rig.expected();
  await until(
    'the jobs to be done',
    async () => {
      const { values, left } = await rig.stored();
      return left === 0 && differing('', expected, values).length === 0;
    },
    120_000,
  ).catch(() => undefined);
  const kept = new Set<string>();
  for (const device of DEVICES)
    for (const at of (await rig.received(device)).keys()) kept.add(`${device} ${iso(at)}`);
  const all = await rig.statements();
  const { values } = await rig.stored();
  const wrong = [
    ...differing('answer', expected, await rig.answered()),
    ...differing('stored', expected, values),
  ];
  const checks = [await checkFigures(rig)];
  await rig.server.process.end('SIGTERM');
  checks.push(await checkFigures(rig));
  return {
    acknowledged: rig.acknowledged.size,
    lost: [...rig.acknowledged].filter((one) => !kept.has(one)).length,
    statements: all.length,
    undone: all.filter(({ undone }) => undone !== null).length,
    halves: rig.halves,
    figures: values.size,
    wrong,
    checks,
    checksFailed: checks.filter((said) => !said.endsWith('to be computed: 0, differing: 0 (0)'))
      .length,
  };
}

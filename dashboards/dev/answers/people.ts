/** People, rights, tokens and the audit log of the fixture. */
import type * as api from '@village/api';
import { DAY, HOUR, MINUTE } from '@village/core';
import { areas, COUNTY, type FixtureArea } from '../county.ts';
import { Problem } from '../problem.ts';
import { iso } from './places.ts';

type Person = api.users.Person;
type Body = Record<string, unknown>;

export interface Answered {
  readonly status: number;
  readonly body: object;
}

const NAMES = ['李梅', '王建国', '沈丽华', '陆志强', '钱小芳', '许国平', '费根荣', '潘春燕'];
const ROLES = ['admin', 'officer', 'clerk', 'clerk'] as const;

const RIGHTS: readonly api.rights.ModuleRights[] = [
  {
    module: 'people',
    title: { zh: '用户与审计', en: 'People and audit' },
    rights: [
      {
        right: 'users.manage',
        title: { zh: '管理用户', en: 'Manage users' },
        roles: ['admin'],
        top: false,
      },
      {
        right: 'audit.read',
        title: { zh: '查看审计日志', en: 'See the audit log' },
        roles: ['admin'],
        top: true,
      },
    ],
  },
  {
    module: 'readings',
    title: { zh: '读数', en: 'Readings' },
    rights: [
      {
        right: 'readings.read',
        title: { zh: '查看读数', en: 'See readings' },
        roles: ['clerk', 'officer', 'admin'],
        top: false,
      },
      {
        right: 'readings.write',
        title: { zh: '写入读数', en: 'Post readings' },
        roles: ['officer', 'admin'],
        top: false,
      },
    ],
  },
];

const placeOf = (code: string): FixtureArea => {
  const area = areas.find((one) => one.code === code);
  if (area === undefined) throw new Problem(404, 'not-found');
  return area;
};

/** Keeps what pages change, and refuses what the server refuses. */
export class FixturePeople {
  readonly #now: number;
  readonly #people = new Map<string, Person>();
  #tokens: api.tokens.Token[];
  #made = 0;

  constructor(user: api.users.User, now: number, many: boolean) {
    this.#now = now;
    const plain = { revision: 1, lockedAt: null, lockedOutUntil: null, passwordToChange: false };
    this.#people.set(user.name, { ...user, ...plain, lastSignInAt: iso(now) });
    const townships = areas.filter(({ parent }) => parent === COUNTY);
    for (const [n, displayName] of (many ? NAMES : []).entries()) {
      const { code, name } = townships[n % townships.length] as FixtureArea;
      this.#people.set(`user-${n}`, {
        ...{ name: `user-${n}`, displayName, role: ROLES[n % 4] as Person['role'] },
        ...{ area: { code, name }, ...plain },
        lastSignInAt: n === 5 ? null : iso(now - n * 7 * HOUR),
        lockedAt: n === 2 ? iso(now - DAY) : null,
        lockedOutUntil: n === 3 ? iso(now + 8 * MINUTE) : null,
        passwordToChange: n === 5,
      });
    }
    this.#tokens = (many ? ['县气象局数据接入', '大屏展示', '环保平台对接'] : []).map(
      (name, n) => ({
        ...{ id: `token-${n}`, name, role: ROLES[2 - n] ?? 'clerk', area: COUNTY },
        areaName: placeOf(COUNTY).name,
        ...{ createdAt: iso(now - (n + 1) * 30 * DAY), createdBy: user.name },
        expiresAt: n === 1 ? null : iso(now + n * 100 * DAY + DAY),
        lastUsedAt: n === 2 ? null : iso(now - n * DAY - MINUTE),
        suspended: n === 0,
      }),
    );
  }

  /** The answer to a call of these resources; null for all others. @throws Problem */
  answer(method: string, path: string, query: URLSearchParams, body: Body): Answered | null {
    const [resource, id = ''] = path.split('/').slice(1).map(decodeURIComponent);
    if (resource === 'users' && method === 'GET') return this.#list(query);
    if (resource === 'users' && method === 'PUT') return this.#save(id, body);
    if (resource === 'users') return this.#remove(id, query);
    if (resource === 'rights') return { status: 200, body: { items: RIGHTS } };
    if (resource === 'tokens' && method === 'GET') return this.#listTokens(query);
    if (resource === 'tokens' && method === 'POST') return this.#makeToken(body);
    if (resource === 'tokens') {
      this.#tokens = this.#tokens.filter((one) => one.id !== id);
      return { status: 204, body: {} };
    }
    if (resource === 'audit') return this.#audit(query);
    return null;
  }

  /** Another administrator changes somebody. */
  change(name: string, change: Partial<Person>): void {
    const before = this.#people.get(name);
    if (before === undefined) throw new Error(`BUG: nobody is called ${name}`);
    this.#people.set(name, { ...before, ...change, revision: before.revision + 1 });
  }

  #list(query: URLSearchParams): Answered {
    const q = query.get('q') ?? '';
    const area = query.get('area') ?? COUNTY;
    const items = [...this.#people.values()].filter(
      (one) =>
        (one.name.includes(q) || one.displayName.includes(q)) &&
        (query.get('role') ?? one.role) === one.role &&
        (area === COUNTY || one.area.code === area) &&
        (query.get('state') ?? 'any') !==
          ((one.lockedAt ?? one.lockedOutUntil) === null ? 'locked' : 'open'),
    );
    return { status: 200, body: { items, next: null } };
  }

  #keepOne(person: Person): void {
    const others = [...this.#people.values()].filter(
      (one) => one.role === 'admin' && one.area.code === COUNTY && one.name !== person.name,
    );
    const manages = person.role === 'admin' && person.area.code === COUNTY;
    if (manages && others.length === 0) throw new Problem(409, 'last-administrator');
  }

  #save(name: string, body: Body): Answered {
    const before = this.#people.get(name);
    if (body['revision'] !== undefined && body['revision'] !== (before?.revision ?? 0))
      throw new Problem(409, 'changed-meanwhile');
    const { code, name: areaName } = placeOf(String(body['area']));
    const role = body['role'] as Person['role'];
    if (before !== undefined && (role !== 'admin' || code !== COUNTY)) this.#keepOne(before);
    const locked = body['locked'];
    const user: Person = {
      ...{ name, displayName: String(body['displayName']), role, area: { code, name: areaName } },
      revision: (before?.revision ?? 0) + 1,
      lastSignInAt: before?.lastSignInAt ?? null,
      lockedAt:
        locked === undefined ? (before?.lockedAt ?? null) : locked === true ? iso(this.#now) : null,
      lockedOutUntil: locked === false ? null : (before?.lockedOutUntil ?? null),
      passwordToChange: body['passwordToChange'] === true || (before?.passwordToChange ?? false),
    };
    this.#people.set(name, user);
    return { status: 200, body: { user } };
  }

  #remove(name: string, query: URLSearchParams): Answered {
    const person = this.#people.get(name);
    if (person === undefined) throw new Problem(404, 'not-found');
    if (Number(query.get('revision') ?? person.revision) !== person.revision)
      throw new Problem(409, 'changed-meanwhile');
    this.#keepOne(person);
    this.#people.delete(name);
    return { status: 204, body: {} };
  }

  /** The newest first. */
  #listTokens(query: URLSearchParams): Answered {
    const wanted = (query.get('q') ?? '').toLowerCase();
    const all = this.#tokens
      .filter(({ id, name, createdBy }) =>
        [id, name, createdBy].some((text) => text.toLowerCase().includes(wanted)),
      )
      .toSorted((a, b) => b.createdAt.localeCompare(a.createdAt) || b.id.localeCompare(a.id));
    const from = Number(query.get('cursor') ?? 0);
    const to = from + Number(query.get('limit') ?? 1000);
    const next = to < all.length ? String(to) : null;
    return { status: 200, body: { items: all.slice(from, to), next } };
  }

  #makeToken(body: Body): Answered {
    const area = placeOf(String(body['area'] ?? COUNTY));
    const until = body['expiresAt'];
    const token: api.tokens.Token = {
      ...{ id: `made-${++this.#made}`, name: String(body['name']) },
      ...{ role: body['role'] as Person['role'], area: area.code, areaName: area.name },
      ...{ createdAt: iso(this.#now), createdBy: 'admin', lastUsedAt: null },
      expiresAt: typeof until === 'string' ? until : null,
      suspended: false,
    };
    this.#tokens = [...this.#tokens, token];
    return { status: 201, body: { ...token, token: 'fixture-token-0123456789abcdef0123456789' } };
  }

  #audit(query: URLSearchParams): Answered {
    const actions = ['sign-in', 'save-user', 'import-devices', 'export', 'propose-correction'];
    const all = Array.from({ length: 250 }, (_, n): api.audit.AuditRow => {
      const action = actions[n % actions.length] as string;
      const refused = n % 20 === 5;
      return {
        ...{ id: 250 - n, at: iso(this.#now - n * 47 * MINUTE), actor: n % 3 ? 'user-1' : 'admin' },
        ...{ address: `10.0.${n % 4}.17`, action, outcome: refused ? 'refused' : 'done' },
        target: action === 'save-user' ? 'user-3' : '',
        detail: refused
          ? { reason: 'password' }
          : action === 'import-devices'
            ? { created: 3, updated: 12 }
            : {},
      };
    });
    const q = query.get('q') ?? '';
    const found = all.filter(
      (row) =>
        (query.get('action') ?? row.action) === row.action &&
        (query.get('outcome') ?? row.outcome) === row.outcome &&
        JSON.stringify(row).includes(q) &&
        row.at >= (query.get('from') ?? '') &&
        row.at < (query.get('to') ?? '9'),
    );
    const start = Number(query.get('cursor') ?? 0);
    const end = start + Number(query.get('limit') ?? 100);
    return {
      status: 200,
      body: { items: found.slice(start, end), next: end < found.length ? String(end) : null },
    };
  }
}

/** Who may call what: what the interface promised when roles were a rank of three words, call by call. */
import { endpoints } from '@village/api';
import { ROLES, type Role } from '@village/core';
import { RightsTable } from '@village/platform';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { modules } from '../modules/index.ts';
import { COUNTY, NORTH, startCounty, type TestServer } from '../testing.ts';

/** The least that a caller had to be. */
type Access = 'public' | 'clerk' | 'officer' | 'admin' | 'county-admin';

/** As the routes declared it, before rights had names. */
const PROMISED: Readonly<Record<string, Access>> = {
  'POST /session': 'public',
  'GET /session': 'clerk',
  'DELETE /session': 'clerk',
  'PUT /session/password': 'clerk',
  'GET /areas': 'clerk',
  'GET /areas/{code}': 'clerk',
  'POST /areas/import': 'admin',
  'GET /profiles': 'clerk',
  'GET /devices': 'clerk',
  'GET /devices/{id}': 'clerk',
  'GET /devices/{id}/latest': 'clerk',
  'POST /devices/import': 'admin',
  'POST /readings': 'officer',
  'GET /readings': 'clerk',
  'GET /aggregates': 'clerk',
  'GET /completeness': 'clerk',
  'GET /events': 'clerk',
  'GET /quarantine': 'officer',
  'POST /quarantine/rerun': 'officer',
  'GET /export': 'clerk',
  'GET /frames': 'clerk',
  'GET /overview': 'clerk',
  'GET /live': 'clerk',
  'GET /system': 'county-admin',
  'POST /system/backup': 'county-admin',
  'GET /openapi.json': 'public',
  'GET /healthz': 'public',
  'GET /metrics': 'public',
  'GET /users': 'admin',
  'PUT /users/{name}': 'admin',
  'DELETE /users/{name}': 'admin',
  'GET /tokens': 'admin',
  'POST /tokens': 'admin',
  'DELETE /tokens/{id}': 'admin',
  'GET /audit': 'county-admin',
};

/** Calls that came later, with what they need. */
const SINCE: Readonly<Record<string, Access>> = {
  'GET /jobs': 'county-admin',
  'GET /rights': 'admin',
  'GET /system/backups': 'county-admin',
  'GET /system/configuration': 'county-admin',
  'GET /export/estimate': 'clerk',
  'GET /exports': 'clerk',
  'POST /exports': 'clerk',
  'GET /audit/file': 'county-admin',
  'GET /exports/{id}': 'clerk',
  'DELETE /exports/{id}': 'clerk',
  'GET /exports/{id}/file': 'clerk',
  'GET /quarantine/{id}': 'officer',
  'GET /gateways/{id}/dependents': 'admin',
  'POST /gateways/{id}/retire': 'admin',
  'POST /gateways/{id}/reinstate': 'admin',
  'POST /devices/{id}/reinstate': 'admin',
  'GET /areas/{code}/dependents': 'admin',
  'POST /areas/{code}/retire': 'admin',
  'POST /areas/{code}/reinstate': 'admin',
  'GET /client-ids': 'clerk',
  'GET /client-ids/{id}': 'clerk',
  'DELETE /client-ids/{id}': 'admin',
  'GET /alerts': 'clerk',
  'GET /alerts/{id}': 'clerk',
  'POST /alerts/{id}/acknowledge': 'clerk',
  'POST /alerts/{id}/comment': 'clerk',
  'POST /alerts/{id}/assign': 'officer',
  'POST /alerts/{id}/shelve': 'officer',
  'POST /alerts/{id}/verdict': 'officer',
  'GET /corrections': 'clerk',
  'POST /corrections': 'officer',
  'POST /corrections/preview': 'officer',
  'POST /corrections/{id}/approve': 'officer',
  'POST /corrections/{id}/undo': 'officer',
  'GET /figures': 'clerk',
  'GET /figures/explain': 'clerk',
  'GET /figures/of': 'clerk',
  'GET /areas/geometry': 'clerk',
  'POST /areas/geometry': 'admin',
  'DELETE /areas/geometry': 'admin',
  'GET /map/devices': 'clerk',
  'GET /areas/{code}/properties': 'clerk',
  'PUT /areas/{code}/properties': 'admin',
  'GET /devices/{id}/history': 'clerk',
  'GET /devices/{id}/properties': 'clerk',
  'PUT /devices/{id}/properties': 'admin',
  'POST /devices/{id}/replace': 'admin',
  'POST /devices/{id}/retire': 'admin',
  'PUT /devices/{id}/clock': 'admin',
  'GET /profiles/forms': 'clerk',
  'POST /profiles/check': 'admin',
  'POST /profiles/try': 'admin',
  'POST /profiles': 'county-admin',
  'GET /profiles/waiting': 'county-admin',
  'DELETE /profiles/waiting/{vendor}/{model}': 'county-admin',
  'GET /profiles/sources': 'county-admin',
  'GET /profiles/files/{vendor}/{model}': 'admin',
  'GET /profiles/own/{vendor}/{model}': 'county-admin',
  'DELETE /profiles/own/{vendor}/{model}': 'county-admin',
  'POST /devices': 'admin',
  'PUT /devices/{id}': 'admin',
  'GET /devices/{id}/registration': 'admin',
  'POST /devices/{id}/secret': 'admin',
  'GET /gateways': 'clerk',
  'POST /gateways': 'admin',
  'PUT /gateways/{id}': 'admin',
  'GET /gateways/{id}/registration': 'admin',
  'POST /gateways/{id}/secret': 'admin',
  'POST /areas': 'admin',
  'PUT /areas/{code}': 'admin',
  'GET /areas/{code}/registration': 'admin',
};

const access: Readonly<Record<string, Access>> = { ...PROMISED, ...SINCE };

function may(need: Access, role: Role, top: boolean): boolean {
  if (need === 'public') return true;
  if (need === 'county-admin') return role === 'admin' && top;
  const rank: readonly Role[] = ['clerk', 'officer', 'admin'];
  return rank.indexOf(role) >= rank.indexOf(need);
}

const callers = ROLES.flatMap((role) => [
  { role, area: COUNTY },
  { role, area: NORTH },
]);

describe('rights', () => {
  it('are named for every call', () => {
    expect(endpoints.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(
      Object.keys(access).sort(),
    );
  });

  it.each(callers)('of a $role in $area are what they were', ({ role, area }) => {
    const table = new RightsTable(modules);
    const wrong = endpoints
      .map((one) => [`${one.method} ${one.path}`, one] as const)
      .filter(
        ([name, one]) =>
          table.allows(one, role, area === COUNTY) !== may(access[name]!, role, area === COUNTY),
      );
    expect(wrong.map(([name]) => name)).toEqual([]);
  });

  it('are all used, so that none is granted for nothing', () => {
    const used = new Set<string>(endpoints.map(({ right }) => right));
    expect(new RightsTable(modules).words.filter((word) => !used.has(word))).toEqual([]);
  });
});

describe('the running server', () => {
  let test: TestServer;
  const tokens = new Map<string, string>();
  beforeAll(async () => {
    test = await startCounty();
    const admin = await test.client('admin');
    for (const { role, area } of callers) {
      const made = await admin.ask('POST', '/tokens', { name: 'x', role, area });
      tokens.set(`${role} ${area}`, made.json<{ token: string }>().token);
    }
  }, 60_000);
  afterAll(() => test.close());

  const statusOf = async (name: string, token: string | undefined): Promise<number> => {
    const [method, path = ''] = name.split(' ');
    const outside = ['/healthz', '/metrics'].includes(path);
    // An area that nobody has, so that what is allowed ends in a refusal of another kind and lasts no longer.
    const url = `${outside ? '' : '/api/v1'}${path.replaceAll(/\{\w+\}/g, 'none')}?area=999999999999`;
    const { statusCode } = await test.server.http.inject({
      method: method as 'GET',
      url,
      ...(token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } }),
    });
    return statusCode;
  };

  it.each(Object.entries(access))('asks for %s: %s', async (name, need) => {
    const nobody = await statusOf(name, undefined);
    expect(nobody === 401 && name !== 'POST /session').toBe(need !== 'public');
    for (const { role, area } of callers) {
      const status = await statusOf(name, tokens.get(`${role} ${area}`));
      const refused = status === 403 && name !== 'PUT /session/password';
      expect([role, area, refused]).toEqual([role, area, !may(need, role, area === COUNTY)]);
    }
  });
});

/** Answers of the stand-in about client ids that credentials are bound to. */
import type * as api from '@village/api';
import type { FixtureDevice } from '../county.ts';
import { Problem } from '../problem.ts';
import { clientIdOf } from './devices.ts';

type Gateway = Pick<api.registration.Gateway, 'id' | 'name' | 'area'>;
type Binding = api.clientIds.Binding;
const REFUSED = 'client-id-bound';

export class FixtureClientIds {
  readonly #devices: readonly FixtureDevice[];
  readonly #gateways: readonly Gateway[];
  readonly #now: number;
  /** Whose binding a page has released. */
  readonly released = new Set<string>();

  constructor(devices: readonly FixtureDevice[], gateways: readonly Gateway[], now: number) {
    this.#devices = devices;
    this.#gateways = gateways;
    this.#now = now;
  }

  #bindings(): Binding[] {
    const boundAt = new Date(this.#now).toISOString();
    const ofGateways = this.#gateways
      .filter(({ id }) => id === 'gateway-01' && !this.released.has(id))
      .map(({ id, name, area }) => ({
        ...{ id, kind: 'gateway' as const, name, area, clientId: '', boundAt, refused: 0 },
      }));
    const ofDevices = this.#devices.flatMap((device) => {
      const { clientId, refusals = [] } = clientIdOf(device, this.released);
      const { id, name, area } = device;
      if (clientId === undefined) return [];
      return {
        ...{ id, kind: 'device' as const, name, area: { code: area.code, name: area.name } },
        ...{ ...clientId, refused: refusals.reduce((sum, { count }) => sum + count, 0) },
      };
    });
    return [...ofGateways, ...ofDevices].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  list(query: URLSearchParams): api.clientIds.BindingPage {
    const q = query.get('q')?.toLowerCase() ?? '';
    const found = this.#bindings().filter(({ id, name, clientId }) =>
      [id, name, clientId].some((text) => text.toLowerCase().includes(q)),
    );
    const start = Number(query.get('cursor') ?? 0);
    const limit = Number(query.get('limit') ?? 1000);
    return {
      items: found.slice(start, start + limit),
      next: start + limit < found.length ? String(start + limit) : null,
      // An empty county takes any client id.
      ...{ total: found.length, binds: this.#devices.length > 0 },
    };
  }

  one(id: string): api.clientIds.ClientId {
    const known = [...this.#devices, ...this.#gateways].some((one) => one.id === id);
    if (!known) throw new Problem(404, 'not-found');
    const binding = this.#bindings().find((one) => one.id === id);
    if (binding === undefined) return { isBound: false, clientId: null, boundAt: null };
    const device = this.#devices.find((one) => one.id === id);
    const { refusals = [] } = device === undefined ? {} : clientIdOf(device, this.released);
    const others = refusals.filter(({ cause }) => cause === REFUSED);
    return {
      ...{ isBound: true, clientId: binding.clientId, boundAt: binding.boundAt },
      ...(others.length === 0 ? {} : { refusals: others }),
    };
  }
}

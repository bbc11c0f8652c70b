/** Credentials that are bound to a client id, as a caller of an area finds them, and who was refused with another one. */
import type { clientIds as api } from '@village/api';
import { formatTime } from '@village/core';
import { type Caller, pageByKey } from '@village/platform';
import { areaRefOf } from '@village/registry';
import type { Static } from 'typebox';
import { viewRefusal } from '../../http/views.ts';
import type { Needs } from '../needs.ts';

type Sources = Pick<Needs, 'clientIds' | 'directory' | 'pipeline'>;
type Kind = api.Binding['kind'];

const refusalsOf = ({ pipeline }: Sources, kind: Kind, id: string) =>
  pipeline.notTaken({ kind, id }).filter(({ cause }) => cause === 'client-id-bound');

/** Newest first; nothing where nobody was refused. */
export function viewRefusals(
  sources: Sources,
  kind: Kind,
  id: string,
): Pick<api.ClientId, 'refusals'> {
  const refusals = refusalsOf(sources, kind, id)
    .map(viewRefusal)
    .sort((one, other) => other.lastAt.localeCompare(one.lastAt));
  return refusals.length === 0 ? {} : { refusals };
}

/** One page of those that the caller sees and the query wants. */
export function listBindings(
  sources: Sources,
  caller: Caller,
  query: Static<typeof api.list.query>,
): api.BindingPage {
  const { clientIds, directory } = sources;
  if (clientIds === null) return { items: [], next: null, total: 0, binds: false };
  const needle = query.q?.toLowerCase() ?? '';
  const found: Omit<api.Binding, 'refused'>[] = [];
  for (const { holder: id, clientId, boundAt } of clientIds.all()) {
    const entry = directory.entry(caller.area, id);
    const gateway = entry === undefined ? directory.gateway(caller.area, id) : undefined;
    const node = entry?.node ?? gateway?.node;
    const name = entry?.device.name ?? gateway?.name;
    if (node === undefined || name === undefined) continue;
    if (![id, name, clientId].some((text) => text.toLowerCase().includes(needle))) continue;
    found.push({
      ...{ id, kind: gateway === undefined ? 'device' : 'gateway', name, area: areaRefOf(node) },
      ...{ clientId, boundAt: formatTime(boundAt) },
    });
  }
  const { items, next } = pageByKey(found, ({ id }) => id, query);
  const refused = (one: (typeof items)[number]): number =>
    refusalsOf(sources, one.kind, one.id).reduce((sum, { count }) => sum + count, 0);
  return {
    items: items.map((one) => ({ ...one, refused: refused(one) })),
    ...{ next, total: found.length, binds: true },
  };
}

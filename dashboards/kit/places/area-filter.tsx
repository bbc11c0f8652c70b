/** A filter of the address by area: what lies right below the reader's own, townships of a county or villages of a township. */
import type { Area } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { useLoad } from '../load.ts';
import { query } from '../router.ts';
import { client, user } from '../state.ts';
import { say } from '../text/language.ts';
import { Filter } from '../ui/search.tsx';
import { useAreasBelow } from './areas.ts';

/** These, and the one that a link has chosen if it is none of them. */
function useAreas(): readonly Area[] {
  const own = user.value?.area.code ?? null;
  const chosen = query.value.get('area');
  const below = useAreasBelow(own);
  const known = below?.some(({ code }) => code === chosen) ?? true;
  const other = useLoad<Area>(
    chosen === null || known || chosen === own ? null : `area ${chosen}`,
    (signal) => client.call(calls.area, { params: { code: chosen ?? '' }, signal }),
  );
  const more = !known && other.data?.code === chosen ? [other.data] : [];
  return [...(below ?? []), ...more];
}

export function AreaFilter({ label, any }: { label: string; any: string }) {
  const areas = useAreas();
  return (
    <Filter
      name="area"
      label={label}
      any={any}
      options={areas.map(({ code, name }) => [code, say(name)])}
    />
  );
}

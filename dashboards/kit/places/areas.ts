/** Areas to choose from: all that the reader sees, those right below one, and those that fit what was typed. */
import type { Area } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { allPages, useLoad } from '../load.ts';
import { client } from '../state.ts';

const PAGE = 1_000;
const PAGES_MAX = 10;

/** Every area in service that the reader sees, or also those retired; parents before what lies in them. */
export function useAllAreas(state: 'in-service' | 'all' = 'in-service') {
  return useLoad<Area[]>(`all areas ${state}`, async (signal) => {
    const { items } = await allPages(
      (cursor) => client.call(calls.areas, { query: { state, limit: PAGE, cursor }, signal }),
      PAGES_MAX,
    );
    const places = new Map(items.map((one) => [one, one.path.map(({ code }) => code).join('/')]));
    const place = (area: Area): string => places.get(area) ?? '';
    return items.sort((a, b) => (place(a) < place(b) ? -1 : 1));
  });
}

/** What lies right below an area; `undefined` while that is not known. */
export function useAreasBelow(code: string | null): readonly Area[] | undefined {
  const load = useLoad(code === null ? null : `areas below ${code}`, async (signal) => {
    const query = { parent: code ?? '', limit: PAGE };
    return { code, items: (await client.call(calls.areas, { query, signal })).items };
  });
  return load.data?.code === code ? load.data.items : undefined;
}

type Named = Pick<Area, 'code' | 'name'>;

/** Whether an area is found by what was typed: a part of its names, or the begin of its code. */
export const fits = ({ code, name }: Named, typed: string): boolean =>
  name.zh.includes(typed) ||
  name.en.toLowerCase().includes(typed.toLowerCase()) ||
  code.startsWith(typed);

/**
 * Those of whose line down from the county each word fits something, at most `most`: those that a word fits themselves come
 * first, then what lies in them. Of nothing typed the upper levels, as many as fit as a whole, or else what stands first.
 */
export function findAreas(
  areas: readonly Area[],
  typed: string,
  most: number,
): { readonly shown: readonly Area[]; readonly left: number } {
  const words = typed.split(/\s+/).filter((word) => word !== '');
  if (words.length > 0) {
    const found = areas.filter((area) =>
      words.every((word) => fits(area, word) || area.path.some((above) => fits(above, word))),
    );
    const own = (area: Area): boolean => words.some((word) => fits(area, word));
    const shown = [...found.filter(own), ...found.filter((area) => !own(area))].slice(0, most);
    return { shown, left: found.length - shown.length };
  }
  const top = areas[0]?.path.length ?? 0;
  let shown: readonly Area[] = areas.slice(0, most);
  for (let depth = top + 1; areas.length > most; depth++) {
    const upper = areas.filter(({ path }) => path.length <= depth);
    if (upper.length > most) break;
    shown = upper;
  }
  return { shown, left: areas.length - shown.length };
}

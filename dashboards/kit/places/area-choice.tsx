/** Choosing an area: a tree of counties, townships and villages, and a field that finds one by its name. */
import { useId, useMemo, useState } from 'preact/hooks';
import type { Area } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { allPages, useLoad } from '../load.ts';
import { client } from '../state.ts';
import { say } from '../text/language.ts';
import { Failure } from '../ui/notices.tsx';
import { t } from './texts.ts';
import './places.css';

const PAGES_MAX = 10;
const SHOWN_MAX = 200;

/** Every area that the reader sees, parents before what lies in them. */
export function useAllAreas(turn = 0) {
  return useLoad<Area[]>(`all areas ${turn}`, async (signal) => {
    const { items } = await allPages(
      (cursor) => client.call(calls.areas, { query: { limit: 1000, cursor }, signal }),
      PAGES_MAX,
    );
    const place = ({ path }: Area): string => path.map(({ code }) => code).join('/');
    return items.sort((a, b) => (place(a) < place(b) ? -1 : 1));
  });
}

/** Whether an area is found by what was typed: a part of its names, or the begin of its code. */
export const fits = (area: Area, typed: string): boolean =>
  area.name.zh.includes(typed) ||
  area.name.en.toLowerCase().includes(typed.toLowerCase()) ||
  area.code.startsWith(typed);

export function AreaChoice({
  name,
  label,
  chosen,
  choose,
}: {
  name: string;
  label: string;
  chosen: string;
  choose: (code: string) => void;
}) {
  const id = useId();
  const areas = useAllAreas();
  const [typed, setTyped] = useState('');
  const found = useMemo(
    () => (areas.data ?? []).filter((area) => typed === '' || fits(area, typed.trim())),
    [areas.data, typed],
  );
  if (areas.data === undefined && areas.error !== undefined)
    return <Failure error={areas.error} retry={areas.reload} />;
  const shown = found.slice(0, SHOWN_MAX);
  const kept = areas.data?.find(({ code }) => code === chosen);
  if (kept !== undefined && !shown.includes(kept)) shown.unshift(kept);
  const top = areas.data?.[0]?.path.length ?? 1;
  return (
    <fieldset class="area-choice">
      <legend>{label}</legend>
      <label class="hidden" for={id}>
        {t('search')}
      </label>
      <input
        id={id}
        type="search"
        placeholder={t('search')}
        value={typed}
        maxLength={100}
        autoComplete="off"
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      <div class="area-list" role="radiogroup" aria-label={t('list')}>
        {shown.map((area) => (
          <label
            key={area.code}
            style={{ paddingInlineStart: `${8 + indent(area, top, typed)}px` }}
          >
            <input
              type="radio"
              required
              name={name}
              value={area.code}
              checked={area.code === chosen}
              onChange={() => choose(area.code)}
            />
            <span>
              {say(area.name)}
              {typed !== '' && area.path.length > 1 && (
                <span class="muted small">
                  {' '}
                  {area.path
                    .slice(0, -1)
                    .map((one) => say(one.name))
                    .join(' › ')}
                </span>
              )}
            </span>
          </label>
        ))}
        {areas.data !== undefined && found.length === 0 && <p class="muted small">{t('none')}</p>}
        {found.length > SHOWN_MAX && (
          <p class="muted small">{t('more', { n: found.length - SHOWN_MAX })}</p>
        )}
      </div>
    </fieldset>
  );
}

const indent = (area: Area, top: number, typed: string): number =>
  typed === '' ? 20 * Math.max(0, area.path.length - top) : 0;

/** Choosing an area: a list from the reader's own down, and a field that finds any by its name, its code or where it lies. */
import type { TargetedKeyboardEvent } from 'preact';
import { useId, useMemo, useRef, useState } from 'preact/hooks';
import type { Area } from '../api/answers.ts';
import { say } from '../text/language.ts';
import { Failure } from '../ui/notices.tsx';
import { findAreas, useAllAreas } from './areas.ts';
import { t } from './texts.ts';
import './places.css';

/** So many stand in the list at once, however many there are. */
const SHOWN_MAX = 100;
const LEVEL_PX = 20;

function Choice({
  name,
  area,
  chosen,
  choose,
  indent,
}: {
  name: string;
  area: Area;
  chosen: boolean;
  choose: (code: string) => void;
  /** Levels below the top; null where it stands alone and says what it lies in. */
  indent: number | null;
}) {
  return (
    <label style={{ paddingInlineStart: `${8 + LEVEL_PX * (indent ?? 0)}px` }}>
      <input
        type="radio"
        required
        name={name}
        value={area.code}
        checked={chosen}
        onChange={() => choose(area.code)}
      />
      <span>
        {say(area.name)}
        {indent === null && area.path.length > 1 && (
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
  );
}

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
  const list = useRef<HTMLDivElement>(null);
  const areas = useAllAreas();
  const [typed, setTyped] = useState('');
  const { shown, left } = useMemo(
    () => findAreas(areas.data ?? [], typed, SHOWN_MAX),
    [areas.data, typed],
  );
  if (areas.data === undefined && areas.error !== undefined)
    return <Failure error={areas.error} retry={areas.reload} />;
  const searching = typed.trim() !== '';
  const kept = areas.data?.find(({ code }) => code === chosen);
  const apart = kept !== undefined && !shown.includes(kept) ? kept : null;
  const top = areas.data?.[0]?.path.length ?? 1;
  function onKeyDown(event: TargetedKeyboardEvent<HTMLInputElement>): void {
    if (event.key !== 'Enter' && event.key !== 'ArrowDown') return;
    // Both take the first that was found, and the arrow goes to it; Enter does not send the form around.
    if (event.isComposing) return;
    event.preventDefault();
    const first = searching ? shown[0]?.code : undefined;
    if (first !== undefined) choose(first);
    if (event.key === 'Enter') return;
    const place = first === undefined ? ':checked' : `[value="${first}"]`;
    const radio = list.current?.querySelector<HTMLInputElement>(`input${place}`);
    (radio ?? list.current?.querySelector('input'))?.focus();
  }
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
        onKeyDown={onKeyDown}
      />
      <div ref={list} class="area-list" role="radiogroup" aria-label={label}>
        {apart !== null && (
          <Choice key={apart.code} name={name} area={apart} chosen choose={choose} indent={null} />
        )}
        {shown.map((area) => (
          <Choice
            key={area.code}
            name={name}
            area={area}
            chosen={area.code === chosen}
            choose={choose}
            indent={searching ? null : Math.max(0, area.path.length - top)}
          />
        ))}
      </div>
      <p class="muted small" role="status">
        {areas.data !== undefined && shown.length === 0
          ? t('none')
          : left > 0
            ? t('more', { n: left })
            : ''}
      </p>
    </fieldset>
  );
}

/** Choosing an area: from the reader's own area down, one level after the other. */
import { useState } from 'preact/hooks';
import type { Area, AreaRef } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { useLoad } from '../load.ts';
import { client, user } from '../state.ts';
import { say } from '../text/language.ts';
import { explain } from '../ui/notices.tsx';
import { t } from './texts.ts';
import './picker.css';

const AREAS_MAX = 1_000;

/** What lies right below an area. */
export function useAreasBelow(code: string | null): {
  readonly items: readonly Area[];
  readonly failed: string | null;
} {
  const load = useLoad(code === null ? null : `areas below ${code}`, async (signal) => {
    const query = { parent: code ?? '', limit: AREAS_MAX };
    return { code, items: (await client.call(calls.areas, { query, signal })).items };
  });
  const { data, error } = load;
  return {
    items: data?.code === code ? data.items : [],
    failed: error === undefined ? null : explain(error),
  };
}

function Level({
  above,
  chosen,
  choose,
}: {
  above: AreaRef;
  chosen: string;
  choose: (area: AreaRef) => void;
}) {
  const { items, failed } = useAreasBelow(above.code);
  if (failed !== null) return <span role="alert">{failed}</span>;
  if (items.length === 0) return null;
  return (
    <select
      aria-label={t('area-below', { name: say(above.name) })}
      value={chosen}
      onChange={(event) => {
        const { value } = event.currentTarget;
        choose(items.find(({ code }) => code === value) ?? above);
      }}
    >
      <option value="">{t('area-whole', { name: say(above.name) })}</option>
      {items.map(({ code, name }) => (
        <option key={code} value={code}>
          {say(name)}
        </option>
      ))}
    </select>
  );
}

/** The line from below the reader's own area to the one chosen; `undefined` while it is not known. */
function useLine(start: string): readonly AreaRef[] | undefined {
  const own = user.value?.area.code ?? '';
  const load = useLoad(start === own ? null : `area ${start}`, (signal) =>
    client.call(calls.area, { params: { code: start }, signal }),
  );
  if (start === own || load.error !== undefined) return [];
  const path = load.data?.path;
  return path?.slice(path.findIndex(({ code }) => code === own) + 1);
}

function Chooser({
  line: first,
  changed,
}: {
  line: readonly AreaRef[];
  changed: (code: string) => void;
}) {
  const own = user.value?.area;
  const [line, setLine] = useState(first);
  if (own === undefined) return null;
  return (
    <>
      {[own, ...line].map((above, level) => (
        <Level
          key={above.code}
          above={above}
          chosen={line[level]?.code ?? ''}
          choose={(area) => {
            setLine(
              area.code === above.code ? line.slice(0, level) : [...line.slice(0, level), area],
            );
            changed(area.code);
          }}
        />
      ))}
    </>
  );
}

/** Selects of townships and, below the one chosen, of villages. */
export function AreaPicker({
  start,
  changed,
}: {
  /** Code of the area that is chosen at first. */
  start: string;
  changed: (code: string) => void;
}) {
  const line = useLine(start);
  return (
    <fieldset class="dialog-fields area-picker">
      <legend>{t('area-of')}</legend>
      {line !== undefined && <Chooser key={start} line={line} changed={changed} />}
    </fieldset>
  );
}

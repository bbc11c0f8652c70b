/** A field that searches a list: what is typed goes into the address after a pause. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, query, withQuery } from '../router.ts';
import { narrow } from '../state.ts';
import { Icon } from './icon.tsx';
import './search.css';

const TYPING_PAUSE_MS = 250;

export function SearchField({
  label,
  jump,
}: {
  label: string;
  /** Where the key `/` puts the cursor: the field's id, and what the key does. */
  jump?: { readonly id: string; readonly title: string };
}) {
  const given = query.value.get('q') ?? '';
  const [typed, setTyped] = useState(given);
  const sent = useRef(given);
  useEffect(() => {
    // The address changed by other means (back, clear filters): the field follows.
    if (given !== sent.current) setTyped(given);
    sent.current = given;
  }, [given]);
  useEffect(() => {
    if (typed.trim() === sent.current) return;
    const timer = setTimeout(() => {
      sent.current = typed.trim();
      go(withQuery({ q: typed.trim() }), true);
    }, TYPING_PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  return (
    <label class="finder">
      <span class="hidden">{label}</span>
      <Icon name="search" />
      <input
        id={jump?.id}
        type="search"
        placeholder={label}
        title={jump?.title}
        value={typed}
        maxLength={100}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') setTyped('');
        }}
      />
      {jump !== undefined && !narrow.value && <kbd>/</kbd>}
    </label>
  );
}

/** A filter of the address. */
export function Filter({
  name,
  label,
  any,
  options,
}: {
  name: string;
  label: string;
  /** What no filter is called; null where the first option is what holds when the address says nothing. */
  any: string | null;
  options: readonly (readonly [value: string, text: string])[];
}) {
  return (
    <label class="choice">
      <span class="hidden">{label}</span>
      <select
        value={query.value.get(name) ?? (any === null ? options[0]?.[0] : '')}
        onChange={(event) => go(withQuery({ [name]: event.currentTarget.value }))}
      >
        {any !== null && <option value="">{any}</option>}
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

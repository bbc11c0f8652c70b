/** Fields that search a list, and filters of it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, query, withQuery } from '../router.ts';
import { narrow } from '../state.ts';
import { Icon } from './icon.tsx';
import './search.css';

const TYPING_PAUSE_MS = 250;

interface Jump {
  /** Where the key `/` puts the cursor: the field's id, and what the key does. */
  readonly id: string;
  readonly title: string;
}

/** The field alone. */
export function SearchBox({
  label,
  value,
  change,
  jump,
}: {
  label: string;
  value: string;
  change: (typed: string) => void;
  jump?: Jump | undefined;
}) {
  return (
    <label class="finder">
      <span class="hidden">{label}</span>
      <Icon name="search" />
      <input
        id={jump?.id}
        type="search"
        placeholder={label}
        title={jump?.title}
        value={value}
        maxLength={100}
        onInput={(event) => change(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') change('');
        }}
      />
      {jump !== undefined && !narrow.value && <kbd>/</kbd>}
    </label>
  );
}

/** What is typed goes into the address after a pause. */
export function SearchField({ label, jump }: { label: string; jump?: Jump }) {
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
  return <SearchBox label={label} value={typed} change={setTyped} jump={jump} />;
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

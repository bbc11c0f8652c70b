/** A field that searches a list: what is typed goes into the address after a pause. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { go, query, withQuery } from '../router.ts';
import { Icon } from './icon.tsx';
import './search.css';

const TYPING_PAUSE_MS = 250;

export function SearchField({ label }: { label: string }) {
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
        type="search"
        placeholder={label}
        value={typed}
        maxLength={100}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
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
  any: string;
  options: readonly (readonly [value: string, text: string])[];
}) {
  return (
    <label class="choice">
      <span class="hidden">{label}</span>
      <select
        value={query.value.get(name) ?? ''}
        onChange={(event) => go(withQuery({ [name]: event.currentTarget.value }))}
      >
        <option value="">{any}</option>
        {options.map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

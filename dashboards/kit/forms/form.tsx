/** Forms: what was typed is sent, faults come back beside their fields, and a refusal is told in people's words. */
import type { ComponentChildren } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { Saved } from '../api/answers.ts';
import type { ApiError } from '../api/client.ts';
import { asApiError } from '../load.ts';
import { language } from '../text/language.ts';
import { explain } from '../ui/notices.tsx';
import { t, word } from './texts.ts';
import './forms.css';

export type Faults = Saved['faults'];

export interface Sending {
  readonly busy: boolean;
  readonly faults: Faults;
  readonly error: ApiError | null;
}

const IDLE: Sending = { busy: false, faults: [], error: null };

/** Sends, and says how it stands; true when it was done. */
export function useSending(): {
  readonly state: Sending;
  readonly reset: () => void;
  readonly send: (work: () => Promise<{ readonly faults?: Faults } | null>) => Promise<boolean>;
} {
  const [state, setState] = useState(IDLE);
  return {
    state,
    reset: () => setState(IDLE),
    async send(work) {
      setState({ ...IDLE, busy: true });
      try {
        const faults = (await work())?.faults ?? [];
        setState({ ...IDLE, faults });
        return faults.length === 0;
      } catch (cause) {
        setState({ ...IDLE, error: asApiError(cause) });
        return false;
      }
    },
  };
}

/** What went wrong, in words of forms where they have some. */
export function whyNot(error: ApiError): string {
  const own = word('refused', error.code);
  return own === error.code ? explain(error) : own;
}

/** Why it was not saved, above the buttons. */
export function Refused({ state }: { state: Sending }) {
  const { error, faults } = state;
  if (error === null && faults.length === 0) return null;
  return (
    <p role="alert" class="form-error">
      {error === null ? t('faults.some', { n: faults.length }) : whyNot(error)}
    </p>
  );
}

interface Control {
  readonly id: string;
  readonly name: string;
  readonly 'aria-invalid': boolean;
  readonly 'aria-describedby': string | undefined;
}

/** A field with its name above, and beneath it what it means and what is wrong with it. */
export function Field({
  name,
  label,
  hint,
  faults,
  children,
}: {
  name: string;
  label: string;
  hint?: string;
  faults: Faults;
  children: (control: Control) => ComponentChildren;
}) {
  const id = useId();
  const fault = faults.find(({ field }) => field === name);
  const notes = [
    hint === undefined ? null : `${id}-hint`,
    fault === undefined ? null : `${id}-fault`,
  ].filter((one) => one !== null);
  return (
    <div class="form-field">
      <label for={id}>{label}</label>
      {children({
        id,
        name,
        'aria-invalid': fault !== undefined,
        'aria-describedby': notes.length === 0 ? undefined : notes.join(' '),
      })}
      {hint !== undefined && (
        <span id={`${id}-hint`} class="muted small">
          {hint}
        </span>
      )}
      {fault !== undefined && (
        <span id={`${id}-fault`} class="field-fault small">
          {language.value === 'zh' ? fault.zh : fault.message}
        </span>
      )}
    </div>
  );
}

/** What a form says under a name, without blanks around it. */
export const textOf = (form: HTMLFormElement, name: string): string =>
  String(new FormData(form).get(name) ?? '').trim();

/** A number that may be left out; what is no number goes to the server as none and is told there. */
export function numberOf(form: HTMLFormElement, name: string): number | null {
  const text = textOf(form, name);
  return text === '' || Number.isNaN(Number(text)) ? null : Number(text);
}

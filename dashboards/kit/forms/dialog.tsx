/** A button whose dialog holds a form: it says what will be, sends, and closes when it was done. */
import type { ComponentChildren, TargetedSubmitEvent } from 'preact';
import { useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Load } from '../load.ts';
import { Failure } from '../ui/notices.tsx';
import { type Faults, Refused, type Sending, useSending } from './form.tsx';
import { t } from './texts.ts';

const FIELD = ':is(input, select, textarea):enabled';

export function FormDialog({
  label,
  heading,
  hint,
  go,
  main = false,
  blocked = false,
  waiting,
  opened,
  send,
  done,
  children,
}: {
  /** On the button. */
  label: ComponentChildren;
  heading: string;
  /** What it means, before somebody does it. */
  hint?: string;
  /** On the button that does it. */
  go: string;
  main?: boolean;
  /** It can't be done now, and the fields say why. */
  blocked?: boolean;
  /** What the fields wait for. */
  waiting?: Pick<Load<unknown>, 'error' | 'reload'>;
  /** Called when the dialog opens. */
  opened?: () => void;
  send: (form: HTMLFormElement) => Promise<{ readonly faults?: Faults } | null>;
  done: () => void;
  /** Null while there is nothing to fill in yet. */
  children: ((state: Sending) => ComponentChildren) | null;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [turn, setTurn] = useState(0);
  const sending = useSending();
  const { state } = sending;
  const id = useId();
  const ready = turn > 0 && children !== null;
  // Once the form of this turn stands: what had the focus in the one before is gone.
  useLayoutEffect(() => {
    if (turn > 0) dialog.current?.showModal();
  }, [turn]);
  useLayoutEffect(() => {
    if (ready) dialog.current?.querySelector<HTMLElement>(FIELD)?.focus();
  }, [ready, turn]);
  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    if (!(await sending.send(() => send(form)))) return;
    dialog.current?.close();
    done();
  }
  return (
    <>
      <button
        type="button"
        class={main ? 'button primary' : 'button'}
        onClick={() => {
          sending.reset();
          opened?.();
          setTurn(turn + 1);
        }}
      >
        {label}
      </button>
      <dialog
        ref={dialog}
        class="dialog"
        aria-labelledby={`${id}-heading`}
        onCancel={(event) => {
          if (state.busy) event.preventDefault();
        }}
      >
        <h2 id={`${id}-heading`}>{heading}</h2>
        {hint !== undefined && <p class="small">{hint}</p>}
        <form key={turn} onSubmit={(event) => void submit(event)}>
          {turn > 0 && children !== null && (
            <fieldset class="dialog-fields" disabled={state.busy}>
              {children(state)}
            </fieldset>
          )}
          {children === null && waiting?.error !== undefined && (
            <Failure error={waiting.error} retry={waiting.reload} />
          )}
          <Refused state={state} />
          <p class="dialog-foot">
            <button
              type="button"
              class="button"
              disabled={state.busy}
              onClick={() => dialog.current?.close()}
            >
              {t('cancel')}
            </button>
            <button
              type="submit"
              class="button primary"
              disabled={state.busy || blocked || children === null}
            >
              {state.busy ? t('saving') : go}
            </button>
          </p>
        </form>
      </dialog>
    </>
  );
}

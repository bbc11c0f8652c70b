/** Puts new equipment in the place of a device, which keeps its id and its history. */
import type { TargetedSubmitEvent } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Device } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { fromField } from '#kit/format.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { mayUse } from '#kit/session.ts';
import { client, profiles, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { explain } from '#kit/ui/notices.tsx';
import { t, word } from './texts.ts';
import './replace.css';

interface State {
  readonly busy: boolean;
  readonly error: ApiError | null;
  /** Null until it is done. */
  readonly done: { readonly secret: string | null } | null;
}

const IDLE: State = { busy: false, error: null, done: null };

/** What went wrong, in words of this dialog where it has some. */
function whyNot(error: ApiError): string {
  const own = word('refused', error.code);
  return own === error.code ? explain(error) : own;
}

/** What the form says, without what was left empty. */
function requestOf(form: HTMLFormElement, device: Device) {
  const given = new FormData(form);
  const text = (name: string): string => String(given.get(name) ?? '').trim();
  const at = text('at');
  return {
    ...(text('serial') === '' ? {} : { serial: text('serial') }),
    ...(text('profile') === device.profile ? {} : { profile: text('profile') }),
    ...(text('reason') === '' ? {} : { reason: text('reason') }),
    ...(at === '' ? {} : { at: new Date(fromField(at)).toISOString() }),
    ...(given.has('secret') ? { secret: '' } : {}),
  };
}

function Fields({ device, busy }: { device: Device; busy: boolean }) {
  // A device speaks over the same wire afterwards: other protocols need another gateway or another registration.
  const protocol = profiles.value.get(device.profile)?.protocol;
  const types = [...profiles.value.values()].filter((one) => one.protocol === protocol);
  return (
    <fieldset class="dialog-fields" disabled={busy}>
      <label>
        {t('replace.serial')}
        <input name="serial" maxLength={200} autoComplete="off" />
      </label>
      <label>
        {t('replace.profile')}
        <select name="profile" defaultValue={device.profile}>
          {types.map((one) => (
            <option key={one.id} value={one.id} selected={one.id === device.profile}>
              {say(one.name)} ({one.id})
            </option>
          ))}
        </select>
      </label>
      <label>
        {t('replace.at')}
        <input name="at" type="datetime-local" step="1" aria-describedby="replace-at-hint" />
        <span id="replace-at-hint" class="muted small">
          {t('replace.at-hint')}
        </span>
      </label>
      <label>
        {t('replace.reason')}
        <input name="reason" maxLength={200} autoComplete="off" />
      </label>
      <label class="check">
        <input name="secret" type="checkbox" aria-describedby="replace-secret-hint" />
        <span>{t('replace.secret')}</span>
      </label>
      <p id="replace-secret-hint" class="muted small">
        {t('replace.secret-hint')}
      </p>
    </fieldset>
  );
}

function Done({ secret, close }: { secret: string | null; close: () => void }) {
  return (
    <>
      <p role="status">{t('replace.done')}</p>
      {secret !== null && (
        <p>
          {t('replace.new-secret')}
          <output class="secret">{secret}</output>
        </p>
      )}
      <p class="dialog-foot">
        <button type="button" class="button primary" onClick={close}>
          {t('replace.close')}
        </button>
      </p>
    </>
  );
}

/** The button and its dialog; nothing for who may not, and for a device out of service. */
export function Replace({ device, replaced }: { device: Device; replaced: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [state, setState] = useState<State>(IDLE);
  const [turn, setTurn] = useState(0);
  const registered = useLoad(turn === 0 ? null : `replacing ${device.id} ${turn}`, (signal) =>
    client.call(calls.deviceRegistration, { params: { id: device.id }, signal }),
  );
  // Once the form of this turn stands: what had the focus in the one before is gone.
  useLayoutEffect(() => {
    if (turn > 0) dialog.current?.showModal();
  }, [turn]);
  const holder = session.value;
  if (holder === null || holder === undefined || device.retiredAt !== null) return null;
  if (!mayUse({ right: 'devices.import' }, holder)) return null;
  const close = (): void => dialog.current?.close();
  // What it is when the dialog opens: what somebody else does meanwhile is told.
  const seen = registered.data === undefined ? {} : { version: registered.data.version };
  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const body = { ...requestOf(event.currentTarget, device), ...seen };
    setState({ busy: true, error: null, done: null });
    try {
      const { secret } = await client.call(calls.replaceDevice, {
        params: { id: device.id },
        body,
      });
      setState({ busy: false, error: null, done: { secret } });
      replaced();
    } catch (cause) {
      setState({ busy: false, error: asApiError(cause), done: null });
    }
  }
  return (
    <>
      <button
        type="button"
        class="button"
        onClick={() => {
          setState(IDLE);
          setTurn(turn + 1);
        }}
      >
        {t('replace')}
      </button>
      <dialog
        ref={dialog}
        class="dialog"
        aria-labelledby="replace-heading"
        // A secret that is shown once does not go by a slip of the hand.
        onCancel={(event) => {
          if (state.busy || state.done?.secret != null) event.preventDefault();
        }}
      >
        <h2 id="replace-heading">{t('replace')}</h2>
        {state.done === null ? (
          <form key={turn} onSubmit={(event) => void submit(event)}>
            <p class="muted">
              {device.name} · {device.id}
            </p>
            <p class="small">{t('replace.hint')}</p>
            <Fields device={device} busy={state.busy} />
            {state.error !== null && (
              <p role="alert" class="text-offline">
                {whyNot(state.error)}
              </p>
            )}
            <p class="dialog-foot">
              <button type="button" class="button" onClick={close}>
                {t('replace.cancel')}
              </button>
              <button type="submit" class="button primary" disabled={state.busy || registered.busy}>
                {t('replace.go')}
              </button>
            </p>
          </form>
        ) : (
          <Done secret={state.done.secret} close={close} />
        )}
      </dialog>
    </>
  );
}

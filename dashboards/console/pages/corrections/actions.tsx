/** What can be done about a correction: look at what it would change, approve it, take it back with a word why. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Correction, CorrectionPreview } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { asApiError } from '#kit/load.ts';
import { mayUse } from '#kit/session.ts';
import { client, session, user } from '#kit/state.ts';
import { Preview } from './preview.tsx';
import { whyNot } from './refused.ts';
import { t } from './texts.ts';

/** What the reader may do: approve, take back (in the word for it), try. */
function allowed(one: Correction): {
  approve: boolean;
  back: 'undo' | 'withdraw' | 'reject' | null;
} {
  const reader = session.value;
  if (reader == null || !['waiting', 'active'].includes(one.state))
    return { approve: false, back: null };
  const may = mayUse({ right: 'corrections.approve' }, reader);
  const own = one.by === user.value?.name;
  const waiting = one.state === 'waiting';
  // What took two persons is not its proposer's alone to take back.
  const ownBack = own && mayUse({ right: 'corrections.propose' }, reader);
  const back = ownBack && (waiting || !one.secondPerson) ? true : may && !own;
  return {
    approve: waiting && may && !own,
    back: !back ? null : !waiting ? 'undo' : own ? 'withdraw' : 'reject',
  };
}

/** Asks once more, and why, before something is taken back. */
function TakeBack({
  word,
  busy,
  run,
  cancel,
}: {
  word: 'undo' | 'withdraw' | 'reject';
  busy: boolean;
  run: (why: string) => void;
  cancel: () => void;
}) {
  return (
    <form
      class="take-back"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) run(String(new FormData(event.currentTarget).get('why') ?? '').trim());
      }}
    >
      <label>
        {t(`why.${word}`)}
        <input
          name="why"
          maxLength={500}
          autocomplete="off"
          ref={(field) => field?.focus()}
          onKeyDown={(event) => {
            if (event.key === 'Escape') cancel();
          }}
        />
      </label>
      <button type="submit" class="button primary" aria-disabled={busy}>
        {t(`sure.${word}`)}
      </button>
      <button type="button" class="button" onClick={cancel}>
        {t('cancel')}
      </button>
    </form>
  );
}

/** What came of what was done, in one sentence. */
function outcome({ id, state, by, undone }: Correction): string {
  if (state === 'withdrawn')
    return t(undone?.by === by ? 'done.withdrawn' : 'done.rejected', { id });
  return t(`done.${state}`, { id });
}

/** The buttons. `changed` hears what has become of it. */
export function Actions({ one, changed }: { one: Correction; changed: (told: string) => void }) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  const [asking, setAsking] = useState(false);
  const [seen, setSeen] = useState<CorrectionPreview | null>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const asked = useRef(false);
  // Whoever thinks better of it is where they were.
  useEffect(() => {
    if (asked.current && !asking) opener.current?.focus();
    asked.current = asking;
  }, [asking]);
  const { approve, back } = allowed(one);
  if (!approve && back === null) return null;
  const params = { id: String(one.id) };
  async function run(work: () => Promise<void>): Promise<void> {
    if (busy) return;
    setBusy(true);
    setFault(null);
    try {
      await work();
    } catch (cause) {
      const error = asApiError(cause);
      // Somebody was faster: what is shown is old.
      if (error.status === 409) changed(whyNot(error));
      else setFault(whyNot(error));
    } finally {
      setBusy(false);
    }
  }
  const preview = async (): Promise<void> => {
    const { kind, device, metric, value, target } = one;
    const times = { from: new Date(one.from).toISOString(), to: new Date(one.to).toISOString() };
    const body = { kind, device, metric, value, target, ...times };
    setSeen(await client.call(calls.previewCorrection, { body }));
  };
  return (
    <>
      {approve && seen !== null && (
        <Preview seen={seen} own={one.id} device={{ id: one.device, profile: one.profile }} />
      )}
      {fault !== null && (
        <p class="form-error" role="alert">
          {fault}
        </p>
      )}
      {asking && back !== null ? (
        <TakeBack
          word={back}
          busy={busy}
          cancel={() => setAsking(false)}
          run={(why) =>
            void run(async () => {
              const body = why === '' ? {} : { why };
              changed(outcome(await client.call(calls.undoCorrection, { params, body })));
              setAsking(false);
            })
          }
        />
      ) : (
        <span class="correction-actions">
          {approve && (
            <button
              type="button"
              class="button primary"
              aria-disabled={busy}
              onClick={() =>
                void run(async () =>
                  changed(outcome(await client.call(calls.approveCorrection, { params }))),
                )
              }
            >
              {t('approve')}
            </button>
          )}
          {approve && seen === null && (
            <button
              type="button"
              class="button"
              aria-disabled={busy}
              onClick={() => void run(preview)}
            >
              {busy ? t('busy') : t('preview')}
            </button>
          )}
          {back !== null && (
            <button ref={opener} type="button" class="button" onClick={() => setAsking(true)}>
              {t(back)}
            </button>
          )}
        </span>
      )}
    </>
  );
}

/** Taking a checked file in, and the files that wait for the next start. */
import { useState } from 'preact/hooks';
import type { CheckedProfile, Profile } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatCount, formatTime } from '#kit/format.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { explain } from '#kit/ui/notices.tsx';
import { t, word } from './texts.ts';

/** As long as the server takes for a file at most, its wait for others included. */
const ANSWER_MS = 60_000;

type Known = NonNullable<CheckedProfile['known']>;

function Changes({ known }: { known: Known }) {
  return (
    <ul class="type-changes">
      {known.changes.map(({ what, subject, detail, mayBeWanted }) => (
        <li key={what + subject} class={mayBeWanted ? '' : 'form-error'}>
          {word('change', what)}
          <code>{subject}</code>
          {detail !== '' && <span class="muted"> {detail}</span>}
        </li>
      ))}
    </ul>
  );
}

/** What may be done with a sound file. */
export function Adopt({
  file,
  profile,
  answer,
  done,
}: {
  file: File;
  profile: Profile;
  answer: CheckedProfile;
  done: () => void;
}) {
  const [wanted, setWanted] = useState(false);
  const [busy, setBusy] = useState(false);
  const [taken, setTaken] = useState<readonly string[] | null>(null);
  const [error, setError] = useState<ApiError | null>(null);
  const { known } = answer;
  const breaks = known !== null && known.devices > 0 ? known.changes : [];
  const never = breaks.some(({ mayBeWanted }) => !mayBeWanted);

  async function adopt(): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      const { gateways } = await client.call(calls.adoptProfile, {
        file,
        query: { seen: answer.state, losses: wanted ? 'wanted' : undefined },
        timeoutMs: ANSWER_MS,
      });
      setTaken(gateways);
      done();
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  return (
    <section class="try" aria-labelledby="adopt-heading">
      <h3 id="adopt-heading">{t('adopt')}</h3>
      <p class="muted">{t('adopt-intro')}</p>
      {known !== null && breaks.length > 0 && (
        <>
          <p class="form-error">{t('breaks-n', { n: formatCount(known.devices) })}</p>
          <Changes known={known} />
        </>
      )}
      {answer.waits && taken === null && <p>{t('waits-already')}</p>}
      {taken !== null ? (
        <div role="status">
          <p>
            <b>{t('taken')}</b> {t('taken-next', { id: profile.id })}
          </p>
          {taken.length > 0 && (
            <p>{t('taken-gateways', { gateways: taken.join(', '), path: `${profile.id}.yaml` })}</p>
          )}
        </div>
      ) : never ? (
        <p class="form-error">{t('never')}</p>
      ) : (
        <>
          {breaks.length > 0 && (
            <label class="wanted">
              <input
                type="checkbox"
                checked={wanted}
                onChange={(event) => setWanted(event.currentTarget.checked)}
              />
              <span>{t('losses-wanted')}</span>
            </label>
          )}
          <button
            type="button"
            class="button primary"
            disabled={busy || (breaks.length > 0 && !wanted)}
            onClick={() => void adopt()}
          >
            {busy ? t('adopting') : t('adopt-do')}
          </button>
        </>
      )}
      {error !== null && (
        <p class="form-error" role="alert">
          {error.code === 'changed-meanwhile' ? t('changed-meanwhile') : explain(error)}
        </p>
      )}
    </section>
  );
}

/** What waits; nothing where nothing does. `turn` is another number when it is to be read anew. */
export function Waiting({ turn }: { turn: number }) {
  const [removed, setRemoved] = useState(0);
  const [error, setError] = useState<ApiError | null>(null);
  const load = useLoad(`waiting profiles ${turn} ${removed}`, (signal) =>
    client.call(calls.waitingProfiles, { signal }),
  );
  async function takeBack(id: string): Promise<void> {
    const [vendor = '', model = ''] = id.split('/');
    setError(null);
    try {
      await client.call(calls.takeProfileBack, { params: { vendor, model } });
    } catch (cause) {
      setError(asApiError(cause));
    }
    setRemoved((before) => before + 1);
  }
  const failed = error ?? load.error;
  const items = load.data?.items ?? [];
  if (items.length === 0 && failed === undefined) return null;
  return (
    <section class="panel" aria-labelledby="waiting-heading">
      <h2 id="waiting-heading">{t('waiting')}</h2>
      <div class="pad">
        <p class="muted">{t('waiting-intro')}</p>
        <ul class="waiting-list">
          {items.map(({ profile, actor, at, fault }) => (
            <li key={profile}>
              <span>
                <code>{profile}</code>{' '}
                <span class="muted small">
                  {actor} · <span class="number">{formatTime(at)}</span>
                </span>
                {fault !== null && (
                  <span class="form-error fault-text">
                    {t('waiting-fault')}
                    <span lang="en">{fault}</span>
                  </span>
                )}
              </span>
              <button type="button" class="button" onClick={() => void takeBack(profile)}>
                {t('take-back')}
                <span class="hidden"> {profile}</span>
              </button>
            </li>
          ))}
        </ul>
        {failed !== undefined && failed !== null && (
          <p class="form-error" role="alert">
            {explain(failed)}
          </p>
        )}
      </div>
    </section>
  );
}

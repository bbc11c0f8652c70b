/** Taking a checked file in. */
import { useState } from 'preact/hooks';
import type { CheckedProfile, Profile } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatCount } from '#kit/format.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { explain } from '#kit/ui/notices.tsx';
import { Changes } from './changes.tsx';
import { GatewaySteps } from './gateways.tsx';
import { t } from './texts.ts';

/** As long as the server takes for a file at most, its wait for others included. */
const ANSWER_MS = 60_000;

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
          <Changes changes={known.changes} />
        </>
      )}
      {answer.waits && taken === null && <p>{t('waits-already')}</p>}
      {taken !== null ? (
        <div role="status">
          <p>
            <b>{t('taken')}</b> {t('taken-next', { id: profile.id })}
          </p>
          <p>{t('restart-how')}</p>
          {taken.length > 0 && <GatewaySteps id={profile.id} gateways={taken} />}
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

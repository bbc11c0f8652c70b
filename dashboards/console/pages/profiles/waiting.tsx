/** Changes of device types that hold from the next start, with what to do. */
import { useState } from 'preact/hooks';
import type { WaitingProfile } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatTime } from '#kit/format.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { language } from '#kit/text/language.ts';
import { explain } from '#kit/ui/notices.tsx';
import { FileLink } from './gateways.tsx';
import { t, word } from './texts.ts';

function Change({ change, takeBack }: { change: WaitingProfile; takeBack: () => void }) {
  const { profile, what, actor, at, fault, zh } = change;
  return (
    <li>
      <span>
        <span class="tag type-tag">{word('waits', what)}</span> <code>{profile}</code>{' '}
        <span class="muted small">
          {actor} · <span class="number">{formatTime(at)}</span>
        </span>
        {fault !== null && (
          <span class="form-error fault-text">
            {t('waiting-fault')}
            {language.value === 'zh' && zh !== null ? zh : fault}
          </span>
        )}
      </span>
      <span class="type-actions">
        {what !== 'remove' && <FileLink id={profile} waiting />}
        <button type="button" class="button" onClick={takeBack}>
          {t('take-back')}
          <span class="hidden"> {profile}</span>
        </button>
      </span>
    </li>
  );
}

/** What waits; nothing where nothing does. */
export function Waiting({
  items,
  failed,
  changed,
}: {
  items: readonly WaitingProfile[];
  failed: ApiError | undefined;
  changed: () => void;
}) {
  const [error, setError] = useState<ApiError | null>(null);
  async function takeBack(id: string): Promise<void> {
    const [vendor = '', model = ''] = id.split('/');
    setError(null);
    try {
      await client.call(calls.takeProfileBack, { params: { vendor, model } });
    } catch (cause) {
      setError(asApiError(cause));
    }
    changed();
  }
  const told = error ?? failed;
  if (items.length === 0 && told === undefined) return null;
  return (
    <section class="panel" aria-labelledby="waiting-heading">
      <h2 id="waiting-heading">
        {t('waiting')}
        <span class="muted number">{items.length}</span>
      </h2>
      <div class="pad">
        <p class="muted">
          {t('waiting-intro')} {t('restart-how')}
        </p>
        <ul class="waiting-list">
          {items.map((change) => (
            <Change
              key={change.profile}
              change={change}
              takeBack={() => void takeBack(change.profile)}
            />
          ))}
        </ul>
        {told !== undefined && (
          <p class="form-error" role="alert">
            {explain(told)}
          </p>
        )}
      </div>
    </section>
  );
}

/** What a file under check would make of the messages that are kept aside. */
import { useState } from 'preact/hooks';
import type { Profile, TriedProfile } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatCount, formatMetric, formatTime } from '#kit/format.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { explain } from '#kit/ui/notices.tsx';
import { t, word } from './texts.ts';

/** As long as the server takes at most, its wait for others included. */
const ANSWER_MS = 60_000;

type Tried = TriedProfile['tried'][number];

function Reading({ reading, profile }: { reading: Tried['readings'][number]; profile: Profile }) {
  const metric = profile.metrics.find(({ key }) => key === reading.metric);
  return (
    <li>
      {metric === undefined ? reading.metric : say(metric.name)}{' '}
      <b class="number">{formatMetric(metric, reading.value)}</b>
      {metric !== undefined && metric.unit !== '' && (
        <span class="muted"> {word('unit', metric.unit)}</span>
      )}
      {reading.quality !== 'good' && <span class="muted"> {word('quality', reading.quality)}</span>}
    </li>
  );
}

function Message({ message, profile }: { message: Tried; profile: Profile }) {
  const { was, refused, readings, readingsCount, events, parts } = message;
  const place = was.place === null || was.place === '' ? '' : ` · ${was.place}`;
  return (
    <li class="tried">
      <p>
        <span class={refused === null ? 'tag tag-good' : 'tag tag-bad'}>
          {t(refused === null ? 'would-take' : 'would-refuse')}
        </span>{' '}
        <b>{message.name}</b>{' '}
        <span class="muted small number">{formatTime(message.receivedAt)}</span>
      </p>
      <p class="muted small fault-text">
        {t('was')}
        {word('reason', was.reason)}
        {place}
      </p>
      {refused !== null && (
        <p class="form-error fault-text">
          {word('reason', refused.reason)} · <span lang="en">{refused.message}</span>
        </p>
      )}
      {readings.length > 0 && (
        <ul class="gives">
          {readings.map((reading, place) => (
            <Reading key={place} reading={reading} profile={profile} />
          ))}
          {readingsCount > readings.length && (
            <li class="muted">
              {t('and-more', { n: formatCount(readingsCount - readings.length) })}
            </li>
          )}
        </ul>
      )}
      {events.length > 0 && (
        <p class="small">
          {t('gives-events')}
          {events.map(({ type }) => type).join(', ')}
        </p>
      )}
      {refused === null && readings.length === 0 && events.length === 0 && (
        <p class="muted small">{t('gives-nothing')}</p>
      )}
      {parts.map((part, place) => (
        <p key={place} class="form-error fault-text">
          {word('reason', part.reason)} · {part.place}
        </p>
      ))}
    </li>
  );
}

function Answer({ answer, profile }: { answer: TriedProfile; profile: Profile }) {
  if (answer.open === 0) return <p role="status">{t('none-kept')}</p>;
  const taken = answer.tried.filter(({ refused }) => refused === null).length;
  return (
    <div role="status">
      <p>
        {t('tried-n', {
          tried: formatCount(answer.tried.length),
          open: formatCount(answer.open),
          taken: formatCount(taken),
        })}
      </p>
      <ul class="tried-list">
        {answer.tried.map((message) => (
          <Message key={message.id} message={message} profile={profile} />
        ))}
      </ul>
    </div>
  );
}

/** The button, and what came of it. */
export function Try({ file, profile }: { file: File; profile: Profile }) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [answer, setAnswer] = useState<TriedProfile | null>(null);

  async function run(): Promise<void> {
    setBusy(true);
    setError(null);
    setAnswer(null);
    try {
      setAnswer(await client.call(calls.tryProfile, { file, timeoutMs: ANSWER_MS }));
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  return (
    <section class="try" aria-labelledby="try-heading">
      <h3 id="try-heading">{t('try')}</h3>
      <p class="muted">{t('try-intro')}</p>
      <button type="button" class="button" disabled={busy} onClick={() => void run()}>
        {busy ? t('trying') : t('try-do')}
      </button>
      {error !== null && (
        <p class="form-error" role="alert">
          {explain(error)}
        </p>
      )}
      {answer !== null &&
        (answer.profile === null ? (
          <p class="form-error" role="alert">
            {t('faults', { n: answer.faults.length })}
          </p>
        ) : (
          <Answer answer={answer} profile={profile} />
        ))}
    </section>
  );
}

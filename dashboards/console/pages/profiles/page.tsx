/** Types of devices: what each measures, and a check of new files with their examples. */
import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { CheckedProfile, Profile, ProfileSource, WaitingProfile } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatCount, formatSpan, formatTime, formatValue } from '#kit/format.ts';
import { asApiError, useLoad } from '#kit/load.ts';
import { mayUse } from '#kit/session.ts';
import { client, profiles, profilesLoaded, session } from '#kit/state.ts';
import { language, say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { explain, Skeleton } from '#kit/ui/notices.tsx';
import { Scroll, useTitle } from '#kit/ui/page.tsx';
import { Adopt } from './adopt.tsx';
import { FileLink } from './gateways.tsx';
import { Remove } from './remove.tsx';
import { t, word } from './texts.ts';
import { Try } from './try.tsx';
import { Waiting } from './waiting.tsx';
import './profiles.css';

/** As long as the server takes for a file at most, its wait for others included. */
const ANSWER_MS = 60_000;

function Metrics({ profile }: { profile: Profile }) {
  return (
    <Scroll label={say(profile.name)}>
      <table class="dense">
        <thead>
          <tr>
            {(['metric', 'key', 'unit', 'range'] as const).map((name) => (
              <th scope="col" key={name}>
                {t(name)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {profile.metrics.map((metric) => (
            <tr key={metric.key}>
              <th scope="row">{say(metric.name)}</th>
              <td>
                <code>{metric.key}</code>
              </td>
              <td>{metric.unit === '' ? '–' : word('unit', metric.unit)}</td>
              <td class="number">
                {metric.states === null || metric.states === undefined
                  ? metric.range.map((bound) => formatValue(bound)).join(' – ')
                  : t('states')}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

/** Where a type comes from, its file, and taking away what was taken in. */
function Origin({ source, changed }: { source: ProfileSource; changed: () => void }) {
  const { profile, from, actor, at, beneath, unused } = source;
  return (
    <div class="type-origin">
      <div class="small">
        <p>
          {word('from', from)}
          {actor !== null && at !== null && (
            <span class="muted">
              {' '}
              · {actor} · <span class="number">{formatTime(at)}</span>
            </span>
          )}
        </p>
        {from === 'page' && beneath !== null && (
          <p class="muted">
            {t('covers', { from: word('from', beneath.from), revision: beneath.revision })}
          </p>
        )}
        {unused !== null && (
          <p class="form-error fault-text">
            {t('unused')}
            {language.value === 'zh' ? unused.zh : unused.message}
          </p>
        )}
      </div>
      <span class="type-actions">
        {unused === null && <FileLink id={profile} />}
        {actor !== null && <Remove id={profile} changed={changed} />}
      </span>
    </div>
  );
}

interface Standing {
  readonly source: ProfileSource | undefined;
  readonly waits: WaitingProfile | undefined;
  readonly changed: () => void;
}

function Tags({ source, waits }: Pick<Standing, 'source' | 'waits'>) {
  return (
    <>
      {source !== undefined && source.from !== 'product' && (
        <span class="tag type-tag">{word('origin', source.from)}</span>
      )}
      {waits !== undefined && <span class="tag type-tag">{word('waits', waits.what)}</span>}
    </>
  );
}

function Type({ profile, source, waits, changed }: { profile: Profile } & Standing) {
  return (
    <details class="type">
      <summary>
        <span>
          <b>{say(profile.name)}</b>
          <small class="muted">{profile.id}</small> <Tags source={source} waits={waits} />
        </span>
        <span class="muted small">
          {word('kind', profile.kind)} · {profile.protocolName} · {t('every')}{' '}
          {formatSpan(profile.reportEvery * 1000)} · {t('measures')}{' '}
          {formatCount(profile.metrics.length)} · {t('revision')} {profile.revision}
        </span>
      </summary>
      {source !== undefined && <Origin source={source} changed={changed} />}
      <Metrics profile={profile} />
    </details>
  );
}

function Faults({ faults }: { faults: CheckedProfile['faults'] }) {
  return (
    <>
      <p role="alert" class="form-error">
        {t('faults', { n: faults.length })}
      </p>
      <Scroll label={t('faults', { n: faults.length })}>
        <table class="dense faults">
          <thead>
            <tr>
              <th scope="col">{t('place')}</th>
              <th scope="col">{t('fault')}</th>
            </tr>
          </thead>
          <tbody>
            {faults.map(({ line, column, path, message, zh }, place) => (
              <tr key={place}>
                <td>
                  {line === null ? t('whole-file') : t('line-n', { line, column: column ?? 1 })}
                  {path !== '' && (
                    <small class="muted">
                      <code>{path}</code>
                    </small>
                  )}
                </td>
                <td class="fault-text">
                  {language.value === 'zh' && <b>{zh}</b>}
                  <small class={language.value === 'zh' ? 'muted' : ''} lang="en">
                    {message}
                  </small>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </>
  );
}

function Sound({ profile, known }: { profile: Profile; known: CheckedProfile['known'] }) {
  return (
    <div role="status">
      <p>
        <b>{t('sound')}</b> · {say(profile.name)} <code>{profile.id}</code>
      </p>
      {known !== null && (
        <p>{t('known-n', { n: formatCount(known.devices), revision: known.revision })}</p>
      )}
      {known !== null && known.lost.length > 0 && (
        <p class="form-error">{t('lost', { metrics: known.lost.join(', ') })}</p>
      )}
      <Metrics profile={profile} />
    </div>
  );
}

function Check({ adopted }: { adopted: () => void }) {
  const mayAdopt = session.value != null && mayUse({ right: 'profiles.adopt' }, session.value);
  const mayTry = session.value != null && mayUse({ right: 'quarantine.read' }, session.value);
  const [busy, setBusy] = useState(false);
  const [empty, setEmpty] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const [answer, setAnswer] = useState<CheckedProfile | null>(null);
  const [checked, setChecked] = useState<File | null>(null);

  async function check(file: File): Promise<void> {
    setBusy(true);
    setError(null);
    setAnswer(null);
    try {
      setAnswer(await client.call(calls.checkProfile, { file, timeoutMs: ANSWER_MS }));
      setChecked(file);
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  function submit(event: TargetedSubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const file = new FormData(event.currentTarget).get('file');
    if (!(file instanceof File)) return;
    setEmpty(file.size === 0);
    if (file.size > 0) void check(file);
  }
  return (
    <section class="panel" aria-labelledby="check-heading">
      <h2 id="check-heading">{t('check')}</h2>
      <div class="pad">
        <p class="muted">{t('check-intro')}</p>
        <form class="check-form" onSubmit={submit}>
          <label>
            <span>{t('file')}</span>
            <input type="file" name="file" accept=".yaml,.yml,text/yaml" required />
          </label>
          <button type="submit" class="button primary" disabled={busy}>
            {busy ? t('checking') : t('check-do')}
          </button>
        </form>
        {empty && (
          <p class="form-error" role="alert">
            {t('file-empty')}
          </p>
        )}
        {error !== null && (
          <p class="form-error" role="alert">
            {explain(error)}
          </p>
        )}
        {answer !== null &&
          (answer.profile === null ? (
            <Faults faults={answer.faults} />
          ) : (
            <Sound profile={answer.profile} known={answer.known} />
          ))}
        {answer?.profile != null && checked !== null && mayAdopt && (
          <Adopt
            key={answer.state + checked.name + checked.lastModified}
            {...{ file: checked, profile: answer.profile, answer }}
            done={adopted}
          />
        )}
        {answer?.profile != null && answer.known !== null && checked !== null && mayTry && (
          <Try key={checked.lastModified + checked.name} file={checked} profile={answer.profile} />
        )}
      </div>
    </section>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const all = [...profiles.value.values()].toSorted((a, b) =>
    a.kind === b.kind ? a.id.localeCompare(b.id) : a.kind.localeCompare(b.kind),
  );
  const may = session.value != null && mayUse({ right: 'profiles.check' }, session.value);
  const mayAdopt = session.value != null && mayUse({ right: 'profiles.adopt' }, session.value);
  const [turn, setTurn] = useState(0);
  const changed = () => setTurn((before) => before + 1);
  const load = useLoad(mayAdopt ? `types taken in ${turn}` : null, async (signal) => ({
    waiting: (await client.call(calls.waitingProfiles, { signal })).items,
    sources: (await client.call(calls.profileSources, { signal })).items,
  }));
  const { waiting = [], sources = [] } = load.data ?? {};
  const unused = sources.filter(({ profile }) => !profiles.value.has(profile));
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
      </header>
      <p class="muted">{t('intro')}</p>
      {mayAdopt && <Waiting items={waiting} failed={load.error} changed={changed} />}
      {may && <Check adopted={changed} />}
      <section class="panel" aria-labelledby="types-heading">
        <h2 id="types-heading">
          {t('types')}
          <span class="muted number">{all.length}</span>
        </h2>
        {profilesLoaded.value ? (
          <>
            {unused.map((source) => (
              <div class="type type-unused" key={source.profile}>
                <code>{source.profile}</code>
                <Origin source={source} changed={changed} />
              </div>
            ))}
            {all.map((profile) => (
              <Type
                key={profile.id}
                profile={profile}
                source={sources.find((one) => one.profile === profile.id)}
                waits={waiting.find((one) => one.profile === profile.id)}
                changed={changed}
              />
            ))}
          </>
        ) : (
          <Skeleton lines={6} />
        )}
      </section>
    </div>
  );
}

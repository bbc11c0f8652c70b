/** What could not be decoded: reason, payload, and running it again. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { QuarantineEntry } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { bytesOf, hexText, isText } from '#kit/bytes.ts';
import { formatTime } from '#kit/format.ts';
import { allPages, asApiError, useLoad } from '#kit/load.ts';
import { query, withQuery } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Empty, explain, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Age, useTitle } from '#kit/ui/page.tsx';
import { t, word } from './texts.ts';
import './quarantine.css';

const PAGE = 50;

/** A payload as text where it is text, also one that was cut within a character, else as bytes in hexadecimal. */
function payloadText(entry: { payload: string; text: string | null }): string {
  const bytes = bytesOf(entry.payload);
  return entry.text !== null && isText(entry.text) ? entry.text : hexText(bytes);
}

/** The payload, fetched when its entry is opened. */
function Payload({ id }: { id: number }) {
  const load = useLoad(`quarantine entry ${id}`, (signal) =>
    client.call(calls.quarantineEntry, { params: { id: String(id) }, signal }),
  );
  if (load.data !== undefined) return <pre>{payloadText(load.data)}</pre>;
  if (load.error !== undefined) return <span role="alert">{explain(load.error)}</span>;
  return <span class="muted">{t('loading')}</span>;
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Which part of which frame it is. */
function PartFacts({ part }: { part: NonNullable<QuarantineEntry['part']> }) {
  return (
    <>
      {part.metric !== null && <Fact name={t('metric')}>{part.metric}</Fact>}
      {part.place !== '' && <Fact name={t('place')}>{part.place}</Fact>}
      <Fact name={t('part-at')}>
        <span class="number">{formatTime(part.at)}</span>
      </Fact>
      {part.taken.length > 0 && <Fact name={t('taken')}>{part.taken.join(', ')}</Fact>}
    </>
  );
}

function Entry({
  entry,
  chosen,
  choose,
}: {
  entry: QuarantineEntry;
  chosen: boolean;
  choose: ((on: boolean) => void) | null;
}) {
  const [opened, setOpened] = useState(false);
  return (
    <li class="entry">
      {choose !== null && (
        <label class="check">
          <span class="hidden">{t('select', { id: entry.id })}</span>
          <input
            type="checkbox"
            checked={chosen}
            onChange={(event) => choose(event.currentTarget.checked)}
          />
        </label>
      )}
      <details onToggle={(event) => setOpened((was) => was || event.currentTarget.open)}>
        <summary>
          <span class="tag tag-bad">{word('reason', entry.reason)}</span>
          <span class="entry-message">{entry.message}</span>
          <span class="muted small">
            {entry.device ?? entry.source} · <Age at={entry.receivedAt} />
          </span>
        </summary>
        <dl class="facts">
          <Fact name={t('reason')}>{entry.reason}</Fact>
          {entry.gateway === null ? (
            <Fact name={t('source')}>{entry.source}</Fact>
          ) : (
            <Fact name={t('gateway')}>{entry.gateway}</Fact>
          )}
          {entry.part !== null && <PartFacts part={entry.part} />}
          <Fact name={t('topic')}>{entry.topic}</Fact>
          <Fact name={t('payload')}>{opened && <Payload id={entry.id} />}</Fact>
        </dl>
      </details>
    </li>
  );
}

/** Running entries again, and what came of it. */
function useRerun(done: () => void): {
  busy: boolean;
  result: string | null;
  error: ApiError | null;
  run: (ids: readonly number[] | null) => void;
} {
  const [state, setState] = useState<{
    busy: boolean;
    result: string | null;
    error: ApiError | null;
  }>({ busy: false, result: null, error: null });
  async function run(ids: readonly number[] | null): Promise<void> {
    setState({ busy: true, result: null, error: null });
    try {
      const answer = await client.call(calls.rerun, {
        body: ids === null ? {} : { ids: [...ids] },
      });
      setState({
        busy: false,
        result: t('result', {
          accepted: answer.accepted,
          refused: answer.refused.length,
        }),
        error: null,
      });
      done();
    } catch (cause) {
      setState({ busy: false, result: null, error: asApiError(cause) });
    }
  }
  return { ...state, run: (ids) => void run(ids) };
}

function States({ chosen }: { chosen: string }) {
  return (
    <fieldset class="segments">
      <legend class="hidden">{t('device.state')}</legend>
      {calls.QUARANTINE_STATES.map((state) => (
        <a
          key={state}
          href={withQuery({ state: state === 'open' ? null : state })}
          aria-current={state === chosen ? 'true' : undefined}
        >
          {t(`entry.${state}`)}
        </a>
      ))}
    </fieldset>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const state = calls.QUARANTINE_STATES.find((one) => one === query.value.get('state')) ?? 'open';
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [pages, setPages] = useState(1);
  const load = useLoad(`quarantine ${state} ${pages}`, (signal) =>
    allPages(
      (cursor) =>
        client.call(calls.quarantine, {
          query: { state, limit: PAGE, cursor },
          signal,
        }),
      pages,
    ),
  );
  const rerun = useRerun(() => {
    setChosen(new Set());
    load.reload();
  });
  const choose = (id: number, on: boolean): void => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  const items = load.data?.items.filter((entry) => entry.state === state);
  if (items === undefined)
    return load.error === undefined ? (
      <Skeleton />
    ) : (
      <Failure whole error={load.error} retry={load.reload} />
    );
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <States chosen={state} />
        {state === 'open' && items.length > 0 && (
          <span class="actions">
            <button
              type="button"
              class="button"
              disabled={rerun.busy || chosen.size === 0}
              onClick={() => rerun.run([...chosen])}
            >
              {t('run-selected', { n: chosen.size })}
            </button>
            <button
              type="button"
              class="button primary"
              disabled={rerun.busy}
              onClick={() => rerun.run(null)}
            >
              {rerun.busy ? t('running') : t('run-all')}
            </button>
          </span>
        )}
      </header>
      <p class="muted">{t('intro')}</p>
      <p role="status">{rerun.result}</p>
      {rerun.error !== null && (
        <p class="form-error" role="alert">
          {explain(rerun.error)}
        </p>
      )}
      <StaleNote error={load.error} retry={load.reload} />
      {items.length === 0 ? (
        <Empty
          icon="inbox"
          title={t('empty')}
          {...(state === 'open' ? { hint: t('empty-hint') } : {})}
        />
      ) : (
        <section class="panel">
          <ul class="entries">
            {items.map((entry) => (
              <Entry
                key={entry.id}
                entry={entry}
                chosen={chosen.has(entry.id)}
                choose={state === 'open' ? (on) => choose(entry.id, on) : null}
              />
            ))}
          </ul>
          {load.data?.complete === false && (
            <div class="list-foot">
              <button type="button" class="button" onClick={() => setPages(pages + 1)}>
                {t('list.more')}
              </button>
            </div>
          )}
        </section>
      )}
    </div>
  );
}

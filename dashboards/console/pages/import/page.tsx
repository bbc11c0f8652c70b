/** Imports areas and devices from a file: faults by cell, and the question of its encoding with both readings side by side. */
import { CSV_MARK, csvCell } from '@village/core/csv';
import type { TargetedSubmitEvent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Imported } from '#kit/api/answers.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatCount } from '#kit/format.ts';
import { Progress } from '#kit/forms/progress.tsx';
import type { PageProps } from '#kit/topics/topic.ts';
import { explain } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Faults } from './faults.tsx';
import { t, word } from './texts.ts';
import { begin, saved, send, sending, unsaved, type What, what as whatNow } from './work.ts';
import './import.css';

type Readings = NonNullable<Imported['readings']>;

/** Of so many secrets the table shows the first; the file has all. */
const SHOWN_MAX = 100;

/** What went wrong, in words of this page where it has some. */
function whyNot(error: ApiError): string {
  const own = word('refused', error.code);
  return own === error.code ? explain(error) : own;
}

/** The question, with what the file says in each encoding. */
function Question({
  readings,
  choose,
}: {
  readings: Readings;
  choose: (encoding: string) => void;
}) {
  const one = readings.length === 1;
  return (
    <section class="panel import-question" aria-labelledby="import-question">
      <h2 id="import-question">{t(one ? 'question.one' : 'question')}</h2>
      <p class="muted">{t(one ? 'question.one.hint' : 'question.hint')}</p>
      <div class="import-readings">
        {readings.map(({ encoding, lines }) => (
          <div key={encoding} class="import-reading">
            <h3>{word('encoding', encoding)}</h3>
            <ol>
              {lines.map(({ line, text }) => (
                <li key={line} value={line}>
                  <span class="hidden">{`${t('line')} ${line}: `}</span>
                  {text}
                </li>
              ))}
            </ol>
            <button type="button" class="button" onClick={() => choose(encoding)}>
              {t(one ? 'take.one' : 'take')}
            </button>
          </div>
        ))}
      </div>
    </section>
  );
}

function saveAs(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([CSV_MARK, text, '\r\n'], { type: 'text/csv' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}

function Secrets({ credentials }: Pick<Imported, 'credentials'>) {
  const rows = [
    ['id', 'username', 'secret'],
    ...credentials.map((one) => [one.id, one.username, one.secret]),
  ];
  const csv = rows.map((row) => row.map(csvCell).join(',')).join('\r\n');
  const left = credentials.length - SHOWN_MAX;
  return (
    <>
      <p class={unsaved.value ? 'text-late' : undefined}>
        {t(unsaved.value ? 'secrets' : 'secrets.kept')}
      </p>
      <p class="import-buttons">
        <button
          type="button"
          class="button primary"
          onClick={() => {
            saveAs('secrets.csv', csv);
            saved();
          }}
        >
          {t('secrets.save')}
        </button>
        {unsaved.value && (
          <button type="button" class="button" onClick={saved}>
            {t('secrets.noted')}
          </button>
        )}
      </p>
      <div class="import-table">
        <table>
          <thead>
            <tr>
              <th>{t('id')}</th>
              <th>{t('secret')}</th>
            </tr>
          </thead>
          <tbody>
            {credentials.slice(0, SHOWN_MAX).map(({ id, secret }) => (
              <tr key={id}>
                <td>{id}</td>
                <td class="secret">{secret}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {left > 0 && <p class="muted small">{t('secrets.more', { n: formatCount(left) })}</p>}
    </>
  );
}

function Done({ what, answer }: { what: What; answer: Imported }) {
  const { created, updated, credentials } = answer;
  return (
    <section class="panel import-done">
      <p role="status">
        {t('done', { created: formatCount(created), updated: formatCount(updated) })}{' '}
        <a class="link" href={`/${what}`}>
          {t(`see.${what}`)}
        </a>
      </p>
      {credentials.length > 0 && <Secrets credentials={credentials} />}
    </section>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [empty, setEmpty] = useState(false);
  const what = whatNow.value;
  const { file: given, bytes, stopped, error, answer } = sending.state.value;
  const held = bytes !== null || unsaved.value;
  // What was told is not told again to who comes back; what is under way goes on, and secrets wait.
  useEffect(
    () => () => {
      if (sending.state.value.bytes === null && !unsaved.value) sending.clear();
    },
    [],
  );
  function again(next: What): void {
    setEmpty(false);
    begin(next);
  }
  function submit(event: TargetedSubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const file = new FormData(event.currentTarget).get('file');
    if (!(file instanceof File)) return;
    if (file.size === 0) setEmpty(true);
    else void send(file);
  }
  const readings = answer?.readings ?? null;
  const fault = empty
    ? t('empty')
    : stopped !== null
      ? t(`stopped.${stopped}`)
      : error === null
        ? null
        : whyNot(error);
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
      </header>
      <p class="muted">{t('intro')}</p>
      <form class="panel import-form" onSubmit={submit}>
        <fieldset class="segments" disabled={held}>
          <legend class="hidden">{t('what')}</legend>
          {(['devices', 'areas'] as const).map((one) => (
            <label key={one}>
              <input type="radio" name="what" checked={what === one} onChange={() => again(one)} />
              {t(one)}
            </label>
          ))}
        </fieldset>
        <p class="small muted">
          {t('columns')} {t(`columns.${what}`)}{' '}
          <button
            type="button"
            class="link"
            onClick={() =>
              saveAs(`${what}.csv`, t(`columns.${what}`).split(/、|, /).map(csvCell).join(','))
            }
          >
            {t('template')}
          </button>
        </p>
        <label>
          {t('file')}{' '}
          <input
            type="file"
            name="file"
            required
            disabled={held}
            accept=".xlsx,.xlsm,.csv,.tsv,.txt"
            onChange={() => again(what)}
          />
        </label>
        {bytes !== null && given !== null ? (
          <Progress sent={bytes} size={given.size} stop={sending.stop} />
        ) : (
          <button type="submit" class="button primary" disabled={held}>
            {t('send')}
          </button>
        )}
      </form>
      {fault !== null && (
        <p class="form-error" role="alert">
          {fault}
        </p>
      )}
      {readings !== null && (
        <Question
          readings={readings}
          choose={(encoding) => {
            if (given !== null) void send(given, encoding);
          }}
        />
      )}
      {answer !== null && readings === null && answer.faults.length > 0 && (
        <Faults faults={answer.faults} rows={answer.rows ?? []} />
      )}
      {answer !== null && answer.faults.length === 0 && <Done what={what} answer={answer} />}
    </div>
  );
}

/** Imports areas and devices from a file: faults by cell, and the question of its encoding with both readings side by side. */
import { CSV_MARK, csvCell } from '@village/core/csv';
import type { TargetedSubmitEvent } from 'preact';
import { useRef, useState } from 'preact/hooks';
import type { Imported } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { asApiError } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { explain } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Faults } from './faults.tsx';
import { t, word } from './texts.ts';
import './import.css';

type What = 'devices' | 'areas';
type Readings = NonNullable<Imported['readings']>;

interface State {
  readonly busy: boolean;
  /** What was chosen has nothing in it. */
  readonly empty: boolean;
  readonly error: ApiError | null;
  readonly answer: Imported | null;
}

const IDLE: State = { busy: false, empty: false, error: null, answer: null };
/** As long as the server takes for the largest file. */
const ANSWER_MS = 10 * 60_000;

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

function Done({ answer: { created, updated, credentials } }: { answer: Imported }) {
  const rows = [
    ['id', 'username', 'secret'],
    ...credentials.map((one) => [one.id, one.username, one.secret]),
  ];
  const csv = rows.map((row) => row.map(csvCell).join(',')).join('\r\n');
  return (
    <section class="panel">
      <p role="status">{t('done', { created, updated })}</p>
      {credentials.length > 0 && (
        <>
          <p>{t('secrets')}</p>
          <p>
            <button type="button" class="button" onClick={() => saveAs('secrets.csv', csv)}>
              {t('secrets.save')}
            </button>
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
                {credentials.map(({ id, secret }) => (
                  <tr key={id}>
                    <td>{id}</td>
                    <td class="secret">{secret}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </section>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [what, setWhat] = useState<What>('devices');
  const [state, setState] = useState<State>(IDLE);
  const sent = useRef<File | null>(null);
  async function send(file: File, encoding?: string): Promise<void> {
    sent.current = file;
    setState({ ...IDLE, busy: true });
    const given = { file, query: { encoding }, timeoutMs: ANSWER_MS };
    try {
      const answer = await client.call(
        what === 'devices' ? calls.importDevices : calls.importAreas,
        given,
      );
      setState({ ...IDLE, answer });
    } catch (cause) {
      setState({ ...IDLE, error: asApiError(cause) });
    }
  }
  function submit(event: TargetedSubmitEvent<HTMLFormElement>): void {
    event.preventDefault();
    const file = new FormData(event.currentTarget).get('file');
    if (!(file instanceof File)) return;
    if (file.size === 0) setState({ ...IDLE, empty: true });
    else void send(file);
  }
  const { busy, empty, error, answer } = state;
  const readings = answer?.readings ?? null;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
      </header>
      <p class="muted">{t('intro')}</p>
      <form class="panel import-form" onSubmit={submit}>
        <fieldset class="segments" disabled={busy}>
          <legend class="hidden">{t('what')}</legend>
          {(['devices', 'areas'] as const).map((one) => (
            <label key={one}>
              <input
                type="radio"
                name="what"
                checked={what === one}
                onChange={() => {
                  setWhat(one);
                  setState(IDLE);
                }}
              />
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
            disabled={busy}
            accept=".xlsx,.xlsm,.csv,.tsv,.txt"
            onChange={() => setState(IDLE)}
          />
        </label>
        <button type="submit" class="button primary" disabled={busy}>
          {busy ? t('sending') : t('send')}
        </button>
      </form>
      {(empty || error !== null) && (
        <p class="form-error" role="alert">
          {error === null ? t('empty') : whyNot(error)}
        </p>
      )}
      {readings !== null && (
        <Question
          readings={readings}
          choose={(encoding) => {
            if (sent.current !== null) void send(sent.current, encoding);
          }}
        />
      )}
      {answer !== null && readings === null && answer.faults.length > 0 && (
        <Faults faults={answer.faults} rows={answer.rows ?? []} />
      )}
      {answer !== null && answer.faults.length === 0 && <Done answer={answer} />}
    </div>
  );
}

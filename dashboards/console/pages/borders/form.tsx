/** Choosing a file of borders, saying what its coordinates are, and sending it. */
import type { TargetedSubmitEvent } from 'preact';
import { useId, useState } from 'preact/hooks';
import type { GeometryImported } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatBytes } from '#kit/format.ts';
import { Field, textOf } from '#kit/forms/form.tsx';
import { Progress } from '#kit/forms/progress.tsx';
import { createSending } from '#kit/forms/sending.ts';
import { client } from '#kit/state.ts';
import { explain } from '#kit/ui/notices.tsx';
import { t, word } from './texts.ts';

const BYTES_MAX = 32 * 1024 * 1024;
/** As long as the server takes for the largest file. */
const ANSWER_MS = 5 * 60_000;
const SYSTEMS = ['wgs84', 'cgcs2000', 'gcj02', 'bd09'] as const;
type CoordinateSystem = (typeof SYSTEMS)[number];

export const sending = createSending<GeometryImported>();

/** What went wrong, in words of this page where it has some. */
function whyNot(error: ApiError): string {
  const own = word('refused', error.code);
  return own === error.code ? explain(error) : own;
}

/** Why a file is not sent at all. */
function refusal(file: File): string | null {
  if (file.size === 0) return t('empty');
  if (file.size <= BYTES_MAX) return null;
  return t('too-large', { name: file.name, size: formatBytes(file.size) });
}

export function BordersForm({ ended }: { ended: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const { file: given, bytes, stopped, error, answer } = sending.state.value;
  const id = useId();
  const why = file === null ? null : refusal(file);
  const fault =
    stopped !== null ? t(stopped === 'midway' ? 'stopped' : 'unsure') : error && whyNot(error);
  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    if (file === null || why !== null) return;
    const system = textOf(event.currentTarget, 'system') as CoordinateSystem;
    const review = textOf(event.currentTarget, 'review');
    const query = { system, review: review === '' ? undefined : review };
    await sending.send(file, (given) =>
      client.call(calls.importGeometry, { ...given, query, timeoutMs: ANSWER_MS }),
    );
    ended();
  }
  return (
    <form class="panel borders-form" onSubmit={(event) => void submit(event)}>
      <fieldset class="borders-fields" disabled={bytes !== null}>
        <div class="form-field borders-file">
          <label for={id}>{t('file')}</label>
          <input
            id={id}
            type="file"
            name="file"
            required
            accept=".geojson,.json,application/geo+json,application/json"
            aria-describedby={`${id}-hint ${id}-size`}
            onChange={(event) => {
              setFile(event.currentTarget.files?.[0] ?? null);
              sending.clear();
            }}
          />
          <span id={`${id}-hint`} class="muted small">
            {t('file-hint')}
          </span>
          <span
            id={`${id}-size`}
            role="status"
            class={why === null ? 'small' : 'field-fault small'}
          >
            {file !== null &&
              bytes === null &&
              answer === null &&
              (why ?? t('chosen', { name: file.name, size: formatBytes(file.size) }))}
          </span>
        </div>
        <Field name="system" label={t('system')} hint={t('system-hint')} faults={[]}>
          {(control) => (
            <select {...control} required>
              <option value="">{t('choose')}</option>
              {SYSTEMS.map((one) => (
                <option key={one} value={one}>
                  {word('systems', one)}
                </option>
              ))}
            </select>
          )}
        </Field>
        <Field name="review" label={t('review')} hint={t('review-hint')} faults={[]}>
          {(control) => <input {...control} maxLength={60} autoComplete="off" />}
        </Field>
      </fieldset>
      {fault !== null && (
        <p class="form-error" role="alert">
          {fault}
        </p>
      )}
      {bytes !== null && given !== null ? (
        <Progress sent={bytes} size={given.size} stop={sending.stop} />
      ) : (
        <p>
          <button type="submit" class="button primary" disabled={why !== null}>
            {t('send')}
          </button>
        </p>
      )}
    </form>
  );
}

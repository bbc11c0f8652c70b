/**
 * Readings as a file: how large it would be, then at once while it is small, else made in the background and fetched here. That it is open
 * stands in the address, so that Back closes it.
 */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Export } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { type ApiError, addressOf } from '../api/client.ts';
import { formatBytes, formatCount, formatTime } from '../format.ts';
import { asApiError, useLoad } from '../load.ts';
import { go, query, withQuery } from '../router.ts';
import { mayUse } from '../session.ts';
import { client, session } from '../state.ts';
import { Icon } from '../ui/icon.tsx';
import { explain } from '../ui/notices.tsx';
import { anyOpen, ExportList } from './list.tsx';
import { t, word } from './texts.ts';
import './exports.css';

const FORMATS = ['csv', 'parquet'] as const;
type Format = (typeof FORMATS)[number];

/** How often is asked how far the files are, ms. */
const LOOK_MS = 1_500;

/** What is exported. */
export interface Exported {
  /** As people call it. */
  readonly name: string;
  readonly of: { readonly device: string } | { readonly area: string };
  /** from ≤ at < to, ms. */
  readonly from: number;
  readonly to: number;
}

const iso = (at: number): string => new Date(at).toISOString();

function whyNot(error: ApiError): string {
  const own = word('refused', error.code);
  return own === error.code ? explain(error) : own;
}

/** With the mark, Excel reads the Chinese names in it. */
const markOf = (format: Format): { mark?: 'bom' } => (format === 'csv' ? { mark: 'bom' } : {});

function Ask({
  exported,
  files,
  begun,
  close,
}: {
  exported: Exported;
  /** How many the reader has: that decides too whether another one may come. */
  files: number;
  begun: () => void;
  close: () => void;
}) {
  const [format, setFormat] = useState<Format>('csv');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError | null>(null);
  const { of, from, to } = exported;
  const asked = { format, ...of, from: iso(from), to: iso(to) };
  const size = useLoad(`export ${JSON.stringify(asked)} ${files}`, (signal) =>
    client.call(calls.estimateExport, { query: asked, signal }),
  );
  async function make(): Promise<void> {
    setBusy(true);
    setError(null);
    try {
      await client.call(calls.startExport, { body: { ...asked, ...markOf(format) } });
      begun();
    } catch (cause) {
      setError(asApiError(cause));
    }
    setBusy(false);
  }
  const refused = error ?? size.error;
  const estimate = size.busy || size.error !== undefined ? undefined : size.data;
  const why = refused === undefined ? estimate?.refusal?.code : undefined;
  return (
    <>
      <fieldset class="segments" aria-label={t('export-format')}>
        {FORMATS.map((one) => (
          <button
            key={one}
            type="button"
            aria-pressed={one === format}
            onClick={() => setFormat(one)}
          >
            {word('format', one)}
          </button>
        ))}
      </fieldset>
      <p role="status">
        {estimate === undefined
          ? refused === undefined && <span class="muted">{t('export-measuring')}</span>
          : t('export-size', {
              rows: formatCount(estimate.rows),
              bytes: formatBytes(estimate.bytes),
            })}
      </p>
      {why !== undefined && <p class="text-offline">{word('refused', why)}</p>}
      {refused !== undefined && refused !== null && (
        <p role="alert" class="text-offline">
          {whyNot(refused)}{' '}
          {error === null && (
            <button type="button" class="link" onClick={size.reload}>
              {t('error.retry')}
            </button>
          )}
        </p>
      )}
      {estimate !== undefined && why === undefined && !estimate.direct && (
        <p class="muted small">{t('export-large')}</p>
      )}
      <p class="muted small">{t('export-values')}</p>
      <p class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          {t('export-close')}
        </button>
        {estimate?.direct === true && why === undefined ? (
          <a
            class="button primary"
            href={addressOf(calls.exportReadings, { query: { ...asked, ...markOf(format) } })}
            download
          >
            <Icon name="download" />
            {t('export-now')}
          </a>
        ) : (
          <button
            type="button"
            class="button primary"
            disabled={busy || estimate === undefined || why !== undefined}
            onClick={() => void make()}
          >
            {t('export-make')}
          </button>
        )}
      </p>
    </>
  );
}

function Opened({ exported, close }: { exported: Exported; close: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [open, setOpen] = useState(false);
  const list = useLoad(
    'exports',
    (signal) => client.call(calls.exports, { signal }),
    open ? LOOK_MS : undefined,
  );
  const items = list.data?.items ?? [];
  useEffect(() => dialog.current?.showModal(), []);
  useEffect(() => setOpen(anyOpen(items)), [items]);
  async function remove({ id }: Export): Promise<void> {
    // What is gone already is not there either.
    await client.call(calls.removeExport, { params: { id } }).catch(() => undefined);
    list.reload();
  }
  return (
    <dialog ref={dialog} class="dialog" aria-labelledby="export-heading" onClose={close}>
      <h2 id="export-heading">{t('export')}</h2>
      <p>
        {exported.name}
        <br />
        <span class="muted small">
          {t('export-span', { from: formatTime(exported.from), to: formatTime(exported.to) })}
        </span>
      </p>
      <Ask
        exported={exported}
        files={items.length}
        begun={list.reload}
        close={() => dialog.current?.close()}
      />
      <ExportList items={items} remove={(item) => void remove(item)} />
    </dialog>
  );
}

/** The button and its dialog; nothing for who may not. */
export function ExportDialog({ exported, label }: { exported: Exported; label?: string }) {
  const reader = session.value;
  if (reader == null || (reader.rights != null && !mayUse({ right: 'export.read' }, reader)))
    return null;
  return (
    <>
      <a class="button" href={withQuery({ export: '1' })}>
        <Icon name="download" />
        {label ?? t('export')}
      </a>
      {query.value.has('export') && (
        <Opened exported={exported} close={() => go(withQuery({ export: null }), true)} />
      )}
    </>
  );
}

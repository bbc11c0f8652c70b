/** What a device said, as it was received, with the bytes of each value lit on demand. */
import { useEffect, useRef } from 'preact/hooks';
import type { Device, Frame, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { bytesOf, hexText, textOf } from '#kit/bytes.ts';
import { formatReceipt, formatTime } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { query, withQuery } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { cellsOf, type Piece, piecesOf } from './bytes.ts';
import { detailKey, Fields } from './fields.tsx';
import { type Lighting, useLighting } from './lighting.ts';
import { Differs, Missed, More } from './notes.tsx';
import { t } from './texts.ts';
import './frame.css';

/** What pointing at a piece and clicking it does; the fields beside it do the same by keyboard. */
const handlers = ({ metrics }: Piece, { lit, point, keep }: Lighting) => {
  const [first] = metrics;
  if (first === undefined) return {};
  const one = metrics.find((metric) => metric === lit) ?? first;
  return {
    onMouseEnter: () => point(one),
    onMouseLeave: () => point(null),
    onClick: () => keep(one),
  };
};

const classOf = ({ metrics }: Piece, lit: string | null): string =>
  lit !== null && metrics.includes(lit) ? 'field lit' : metrics.length > 0 ? 'field' : '';

function TextBytes({
  bytes,
  pieces,
  light,
}: {
  bytes: Uint8Array;
  pieces: readonly Piece[];
  light: Lighting;
}) {
  const decoder = new TextDecoder();
  return (
    <pre class="frame-text">
      {pieces.map((piece) => (
        <span key={piece.from} class={classOf(piece, light.lit)} {...handlers(piece, light)}>
          {decoder.decode(bytes.subarray(piece.from, piece.to))}
        </span>
      ))}
    </pre>
  );
}

function HexBytes({
  bytes,
  pieces,
  light,
}: {
  bytes: Uint8Array;
  pieces: readonly Piece[];
  light: Lighting;
}) {
  return (
    <div class="frame-hex">
      {cellsOf(pieces).map((cell) =>
        cell.to - cell.from > 1 ? (
          <span
            key={cell.from}
            class={`rest ${classOf(cell, light.lit)}`}
            {...handlers(cell, light)}
          >
            {hexText(bytes.subarray(cell.from, cell.to))}
          </span>
        ) : (
          <span
            key={cell.from}
            class={`${classOf(cell, light.lit)}${cell.begins ? ' begins' : ''}`}
            title={String(cell.to)}
            {...handlers(cell, light)}
          >
            {hexText(bytes.subarray(cell.from, cell.to))}
          </span>
        ),
      )}
    </div>
  );
}

/** Who sent it, in words: who posts is a person or a token, a device speaks for itself, all others are gateways. */
function senderOf({ source }: Frame, device: string): string {
  if (source.startsWith('http:')) return t('frame.posted-by', { name: source.slice(5) });
  return t(source === device ? 'frame.direct' : 'frame.gateway', { id: source });
}

function About({ frame, device, length }: { frame: Frame; device: string; length: number }) {
  const facts: [string, string][] = [
    [t('frame.source'), senderOf(frame, device)],
    ...(frame.sequence === null
      ? []
      : ([[t('frame.sequence'), String(frame.sequence)]] as [string, string][])),
    [t('frame.at'), formatReceipt(frame.at)],
    [t('frame.received'), formatReceipt(frame.receivedAt)],
    [t('frame.length'), t('frame.bytes', { n: length })],
    [
      t('frame.way'),
      frame.way === 'http' ? t('frame.http') : t('frame.topic', { topic: frame.way }),
    ],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, fact]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="number">{fact}</dd>
        </div>
      ))}
    </dl>
  );
}

function Message({
  frame,
  device,
  metrics,
  metric,
}: {
  frame: Frame;
  device: Device;
  metrics: readonly Metric[];
  metric: Metric;
}) {
  const has = frame.fields.some((field) => field.metric === metric.key);
  const light = useLighting(has ? metric.key : null);
  const bytes = bytesOf(frame.payload);
  const details = frame.details.map((one) => ({ ...one, metric: detailKey(one) }));
  const pieces = piecesOf(bytes.length, [...frame.fields, ...details]);
  const Bytes = textOf(bytes) === null ? HexBytes : TextBytes;
  return (
    <article class="frame">
      <About frame={frame} device={device.id} length={bytes.length} />
      <Differs frame={frame} />
      <div class="frame-body">
        <Bytes bytes={bytes} pieces={pieces} light={light} />
        <Fields
          frame={frame}
          bytes={bytes}
          profile={device.profile}
          metrics={metrics}
          light={light}
        />
      </div>
    </article>
  );
}

/** The time in the address; the newest reading's without one. */
function timeAsked(): number | null {
  const asked = Number(query.value.get('frame') ?? Number.NaN);
  return Number.isSafeInteger(asked) && Math.abs(asked) <= 8.64e15 ? asked : null;
}

/** What above it is not there yet moves it for so long, ms. */
const SETTLING_MS = 5_000;
const BY_HAND = ['wheel', 'touchstart', 'pointerdown', 'keydown'] as const;

/** Brings a panel into sight, and keeps it there while what stands above it is loaded or until the reader moves. */
function bringTo(panel: HTMLElement): () => void {
  const show = (): void => panel.scrollIntoView({ block: 'start' });
  const watcher = new ResizeObserver(show);
  const stop = (): void => {
    watcher.disconnect();
    clearTimeout(timer);
    for (const event of BY_HAND) removeEventListener(event, stop);
  };
  const timer = setTimeout(stop, SETTLING_MS);
  for (const event of BY_HAND) addEventListener(event, stop, { passive: true });
  watcher.observe(panel.parentElement ?? panel);
  panel.focus({ preventScroll: true });
  show();
  return stop;
}

/** The messages of one time. */
export function FramePanel({
  device,
  metrics,
  metric,
}: {
  device: Device;
  metrics: readonly Metric[];
  metric: Metric;
}) {
  const asked = timeAsked();
  const at = asked ?? device.values.get(metric.key)?.at ?? null;
  const place = useRef<HTMLElement>(null);
  const load = useLoad(at === null ? null : `frame ${device.id} ${at}`, (signal) =>
    client.call(calls.frames, {
      query: { device: device.id, at: new Date(at ?? 0).toISOString() },
      signal,
    }),
  );
  useEffect(
    () => (asked === null || place.current === null ? undefined : bringTo(place.current)),
    [asked],
  );
  if (at === null) return null;
  const frames = load.data?.items;
  return (
    <section class="panel frame-panel" aria-labelledby="frame-heading" ref={place} tabIndex={-1}>
      <div class="panel-head">
        <h2 id="frame-heading">{t('frame')}</h2>
        <span class="muted number">{t('frame.of', { time: formatTime(at) })}</span>
        {asked !== null && (
          <a class="button" href={withQuery({ frame: null })}>
            {t('frame.newest')}
          </a>
        )}
      </div>
      <StaleNote error={load.error} retry={load.reload} />
      <Missed spans={load.data?.missing ?? []} />
      {frames === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={4} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : frames.length === 0 ? (
        <Empty title={t('frame.none')} hint={t('frame.none-hint')} />
      ) : (
        <>
          {frames.map((frame, index) => (
            // By place: the next message takes the place of this one, and what is lit and has the focus stays so.
            <Message key={index} frame={frame} device={device} metrics={metrics} metric={metric} />
          ))}
          {load.data?.more === true && <More shown={frames.length} />}
          <p class="panel-foot muted small">{t('frame.hint')}</p>
        </>
      )}
    </section>
  );
}

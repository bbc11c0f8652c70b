/** What a device said, as it was received, with the bytes of each value lit on demand. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Device, Frame, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatExact, formatMetric, formatReceipt, formatTime } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { query, withQuery } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { bytesOf, hexOf, type Piece, piecesOf, textOf } from './bytes.ts';
import { t, word } from './texts.ts';
import './frame.css';

/** Which field is lit: the one pointed at, else the one that was clicked. */
interface Lighting {
  readonly lit: string | null;
  readonly kept: string | null;
  point(metric: string | null): void;
  keep(metric: string): void;
}

function useLighting(first: string | null): Lighting {
  const [pointed, point] = useState<string | null>(null);
  const [kept, keep] = useState<string | null>(first);
  useEffect(() => keep(first), [first]);
  return {
    lit: pointed ?? kept,
    kept,
    point,
    keep: (metric) => keep(kept === metric ? null : metric),
  };
}

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
  const cells = pieces.flatMap((piece) =>
    Array.from({ length: piece.to - piece.from }, (_, i) => ({ piece, at: piece.from + i })),
  );
  return (
    <div class="frame-hex">
      {cells.map(({ piece, at }) => (
        <span
          key={at}
          class={`${classOf(piece, light.lit)}${at === piece.from ? ' begins' : ''}`}
          title={String(at + 1)}
          {...handlers(piece, light)}
        >
          {hexOf(bytes[at] ?? 0)}
        </span>
      ))}
    </div>
  );
}

/** Bytes are counted from one, as people count. */
const placeOf = ({ from, to }: Frame['fields'][number]): string =>
  to - from === 1 ? t('frame.one-byte', { at: to }) : t('frame.place', { from: from + 1, to });

function Fields({
  frame,
  metrics,
  light,
}: {
  frame: Frame;
  metrics: readonly Metric[];
  light: Lighting;
}) {
  const grouped = [...Map.groupBy(frame.fields, ({ metric }) => metric)];
  if (grouped.length === 0) return <p class="muted">{t('frame.no-fields')}</p>;
  return (
    <ul class="frame-fields" aria-label={t('frame.fields')}>
      {grouped.map(([key, fields]) => {
        const metric = metrics.find((one) => one.key === key);
        const value = fields[0]?.value ?? 0;
        return (
          <li key={key}>
            <button
              type="button"
              aria-pressed={light.kept === key}
              class={light.lit === key ? 'lit' : ''}
              onMouseEnter={() => light.point(key)}
              onMouseLeave={() => light.point(null)}
              onFocus={() => light.point(key)}
              onBlur={() => light.point(null)}
              onClick={() => light.keep(key)}
            >
              <span>{metric === undefined ? key : say(metric.name)}</span>
              <span class="number">
                {formatMetric(metric, value, formatExact)}
                {metric !== undefined && metric.unit !== '' && (
                  <span class="unit">{word('unit', metric.unit)}</span>
                )}
              </span>
              <span class="muted small number">{fields.map(placeOf).join(' + ')}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** Who sent it, in words: a gateway numbers its batches, who posts is a person or a token, the rest speak for themselves. */
function senderOf({ source, sequence }: Frame): string {
  if (source.startsWith('http:')) return t('frame.posted-by', { name: source.slice(5) });
  return t(sequence === null ? 'frame.direct' : 'frame.gateway', { id: source });
}

function About({ frame, length }: { frame: Frame; length: number }) {
  const facts: [string, string][] = [
    [t('frame.source'), senderOf(frame)],
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
  metrics,
  metric,
}: {
  frame: Frame;
  metrics: readonly Metric[];
  metric: Metric;
}) {
  const has = frame.fields.some((field) => field.metric === metric.key);
  const light = useLighting(has ? metric.key : null);
  const bytes = bytesOf(frame.payload);
  const pieces = piecesOf(bytes.length, frame.fields);
  const Bytes = textOf(bytes) === null ? HexBytes : TextBytes;
  return (
    <article class="frame">
      <About frame={frame} length={bytes.length} />
      <div class="frame-body">
        <Bytes bytes={bytes} pieces={pieces} light={light} />
        <Fields frame={frame} metrics={metrics} light={light} />
      </div>
    </article>
  );
}

/** The time in the address; the newest reading's without one. */
function timeAsked(): number | null {
  const asked = Number(query.value.get('frame') ?? Number.NaN);
  return Number.isSafeInteger(asked) && Math.abs(asked) <= 8.64e15 ? asked : null;
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
  useEffect(() => {
    if (asked !== null) place.current?.scrollIntoView({ block: 'nearest' });
  }, [asked]);
  if (at === null) return null;
  const frames = load.data?.items;
  return (
    <section class="panel" aria-labelledby="frame-heading" ref={place}>
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
            <Message key={index} frame={frame} metrics={metrics} metric={metric} />
          ))}
          <p class="panel-foot muted small">{t('frame.hint')}</p>
        </>
      )}
    </section>
  );
}

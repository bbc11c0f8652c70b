/** One value of a figure: what it is, by what standard and version, from which readings with which flags, and what it was before. */
import { useState } from 'preact/hooks';
import type { Device, ExplainedFigure, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { formatCount, formatExact, formatShort, formatTime } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { query } from '#kit/router.ts';
import { client, metricOf, profiles, profilesLoaded } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Crumbs, Scroll, useTitle } from '#kit/ui/page.tsx';
import { History, periodOf, Value } from './parts.tsx';
import { t, word } from './texts.ts';
import './figures.css';

/** Rows of a table at first, and how many more at a time: a day may hold thousands. */
const ROWS_STEP = 100;

type Input = ExplainedFigure['inputs'][number];
type ReadingReceived = NonNullable<Input['readings'][number]['received']>;

const deviceHref = (device: string): string => `/devices/${encodeURIComponent(device)}`;

/** A metric of the equipment that stands or stood there; by its key alone where no profile knows it. */
function metricNamed(device: Device | undefined, key: string, quantity: string): string {
  const known: Metric | undefined =
    metricOf(device?.profile ?? '', key) ??
    [...profiles.value.values()]
      .flatMap(({ metrics }) => metrics)
      .find((one) => one.key === key && one.quantity === quantity);
  return known === undefined ? key : say(known.name);
}

/** The chart on which corrections of the device are seen, over the time of the figure. */
function correctionsHref(device: string, { at, to, inputs }: ExplainedFigure): string {
  const metric = inputs[0]?.measured.at(-1)?.metric;
  const asked = new URLSearchParams({
    ...(metric === undefined ? {} : { metric }),
    from: new Date(at).toISOString(),
    to: new Date(to).toISOString(),
  });
  return `/corrections/devices/${encodeURIComponent(device)}?${asked}`;
}

/** By which metrics it was measured, each with its time where there was more than one. */
function Measured({ device, input }: { device: Device | undefined; input: Input }) {
  const several = input.measured.length > 1;
  return (
    <>
      {input.measured.map((one, index) => (
        <span key={`${one.metric} ${one.from}`}>
          {index > 0 && ' · '}
          <b>{metricNamed(device, one.metric, input.quantity)}</b>
          {several &&
            one.from !== null &&
            ` ${t('measured-from', { time: formatShort(one.from) })}`}
        </span>
      ))}
    </>
  );
}

/** What was received of a reading that was corrected, and by which statements; where and when only if that is another. */
function Received({
  device,
  at,
  received,
}: {
  device: string;
  at: number;
  received: ReadingReceived;
}) {
  return (
    <span class="opened-received small muted">
      {t('corrected-by', { ids: received.corrections.map((id) => `#${id}`).join(', ') })}
      {` · ${t('was-received', { value: formatExact(received.value) })}`}
      {received.device !== device && ` · ${t('from-device', { id: received.device })}`}
      {received.at !== at && ` · ${formatTime(received.at).slice(5)}`}
    </span>
  );
}

function Readings({ device, framed, input }: { device: string; framed: boolean; input: Input }) {
  const [shown, setShown] = useState(ROWS_STEP);
  const { readings, measured } = input;
  const metricAt = (at: number): string =>
    (measured.findLast(({ from }) => from === null || from <= at) ?? measured[0])?.metric ?? '';
  // What a corrected reading was received in stands under the device and time of then.
  const frameOf = (at: number, was: { device: string; at: number } = { device, at }): string =>
    `${deviceHref(was.device)}?${new URLSearchParams({ metric: metricAt(at), frame: String(was.at) })}`;
  return (
    <Scroll label={t('readings')}>
      <table class="dense opened-table">
        <thead>
          <tr>
            <th scope="col">{t('time')}</th>
            <th scope="col" class="right">
              {t('value')}
              {input.unit !== '' && <span class="unit">{word('unit', input.unit)}</span>}
            </th>
            <th scope="col">{t('flag')}</th>
            {framed && <th scope="col">{t('bytes')}</th>}
          </tr>
        </thead>
        <tbody>
          {readings.slice(0, shown).map(({ at, value, quality, received }) => (
            <tr key={at} class={quality === null ? '' : 'row-flagged'}>
              <td class="number">{formatTime(at).slice(5)}</td>
              <td class="right number">{formatExact(value)}</td>
              <td>
                {word('quality', quality ?? 'good')}
                {received !== null && <Received device={device} at={at} received={received} />}
              </td>
              {framed && (
                <td>
                  <a class="opened-link" href={frameOf(at, received ?? undefined)}>
                    {t('open-bytes')}
                  </a>
                </td>
              )}
            </tr>
          ))}
        </tbody>
      </table>
      {readings.length > shown && (
        <button type="button" class="button" onClick={() => setShown(shown + ROWS_STEP)}>
          {t('list.more')}
        </button>
      )}
    </Scroll>
  );
}

function InputPanel({
  id,
  device,
  framed,
  input,
}: {
  id: string;
  device: Device | undefined;
  framed: boolean;
  input: Input;
}) {
  const { expected, valid, count, readings } = input;
  const heading = `inputs-${input.name}`;
  return (
    <section class="panel" aria-labelledby={heading}>
      <h2 id={heading}>{t('inputs')}</h2>
      <p class="pad">
        <Measured device={device} input={input} />
        {t('input-text', {
          expected: formatCount(expected),
          valid: formatCount(valid),
          count: formatCount(count),
        })}{' '}
        {count > readings.length && t('first-of', { n: formatCount(readings.length) })}
      </p>
      {readings.length === 0 ? (
        <Empty icon="chart" title={t('no-readings')} />
      ) : (
        <Readings device={id} framed={framed} input={input} />
      )}
    </section>
  );
}

/** What there is no figure for is told in words, with the way back; all else as everywhere. */
function Refused({ error, retry, device }: { error: ApiError; retry: () => void; device: string }) {
  // The device is there: what is not found is a time to come.
  const code = error.status === 404 ? 'not-come' : error.code;
  const known = word('refused', code);
  if (known === code) return <Failure error={error} retry={retry} />;
  return (
    <Empty icon="chart" title={known}>
      <a class="button" href={deviceHref(device)}>
        {t('back')}
      </a>
    </Empty>
  );
}

/** The page. */
export function Page({ id, title }: { id: string; title: string }) {
  const figure = query.value.get('figure');
  const at = query.value.get('at');
  const asked = figure !== null && at !== null;
  const load = useLoad(asked ? `explain ${id} ${figure} ${at}` : null, (signal) =>
    client.call(calls.explainFigure, {
      query: { figure: figure ?? '', device: id, at: at ?? '' },
      signal,
    }),
  );
  const device = useLoad(`device ${id}`, (signal) =>
    client.call(calls.device, { params: { id }, signal }),
  );
  const { data } = load;
  const name = data === undefined ? title : say(data.definition.title);
  useTitle(device.data === undefined ? name : `${name} · ${device.data.name}`);
  // Only of such devices is kept what they sent.
  const framed = profiles.value.get(device.data?.profile ?? '')?.evidence === 'all';
  if (device.data === undefined && device.error !== undefined)
    return <Failure whole error={device.error} retry={device.reload} />;
  const path = device.data?.path.filter(({ code }) => code !== device.data?.area.code) ?? [];
  return (
    <div class="page">
      {device.data !== undefined && (
        <Crumbs
          places={[...path, device.data.area]}
          above={{ href: deviceHref(id), name: device.data.name }}
          last={name}
        />
      )}
      <header class="page-head">
        <h1>{name}</h1>
        {data !== undefined && <span class="muted number">{periodOf(data)}</span>}
      </header>
      {!asked ? (
        <Empty title={t('nothing-asked')}>
          <a class="button" href={deviceHref(id)}>
            {t('back')}
          </a>
        </Empty>
      ) : data === undefined || !profilesLoaded.value ? (
        load.error === undefined || device.data === undefined ? (
          <Skeleton lines={8} />
        ) : (
          <Refused error={load.error} retry={load.reload} device={id} />
        )
      ) : (
        <div class={load.busy ? 'opened busy' : 'opened'} aria-busy={load.busy}>
          <StaleNote error={load.error} retry={load.reload} />
          <Value figure={data} corrections={correctionsHref(id, data)} />
          {data.history.length > 0 && <History figure={data} />}
          {data.inputs.map((input) => (
            <InputPanel
              key={input.name}
              id={id}
              device={device.data}
              framed={framed}
              input={input}
            />
          ))}
        </div>
      )}
    </div>
  );
}

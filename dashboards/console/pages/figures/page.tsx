/** One value of a figure: what it is, by what standard and version, from which readings with which flags, and what it was before. */
import { useState } from 'preact/hooks';
import type { Device, ExplainedFigure, Metric } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount, formatExact, formatShort, formatTime } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { client, metricOf, profiles, profilesLoaded } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty } from '#kit/ui/notices.tsx';
import { Scroll } from '#kit/ui/page.tsx';
import { Opened } from './opened.tsx';
import { t, word } from './texts.ts';

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

/** The page. */
export function Page({ id, title }: { id: string; title: string }) {
  const load = useLoad(`device ${id}`, (signal) =>
    client.call(calls.device, { params: { id }, signal }),
  );
  const { data: device } = load;
  // Only of such devices is kept what they sent.
  const framed = profiles.value.get(device?.profile ?? '')?.evidence === 'all';
  const path = device?.path.filter(({ code }) => code !== device.area.code) ?? [];
  const owner = {
    of: { device: id },
    href: deviceHref(id),
    load,
    name: device?.name,
    places: device === undefined ? [] : [...path, device.area],
  };
  return (
    <Opened
      title={title}
      owner={owner}
      ready={profilesLoaded.value}
      corrections={(figure) => correctionsHref(id, figure)}
    >
      {({ inputs }) =>
        inputs.map((input) => (
          <InputPanel key={input.name} id={id} device={device} framed={framed} input={input} />
        ))
      }
    </Opened>
  );
}

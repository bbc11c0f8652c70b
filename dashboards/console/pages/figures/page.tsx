/** One value of a figure: what it is, by what standard and version, from which readings with which flags, and what it was before. */
import type { ExplainedFigure } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount, formatPercent, formatShort, formatTime, formatValue } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { query, withQuery } from '#kit/router.ts';
import { client, now, profiles } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { Scroll, useTitle } from '#kit/ui/page.tsx';
import { t, word } from './texts.ts';
import './figures.css';

const day = (at: number): string => formatTime(at).slice(0, 10);

function Value({ figure }: { figure: ExplainedFigure }) {
  const length = figure.to - figure.at;
  const step = (at: number): string => withQuery({ at: new Date(at).toISOString() });
  return (
    <section class="panel pad" aria-label={say(figure.definition.title)}>
      <div class="opened-value">
        <span class="figure">
          <b class="number">{figure.value === null ? '–' : formatValue(figure.value)}</b>{' '}
          <span class="unit">{figure.unit}</span>
        </span>
        <span class="muted number">
          {formatShort(figure.at)} – {formatShort(figure.to)}
        </span>
        <span class="opened-steps">
          <a class="button" href={step(figure.at - length)}>
            {t('earlier')}
          </a>
          {figure.to <= now.value && (
            <a class="button" href={step(figure.to)}>
              {t('later')}
            </a>
          )}
        </span>
      </div>
      {figure.fault !== null && <p class="text-offline">{t('fault', { message: figure.fault })}</p>}
      {figure.fault === null && figure.value === null && <p>{t('too-little')}</p>}
      {!figure.closed && <p class="text-late">{t('not-closed')}</p>}
      <Grounds figure={figure} />
      {figure.assumptions.map((one) => (
        <p key={one.en} class="small muted">
          {t('assumption', { text: say(one) })}
        </p>
      ))}
    </section>
  );
}

function Grounds({ figure }: { figure: ExplainedFigure }) {
  return (
    <dl class="facts opened-grounds">
      <div>
        <dt>{t('completeness')}</dt>
        <dd class="number">{formatPercent(figure.completeness, 1)} %</dd>
      </div>
      {figure.standards.map((one) => (
        <div key={one.version}>
          <dt>{t('standard')}</dt>
          <dd>
            {t('since-day', { version: one.version, day: day(one.from) })}
            {!one.verified && <span class="tag">{t('unverified')}</span>}
            <div class="small muted">
              {t('source')}: {one.source}
            </div>
          </dd>
        </div>
      ))}
      <div>
        <dt>{t('definition')}</dt>
        <dd class="number">
          {figure.definition.figure} · {figure.definitionVersion}
        </dd>
      </div>
      {[...figure.attributes].map(([key, values]) => (
        <div key={key}>
          <dt>{word('attribute', key)}</dt>
          <dd>{values.length === 0 ? t('no-attribute') : values.join(', ')}</dd>
        </div>
      ))}
      <div>
        <dt>{t('corrections')}</dt>
        <dd class="number">
          {figure.corrections.length === 0
            ? t('no-corrections')
            : figure.corrections.map((id) => `#${id}`).join(', ')}
        </dd>
      </div>
    </dl>
  );
}

function Input({
  device,
  framed,
  input,
}: {
  device: string;
  framed: boolean;
  input: ExplainedFigure['inputs'][number];
}) {
  const metric = input.measured.at(-1)?.metric ?? '';
  const frameOf = (at: number): string =>
    `/devices/${encodeURIComponent(device)}?${new URLSearchParams({ metric, frame: String(at) })}`;
  const { expected, valid, count, readings, measured } = input;
  return (
    <>
      <p class="pad">
        {measured.map((one) => t('measured-by', { metric: one.metric })).join(', ')}
        {' · '}
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
        <Scroll label={t('inputs')}>
          <table class="dense">
            <thead>
              <tr>
                <th scope="col">{t('time')}</th>
                <th scope="col" class="right">
                  {t('value')}
                </th>
                <th scope="col">{t('flag')}</th>
                {framed && <th scope="col">{t('bytes')}</th>}
              </tr>
            </thead>
            <tbody>
              {readings.map(({ at, value, quality }) => (
                <tr key={at} class={quality === null ? '' : 'row-flagged'}>
                  <td class="number">{formatTime(at).slice(5)}</td>
                  <td class="right number">
                    {formatValue(value)} <span class="unit">{input.unit}</span>
                  </td>
                  <td>{word('quality', quality ?? 'good')}</td>
                  {framed && (
                    <td>
                      <a class="opened-link" href={frameOf(at)}>
                        {t('bytes')}
                      </a>
                    </td>
                  )}
                </tr>
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
    </>
  );
}

function History({ figure }: { figure: ExplainedFigure }) {
  return (
    <section class="panel" aria-labelledby="history-heading">
      <h2 id="history-heading">{t('history')}</h2>
      <Scroll label={t('history')}>
        <table class="dense">
          <thead>
            <tr>
              <th scope="col">{t('replaced')}</th>
              <th scope="col" class="right">
                {t('value')}
              </th>
              <th scope="col" class="right">
                {t('completeness')}
              </th>
              <th scope="col">{t('reasons')}</th>
            </tr>
          </thead>
          <tbody>
            {figure.history.map((one) => (
              <tr key={one.replacedAt}>
                <td class="number">{formatShort(one.replacedAt)}</td>
                <td class="right number">
                  {one.value === null ? '–' : formatValue(one.value)}{' '}
                  <span class="unit">{figure.unit}</span>
                </td>
                <td class="right number">{formatPercent(one.completeness, 1)} %</td>
                <td>{one.reasons.map((reason) => word('reason', reason)).join(', ')}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Opened({
  device,
  framed,
  figure,
}: {
  device: string;
  framed: boolean;
  figure: ExplainedFigure;
}) {
  useTitle(say(figure.definition.title));
  return (
    <>
      <Value figure={figure} />
      {figure.history.length > 0 && <History figure={figure} />}
      {figure.inputs.map((input) => (
        <section key={input.name} class="panel" aria-label={t('inputs')}>
          <h2>{t('inputs')}</h2>
          <Input device={device} framed={framed} input={input} />
        </section>
      ))}
    </>
  );
}

/** The page. */
export function Page({ id, title }: { id: string; title: string }) {
  const figure = query.value.get('figure');
  const at = query.value.get('at');
  const load = useLoad(
    figure === null || at === null ? null : `explain ${id} ${figure} ${at}`,
    (signal) =>
      client.call(calls.explainFigure, {
        query: { figure: figure ?? '', device: id, at: at ?? '' },
        signal,
      }),
  );
  const device = useLoad(`device ${id}`, (signal) =>
    client.call(calls.device, { params: { id }, signal }),
  );
  useTitle(title);
  // Only of such devices is kept what they sent.
  const framed = profiles.value.get(device.data?.profile ?? '')?.evidence === 'all';
  const { data } = load;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{data === undefined ? title : say(data.definition.title)}</h1>
        <a class="opened-link" href={`/devices/${encodeURIComponent(id)}`}>
          {device.data?.name ?? t('back')}
        </a>
      </header>
      <StaleNote error={data === undefined ? undefined : load.error} retry={load.reload} />
      {figure === null || at === null ? (
        <Empty title={t('nothing-asked')} />
      ) : data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={8} />
        ) : (
          <Failure whole error={load.error} retry={load.reload} />
        )
      ) : (
        <Opened device={id} framed={framed} figure={data} />
      )}
    </div>
  );
}

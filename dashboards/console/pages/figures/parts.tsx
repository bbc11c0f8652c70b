/** What an opened figure of a device and one of an area have in common: the value, what it rests on, what it was before. */
import type { ExplainedFigure } from '#kit/api/answers.ts';
import { formatExact, formatPercent, formatShort, formatTime, formatValue } from '#kit/format.ts';
import { withQuery } from '#kit/router.ts';
import { mayUse } from '#kit/session.ts';
import { now, session } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Scroll } from '#kit/ui/page.tsx';
import { t, word } from './texts.ts';

const day = (at: number): string => formatTime(at).slice(0, 10);

/** 2026-11-27, or 2026-11-27 13:00–14:00. */
export function periodOf({ definition, at, to }: ExplainedFigure): string {
  if (definition.span === 'day') return day(at);
  const end = formatTime(to).slice(11, 16);
  return `${formatTime(at).slice(0, 16)}–${end === '00:00' ? '24:00' : end}`;
}

/** The value itself, and what it rests on besides its inputs; `corrections` is where those are seen. */
export function Value({
  figure,
  corrections,
}: {
  figure: ExplainedFigure;
  corrections: string | undefined;
}) {
  const length = figure.to - figure.at;
  const step = (at: number): string => withQuery({ at: new Date(at).toISOString() });
  const ahead = figure.to <= now.value;
  return (
    <section class="panel pad" aria-label={t('value')}>
      <div class="opened-value">
        <span class="figure">
          <b class="number">{figure.value === null ? '–' : formatValue(figure.value)}</b>{' '}
          {figure.value !== null && <span class="unit">{word('unit', figure.unit)}</span>}
        </span>
        <span class="opened-steps">
          <a class="button" href={step(figure.at - length)}>
            {t('earlier')}
          </a>
          {ahead && (
            <a class="button" href={step(figure.to)}>
              {t('later')}
            </a>
          )}
        </span>
      </div>
      {figure.fault !== null && <p class="text-offline">{t('fault', { message: figure.fault })}</p>}
      {figure.fault === null && figure.value === null && (
        <p>{t(figure.closed ? 'too-little' : 'too-little-yet')}</p>
      )}
      {!figure.closed && <p class="text-late">{t('not-closed')}</p>}
      <Grounds figure={figure} corrections={corrections} />
      {figure.assumptions.map((one) => (
        <p key={one.en} class="small muted">
          {t('assumption', { text: say(one) })}
        </p>
      ))}
    </section>
  );
}

/** An attribute's value as people say it. */
const attributeWorded = (key: string, value: string): string =>
  key === 'function-zone' ? t('zone', { n: value }) : value;

function Grounds({
  figure,
  corrections,
}: {
  figure: ExplainedFigure;
  corrections: string | undefined;
}) {
  const reader = session.value;
  const may = reader != null && mayUse({ right: 'corrections.read' }, reader);
  const numbers = figure.corrections.map((id) => `#${id}`).join(', ');
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
            {one.limits.map(({ quantity, unit, name, value }) => (
              <div key={`${quantity} ${say(name)}`} class="number">
                {say(name)} {formatExact(value)} <span class="muted">{word('unit', unit)}</span>
              </div>
            ))}
            <div class="small muted">{t('source', { text: say(one.source) })}</div>
          </dd>
        </div>
      ))}
      <div>
        <dt>{t('definition')}</dt>
        <dd class="number">{t('version-n', { n: figure.definitionVersion })}</dd>
      </div>
      {[...figure.attributes].map(([key, values]) => (
        <div key={key}>
          <dt>{word('attribute', key)}</dt>
          <dd>
            {values.length === 0
              ? t('no-attribute')
              : values.map((value) => attributeWorded(key, value)).join(', ')}
          </dd>
        </div>
      ))}
      <div>
        <dt>{t('corrections')}</dt>
        <dd class="number">
          {figure.corrections.length === 0 ? (
            t('no-corrections')
          ) : may && corrections !== undefined ? (
            <a class="link" href={corrections}>
              {numbers}
            </a>
          ) : (
            numbers
          )}
        </dd>
      </div>
    </dl>
  );
}

/** What it was before. */
export function History({ figure }: { figure: ExplainedFigure }) {
  return (
    <section class="panel" aria-labelledby="history-heading">
      <h2 id="history-heading">{t('history')}</h2>
      <Scroll label={t('former')}>
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
                  <span class="unit">{word('unit', figure.unit)}</span>
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

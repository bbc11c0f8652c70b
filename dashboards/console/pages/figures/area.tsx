/** One value of an area's figure: what it is, by what standard, from which stations with what their own figures came to. */
import type { ExplainedFigure } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { figureHref } from '#kit/figures/panel.tsx';
import { formatCount, formatExact, formatPercent, formatShort } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Empty } from '#kit/ui/notices.tsx';
import { Scroll } from '#kit/ui/page.tsx';
import { Opened } from './opened.tsx';
import { t, word } from './texts.ts';

type Input = ExplainedFigure['inputs'][number];
type Station = NonNullable<Input['stations']>[number];

/** Why a station counts with a part only: it came or left in the time of the figure. */
function Notes({ station, one }: { station: Station; one: Station['values'][number] }) {
  const moved = station.stays.some(
    ({ from, to }) =>
      (from !== null && from > one.at && from < one.at + 86_400_000) ||
      (to !== null && to > one.at && to < one.at + 86_400_000),
  );
  return (
    <>
      {one.fault !== null && <span class="tag tag-bad">{t('failed')}</span>}
      {one.fault === null && one.value === null && <span class="muted">{t('no-value')}</span>}
      {one.corrections.length > 0 && <span class="tag">{t('corrected')}</span>}
      {moved && <span class="tag">{t('moved')}</span>}
      {!station.opens && <span class="muted">{t('elsewhere')}</span>}
    </>
  );
}

function Stations({ input }: { input: Input }) {
  const stations = input.stations ?? [];
  const several = stations.some(({ values }) => values.length > 1);
  return (
    <Scroll label={t('stations')}>
      <table class="dense opened-table">
        <thead>
          <tr>
            <th scope="col">{t('station')}</th>
            {several && <th scope="col">{t('time')}</th>}
            <th scope="col" class="right">
              {t('value')}
              {input.unit !== '' && <span class="unit">{word('unit', input.unit)}</span>}
            </th>
            <th scope="col" class="right">
              {t('completeness')}
            </th>
            <th scope="col">{t('note')}</th>
          </tr>
        </thead>
        <tbody>
          {stations.flatMap((station) =>
            station.values.map((one) => (
              <tr key={`${station.device} ${one.at}`}>
                <td>
                  {station.opens ? (
                    <a
                      class="opened-link opened-name"
                      href={figureHref({ device: station.device }, input.figure ?? '', one.at)}
                    >
                      {station.name ?? station.device}
                    </a>
                  ) : (
                    station.device
                  )}
                  {station.name !== null && (
                    <span class="opened-id small muted">{station.device}</span>
                  )}
                </td>
                {several && <td class="number">{formatShort(one.at)}</td>}
                <td class="right number">{one.value === null ? '–' : formatExact(one.value)}</td>
                <td class="right number">{formatPercent(one.completeness, 1)} %</td>
                <td>
                  <span class="figure-notes">
                    <Notes station={station} one={one} />
                  </span>
                </td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </Scroll>
  );
}

function InputPanel({ input }: { input: Input }) {
  const { expected, valid, stations, stationCount } = input;
  const shown = stations?.length ?? 0;
  const heading = `inputs-${input.name}`;
  return (
    <section class="panel" aria-labelledby={heading}>
      <h2 id={heading}>{t('inputs-stations')}</h2>
      <p class="pad">
        {t('stations-text', {
          count: formatCount(stationCount ?? shown),
          expected: formatCount(expected),
          valid: formatCount(valid),
        })}{' '}
        {(stationCount ?? shown) > shown && t('first-of', { n: formatCount(shown) })}
      </p>
      {shown === 0 ? <Empty icon="chart" title={t('no-stations')} /> : <Stations input={input} />}
    </section>
  );
}

/** The page. */
export function Page({ code, title }: { code: string; title: string }) {
  const load = useLoad(`area ${code}`, (signal) =>
    client.call(calls.area, { params: { code }, signal }),
  );
  const { data } = load;
  const owner = {
    of: { area: code },
    href: `/areas/${encodeURIComponent(code)}`,
    load,
    name: data === undefined ? undefined : say(data.name),
    places: data?.path.filter((place) => place.code !== code) ?? [],
  };
  return (
    <Opened title={title} owner={owner}>
      {({ inputs }) => inputs.map((input) => <InputPanel key={input.name} input={input} />)}
    </Opened>
  );
}

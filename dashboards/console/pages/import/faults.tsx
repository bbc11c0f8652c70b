/** Faults of a file beside the rows that have them: wrong cells are marked, and beneath each row stands what is wrong with it. */
import { Fragment } from 'preact';
import type { Imported } from '#kit/api/answers.ts';
import { language } from '#kit/text/language.ts';
import { t, word } from './texts.ts';

type Fault = Imported['faults'][number];
type Rows = NonNullable<Imported['rows']>;

const said = (fault: Fault): string => (language.value === 'zh' ? fault.zh : fault.message);

/** The columns that any of the rows says something in, and those with faults. */
const columnsOf = (rows: Rows, faults: readonly Fault[]): string[] => {
  const wrong = new Set(faults.map(({ column }) => column));
  const names = rows[0] === undefined ? [] : [...rows[0].cells.keys()];
  return names.filter(
    (name) => wrong.has(name) || rows.some(({ cells }) => (cells.get(name) ?? '') !== ''),
  );
};

function Messages({ faults }: { faults: readonly Fault[] }) {
  return (
    <ul>
      {faults.map((fault, n) => (
        <li key={n}>
          {fault.column !== '' && (
            <b>
              {fault.cell === null ? '' : `${fault.cell} `}
              {word('column', fault.column)}{' '}
            </b>
          )}
          {said(fault)}
        </li>
      ))}
    </ul>
  );
}

/** Rows of the file with what is wrong in them. */
function RowTable({ rows, faults }: { rows: Rows; faults: readonly Fault[] }) {
  const columns = columnsOf(rows, faults);
  const byLine = Map.groupBy(faults, ({ line }) => line);
  return (
    <section class="import-table" aria-label={t('faults.table')}>
      <table>
        <thead>
          <tr>
            <th>{t('line')}</th>
            {columns.map((name) => (
              <th key={name}>{word('column', name)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ line, cells }) => {
            const own = byLine.get(line) ?? [];
            const wrong = new Set(own.map(({ column }) => column));
            return (
              <Fragment key={line}>
                <tr class="import-row">
                  <th class="number" scope="row">
                    {line}
                  </th>
                  {columns.map((name) => (
                    <td key={name} class={wrong.has(name) ? 'import-wrong' : undefined}>
                      {cells.get(name)}
                    </td>
                  ))}
                </tr>
                <tr class="import-why">
                  <td />
                  <td colSpan={columns.length}>
                    <Messages faults={own} />
                  </td>
                </tr>
              </Fragment>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

/** Faults of what is no row of the table: headings, rows that are cut off. */
function Others({ faults }: { faults: readonly Fault[] }) {
  return (
    <div class="import-table">
      <table>
        <thead>
          <tr>
            <th>{t('cell')}</th>
            <th>{t('column')}</th>
            <th>{t('fault')}</th>
          </tr>
        </thead>
        <tbody>
          {faults.map((fault, n) => (
            <tr key={n}>
              <td>{fault.cell ?? t('row', { n: fault.line })}</td>
              <td>{word('column', fault.column)}</td>
              <td>{said(fault)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Faults({ faults, rows }: { faults: readonly Fault[]; rows: Rows }) {
  const lines = new Set(rows.map(({ line }) => line));
  const others = faults.filter(({ line }) => !lines.has(line));
  return (
    <section class="panel" aria-labelledby="import-faults">
      <h2 id="import-faults" role="alert">
        {t('faults', { n: faults.length })}
      </h2>
      {rows.length > 0 && <RowTable rows={rows} faults={faults} />}
      {others.length > 0 && <Others faults={others} />}
    </section>
  );
}

/** Choosing the time that the device page shows; the choice stands in the address. */
import { useState } from 'preact/hooks';
import { formatShort, formatSpan, fromField, toField } from '#kit/format.ts';
import { go, withQuery } from '#kit/router.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Menu } from '#kit/ui/page.tsx';
import { RANGES, type TimeRange } from './data.ts';
import { t } from './texts.ts';

/** Puts a time of its own choice into the address. */
export function goToRange(from: number, to: number): void {
  go(
    withQuery({
      range: null,
      from: new Date(from).toISOString(),
      to: new Date(to).toISOString(),
    }),
  );
}

/** The usual lengths as links, and a form for any other. */
export function RangePicker({ range }: { range: TimeRange }) {
  const [wrong, setWrong] = useState(false);
  function apply(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const from = fromField(String(form.get('from') ?? ''));
    const to = fromField(String(form.get('to') ?? ''));
    setWrong(!(from < to));
    if (from < to) goToRange(from, to);
  }
  return (
    <div class="ranges">
      <fieldset class="segments">
        <legend class="hidden">{t('range')}</legend>
        {(Object.keys(RANGES) as (keyof typeof RANGES)[]).map((name) => (
          <a
            key={name}
            href={withQuery({ range: name, from: null, to: null })}
            aria-current={range.name === name ? 'true' : undefined}
          >
            {formatSpan(RANGES[name])}
          </a>
        ))}
      </fieldset>
      <Menu
        key={`${range.name} ${range.name === 'custom' ? range.from : ''}`}
        chosen={range.name === 'custom'}
        label={
          <>
            {range.name === 'custom'
              ? `${formatShort(range.from)} – ${formatShort(range.to)}`
              : t('custom')}
            <Icon name="down" size={12} />
          </>
        }
      >
        <form class="menu-body" onSubmit={apply}>
          <label>
            {t('from')}
            <input type="datetime-local" name="from" defaultValue={toField(range.from)} />
          </label>
          <label>
            {t('to')}
            <input type="datetime-local" name="to" defaultValue={toField(range.to)} />
          </label>
          {wrong && (
            <p class="form-error" role="alert">
              {t('range-wrong')}
            </p>
          )}
          <button type="submit" class="button primary">
            {t('apply')}
          </button>
        </form>
      </Menu>
    </div>
  );
}

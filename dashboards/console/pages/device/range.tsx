/** Choosing the time that the device page shows; the choice stands in the address. */
import { useState } from 'preact/hooks';
import { formatShort, formatSpan, fromField, toField } from '#kit/format.ts';
import { go, withQuery } from '#kit/router.ts';
import { t } from '#kit/text/language.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Menu } from '#kit/ui/parts.tsx';
import { RANGES, type TimeRange } from './data.ts';

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
        <legend class="hidden">{t('device.range')}</legend>
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
              : t('device.custom')}
            <Icon name="down" size={12} />
          </>
        }
      >
        <form class="menu-body" onSubmit={apply}>
          <label>
            {t('device.from')}
            <input type="datetime-local" name="from" defaultValue={toField(range.from)} />
          </label>
          <label>
            {t('device.to')}
            <input type="datetime-local" name="to" defaultValue={toField(range.to)} />
          </label>
          {wrong && (
            <p class="form-error" role="alert">
              {t('device.range-wrong')}
            </p>
          )}
          <button type="submit" class="button primary">
            {t('device.apply')}
          </button>
        </form>
      </Menu>
    </div>
  );
}

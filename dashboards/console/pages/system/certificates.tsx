/** The certificates of the listeners, and how long they hold. */
import type { System } from '#kit/api/answers.ts';
import { formatCount, formatTime } from '#kit/format.ts';
import { t } from './texts.ts';

/** Days before its end from which on a certificate wants attention, as the server's log says. */
const TELL_DAYS = 30;

function urgency(daysLeft: number): string {
  if (daysLeft < 0) return 'text-offline';
  return daysLeft <= TELL_DAYS ? 'text-late' : '';
}

/** Whole days are counted down: what ended less than a day ago has -1. */
function leftOf(daysLeft: number): string {
  if (daysLeft >= 0) return formatCount(daysLeft);
  return daysLeft === -1 ? t('ended-today') : t('days-ago', { n: formatCount(-daysLeft - 1) });
}

export function Certificates({ certificates }: { certificates: System['certificates'] }) {
  if (certificates.length === 0) return null;
  return (
    <section class="panel" aria-labelledby="certificates-heading">
      <h2 id="certificates-heading">{t('certificates')}</h2>
      <ul class="gateways">
        {certificates.map(({ setting, subject, validTo, daysLeft, fault }) => (
          <li key={`${setting} ${subject}`} class="gateway">
            <span class="card-head">
              <b>{subject}</b>
              <span class="muted">{setting}</span>
            </span>
            <dl class="counters">
              <div>
                <dt class="muted">{t('valid-to')}</dt>
                <dd class="number" title={formatTime(validTo)}>
                  {formatTime(validTo).slice(0, 10)}
                </dd>
              </div>
              <div class={urgency(daysLeft)}>
                <dt class="muted">{t(daysLeft < 0 ? 'ended-days' : 'days-left')}</dt>
                <dd class="number">{leftOf(daysLeft)}</dd>
              </div>
            </dl>
            {fault !== null && <p class="text-offline">{t('not-used', { reason: fault })}</p>}
          </li>
        ))}
      </ul>
    </section>
  );
}

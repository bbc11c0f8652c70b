/** How far a device's own clock is off: in words, and as a notice where somebody has to set it. */
import type { DeviceClock } from '../api/answers.ts';
import { formatLength, formatTime } from '../format.ts';
import { Icon } from '../ui/icon.tsx';
import { t } from './clock-texts.ts';
import './clock.css';

/** Less is the way of a message, which a gateway may hold for a minute and a half. */
const OFF_SECONDS = 120;

const lengthOf = ({ offset }: DeviceClock): string => formatLength(Math.abs(offset) * 1000);

const isOff = ({ offset }: DeviceClock): boolean => Math.abs(offset) >= OFF_SECONDS;

/** Of a device's clock, or of a gateway's. */
export function ClockNotice({
  clock,
  ofGateway = false,
}: {
  clock: DeviceClock | null;
  ofGateway?: boolean;
}) {
  if (clock === null || !isOff(clock)) return null;
  const text = clock.offset < 0 ? 'clock-off-behind' : 'clock-off-ahead';
  return (
    <p class="panel clock-off">
      <Icon name="warning" size={18} />
      <span>
        <strong>{t(text, { length: lengthOf(clock) })}</strong>
        {' · '}
        {t(ofGateway ? 'clock-hint-gateway' : 'clock-hint', { time: formatTime(clock.since) })}
      </span>
    </p>
  );
}

/** The clock as a fact of the device or gateway; none while nothing is known of it. */
export function clockFacts(clock: DeviceClock | null, ofGateway = false): [string, string][] {
  if (clock === null) return [];
  const off = clock.offset < 0 ? 'clock-behind' : 'clock-ahead';
  const right = isOff(clock) ? t(off, { length: lengthOf(clock) }) : t('clock-right');
  const drift = clock.drift === null ? '' : ` · ${t('clock-drift', { n: String(clock.drift) })}`;
  return [[t(ofGateway ? 'clock-of-gateway' : 'clock'), right + drift]];
}

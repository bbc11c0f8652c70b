/** Why something was retired, where somebody said it. */
import { t } from './texts.ts';

export const Reason = ({
  of: { retiredReason },
}: {
  of: { readonly retiredReason: string | null };
}) =>
  retiredReason === null ? null : (
    <span class="retired-reason">{t('ended.reason', { reason: retiredReason })}</span>
  );

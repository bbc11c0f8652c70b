/** Why the server took a correction not, in people's words. */
import type { ApiError } from '#kit/api/client.ts';
import { explain } from '#kit/ui/notices.tsx';
import { t } from './texts.ts';

const CODES = ['second-person', 'contradicts', 'bad-statement', 'unequal-metrics'] as const;

export function refusal(error: ApiError): string {
  const code = CODES.find((one) => one === error.code);
  if (code === undefined) return explain(error);
  return code === 'second-person'
    ? t('refused.second-person')
    : t(`refused.${code}`, { detail: error.message });
}

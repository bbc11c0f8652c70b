/** From a reading to the message that it came in. */
import { withQuery } from '#kit/router.ts';
import { t } from './texts.ts';

/** What the column of such links says. */
export const messageHead = (): string => t('frame.open');

export function MessageLink({ at }: { at: number }) {
  return (
    <a class="link" href={withQuery({ frame: String(at) })}>
      {t('frame.open')}
    </a>
  );
}

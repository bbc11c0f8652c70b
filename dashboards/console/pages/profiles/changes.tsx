/** What devices of a type would notice of another file of it. */
import type { CheckedProfile } from '#kit/api/answers.ts';
import { language } from '#kit/text/language.ts';
import { t, word } from './texts.ts';

type Change = NonNullable<CheckedProfile['known']>['changes'][number];

export function Changes({ changes }: { changes: readonly Change[] }) {
  return (
    <ul class="type-changes">
      {changes.map(({ what, subject, detail, zh, mayBeWanted }) => (
        <li key={what + subject + detail} class={mayBeWanted ? '' : 'form-error'}>
          {word('change', what)}
          {subject === '' && what === 'options-unfit' ? (
            t('change.elsewhere')
          ) : (
            <code>{subject}</code>
          )}
          {detail !== '' && (
            <span class="muted"> {language.value === 'zh' ? (zh ?? detail) : detail}</span>
          )}
        </li>
      ))}
    </ul>
  );
}

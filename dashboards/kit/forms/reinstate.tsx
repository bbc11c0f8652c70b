/** The dialog that brings a retired area, gateway or device back, and says what of it no longer fits. */
import { language } from '../text/language.ts';
import { FormDialog } from './dialog.tsx';
import type { Faults } from './form.tsx';
import { t, word } from './texts.ts';

export function ReinstateDialog({
  heading,
  hint,
  send,
  done,
}: {
  heading: string;
  /** What it means. */
  hint: string;
  send: () => Promise<{ readonly faults?: Faults } | null>;
  done: () => void;
}) {
  return (
    <FormDialog
      label={t('reinstate')}
      heading={heading}
      hint={hint}
      go={t('reinstate')}
      send={send}
      done={done}
    >
      {({ faults }) =>
        faults.length === 0 ? null : (
          <>
            <ul class="field-fault small">
              {faults.map(({ field, message, zh }) => (
                <li key={field}>
                  {language.value === 'zh'
                    ? `${word('column', field)}：${zh}`
                    : `${word('column', field)} ${message}`}
                </li>
              ))}
            </ul>
            <p class="small">{t('reinstate.unfit')}</p>
          </>
        )
      }
    </FormDialog>
  );
}

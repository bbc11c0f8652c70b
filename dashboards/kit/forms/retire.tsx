/** The dialog that ends the service of an area, a gateway or a device, once nothing in service depends on it. */
import type { ComponentChildren } from 'preact';
import { FormDialog } from './dialog.tsx';
import { Field, textOf } from './form.tsx';
import type { Fresh } from './fresh.ts';
import { t } from './texts.ts';

export function RetireDialog<Now extends { readonly version: string }>({
  name,
  heading,
  hint,
  fresh,
  dependents = () => null,
  loss = () => null,
  send,
  done,
}: {
  name: string;
  heading: string;
  /** What it means. */
  hint: string;
  fresh: Fresh<Now>;
  /** What depends on it and keeps it in service; null where nothing does. */
  dependents?: (now: Now) => ComponentChildren;
  /** What is lost by it now. */
  loss?: (now: Now) => ComponentChildren;
  send: (body: { version: string; reason?: string }) => Promise<unknown>;
  done: () => void;
}) {
  const { now } = fresh;
  const kept = now === undefined ? null : dependents(now);
  return (
    <FormDialog
      label={t('retire')}
      heading={heading}
      hint={hint}
      go={t('retire')}
      blocked={kept !== null}
      waiting={fresh.waiting}
      opened={fresh.open}
      send={async (form) => {
        if (now === undefined) return null;
        const reason = textOf(form, 'reason');
        await send({ version: now.version, ...(reason === '' ? {} : { reason }) });
        return null;
      }}
      done={done}
    >
      {now === undefined
        ? null
        : ({ faults }) =>
            kept ?? (
              <>
                {loss(now)}
                <Field name="reason" label={t('retire.reason')} faults={faults}>
                  {(control) => <input {...control} maxLength={200} autoComplete="off" />}
                </Field>
                <label class="check">
                  <input type="checkbox" required />
                  <span>{t('retire.confirm', { name })}</span>
                </label>
              </>
            )}
    </FormDialog>
  );
}

/** Ending a gateway's service, once it was said what that means and nothing depends on it any more. */
import { useState } from 'preact/hooks';
import type { Gateway } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount } from '#kit/format.ts';
import { FormDialog } from '#kit/forms/dialog.tsx';
import { Field, textOf } from '#kit/forms/form.tsx';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { t } from './texts.ts';

export function Retire({ gateway, changed }: { gateway: Gateway; changed: () => void }) {
  const { id, name, waiting } = gateway;
  const [turn, setTurn] = useState(0);
  const load = useLoad(turn === 0 ? null : `retiring ${id} ${turn}`, async (signal) => {
    const given = { params: { id }, signal };
    // First the word of the state: of what is younger than it, retiring is refused.
    const { version } = await client.call(calls.gatewayRegistration, given);
    return { turn, version, ...(await client.call(calls.gatewayDependents, given)) };
  });
  const now = load.data?.turn === turn ? load.data : undefined;
  const blocked = now !== undefined && now.devices > 0;
  const waits = (waiting?.live ?? 0) + (waiting?.backfill ?? 0);
  return (
    <FormDialog
      label={t('retire')}
      heading={t('retire.heading', { id })}
      hint={t('retire.hint')}
      go={t('retire.go')}
      blocked={blocked}
      waiting={load}
      opened={() => setTurn(turn + 1)}
      send={async (form) => {
        if (now === undefined) return null;
        const reason = textOf(form, 'reason');
        const body = { version: now.version, ...(reason === '' ? {} : { reason }) };
        await client.call(calls.retireGateway, { params: { id }, body });
        return null;
      }}
      done={changed}
    >
      {now === undefined
        ? null
        : ({ faults }) =>
            blocked ? (
              <>
                <p role="alert" class="form-error">
                  {t('retire.devices', { n: formatCount(now.devices) })}
                </p>
                <ul class="gateway-dependents">
                  {now.first.map((device) => (
                    <li key={device.id}>
                      <a class="link" href={`/devices/${encodeURIComponent(device.id)}`}>
                        {device.name}
                      </a>{' '}
                      <span class="muted small">{device.id}</span>
                    </li>
                  ))}
                  {now.devices > now.first.length && <li class="muted">{t('retire.more')}</li>}
                </ul>
              </>
            ) : (
              <>
                {waits > 0 && (
                  <p class="form-error">{t('retire.waits', { n: formatCount(waits) })}</p>
                )}
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

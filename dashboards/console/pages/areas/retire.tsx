/** Ending an area's service, once nothing is of it any more, and bringing it back. */
import { useState } from 'preact/hooks';
import type { Area, AreaDependents } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount } from '#kit/format.ts';
import { FormDialog } from '#kit/forms/dialog.tsx';
import { Field, textOf } from '#kit/forms/form.tsx';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { t } from './texts.ts';

const KINDS = ['areas', 'devices', 'gateways', 'accounts', 'tokens'] as const;

/** Where what depends on an area is moved, retired or removed. */
const hrefOf = ({ code, name }: Area, kind: (typeof KINDS)[number]): string =>
  ({
    areas: `/areas/${code}`,
    devices: `/devices?area=${code}`,
    gateways: `/gateways?q=${encodeURIComponent(say(name))}`,
    accounts: `/people?area=${code}`,
    tokens: '/tokens',
  })[kind];

function Dependents({ area, found }: { area: Area; found: AreaDependents }) {
  return (
    <>
      <p role="alert" class="form-error">
        {t('retire.in-use')}
      </p>
      <ul class="area-dependents">
        {KINDS.filter((kind) => found[kind] > 0).map((kind) => (
          <li key={kind}>
            <a class="link" href={hrefOf(area, kind)}>
              {t(`retire.${kind}`, { n: formatCount(found[kind]) })}
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

export function RetireArea({ area, changed }: { area: Area; changed: () => void }) {
  const { code, name } = area;
  const [turn, setTurn] = useState(0);
  const load = useLoad(turn === 0 ? null : `retiring area ${code} ${turn}`, async (signal) => {
    const given = { params: { code }, signal };
    // First the word of the state: of what is younger than it, retiring is refused.
    const { version } = await client.call(calls.areaRegistration, given);
    return { turn, version, found: await client.call(calls.areaDependents, given) };
  });
  const now = load.data?.turn === turn ? load.data : undefined;
  const blocked = now !== undefined && KINDS.some((kind) => now.found[kind] > 0);
  return (
    <FormDialog
      label={t('retire')}
      heading={t('retire.heading', { name: say(name) })}
      hint={t('retire.hint')}
      go={t('retire')}
      blocked={blocked}
      waiting={load}
      opened={() => setTurn(turn + 1)}
      send={async (form) => {
        if (now === undefined) return null;
        const reason = textOf(form, 'reason');
        const body = { version: now.version, ...(reason === '' ? {} : { reason }) };
        await client.call(calls.retireArea, { params: { code }, body });
        return null;
      }}
      done={changed}
    >
      {now === undefined
        ? null
        : ({ faults }) =>
            blocked ? (
              <Dependents area={area} found={now.found} />
            ) : (
              <>
                <Field name="reason" label={t('retire.reason')} faults={faults}>
                  {(control) => <input {...control} maxLength={200} autoComplete="off" />}
                </Field>
                <label class="check">
                  <input type="checkbox" required />
                  <span>{t('retire.confirm', { name: say(name) })}</span>
                </label>
              </>
            )}
    </FormDialog>
  );
}

export function ReinstateArea({ area, changed }: { area: Area; changed: () => void }) {
  const { code, name } = area;
  return (
    <FormDialog
      label={t('reinstate')}
      heading={t('reinstate.heading', { name: say(name) })}
      hint={t('reinstate.hint')}
      go={t('reinstate')}
      send={async () => {
        const params = { code };
        const { version } = await client.call(calls.areaRegistration, { params });
        await client.call(calls.reinstateArea, { params, body: { version } });
        return null;
      }}
      done={changed}
    >
      {() => null}
    </FormDialog>
  );
}

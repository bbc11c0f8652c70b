/** Fields that depend on the type of a device: who speaks for it, and its options. */
import type { ProfileForm } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { type Faults, Field } from '#kit/forms/form.tsx';
import { allPages, useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { t } from './texts.ts';

const PAGES_MAX = 5;

export function GatewayField({ type, faults }: { type: ProfileForm; faults: Faults }) {
  const load = useLoad('gateways', async (signal) => {
    const { items } = await allPages(
      (cursor) => client.call(calls.gateways, { query: { cursor }, signal }),
      PAGES_MAX,
    );
    return items;
  });
  const items = load.data ?? [];
  if (!type.viaGateway && items.length === 0) return null;
  const hint = type.viaGateway ? { hint: t('gateway.needed') } : {};
  return (
    <>
      <Field name="gateway" label={t('gateway')} faults={faults} {...hint}>
        {(control) => (
          <select {...control} required={type.viaGateway} disabled={items.length === 0}>
            <option value="">{type.viaGateway ? t('profile.choose') : t('device.direct')}</option>
            {items.map(({ id, name }) => (
              <option key={id} value={id}>
                {name} ({id})
              </option>
            ))}
          </select>
        )}
      </Field>
      {load.data !== undefined && items.length === 0 && (
        <p class="form-error" role="alert">
          {t('gateway.none')}
        </p>
      )}
    </>
  );
}

/** What a value is called: texts without the quotes of JSON. */
const shown = (json: string): string => (json.startsWith('"') ? json.slice(1, -1) : json);

export function OptionFields({ type, faults }: { type: ProfileForm; faults: Faults }) {
  if (type.options.length === 0) return null;
  return (
    <>
      {type.options.map(({ key, name, default: usual, values }) => (
        <Field key={key} name={`option-${key}`} label={say(name)} faults={[]}>
          {(control) => (
            <select {...control}>
              {values.map((value) => (
                <option key={value} value={value} selected={value === usual}>
                  {shown(value)}
                </option>
              ))}
            </select>
          )}
        </Field>
      ))}
      {faults.some(({ field }) => field === 'options') && (
        <Field name="options" label={t('options')} faults={faults}>
          {() => null}
        </Field>
      )}
    </>
  );
}

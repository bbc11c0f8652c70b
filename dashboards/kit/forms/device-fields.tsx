/** Fields of a device's registration: what speaks for it, its address, its options and where it stands on the map. */
import type { Device, DeviceRegistration, ProfileForm } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { allPages, useLoad } from '../load.ts';
import { client } from '../state.ts';
import { say } from '../text/language.ts';
import { type Faults, Field, numberOf, textOf } from './form.tsx';
import { t, word } from './texts.ts';

const PAGES_MAX = 5;

/** What forms must know of each type, by its id. */
export const useProfileForms = () =>
  useLoad('profile forms', async (signal) => {
    const { items } = await client.call(calls.profileForms, { signal });
    return new Map(items.map((item) => [item.id, item]));
  });

function GatewayField({
  type,
  faults,
  chosen,
}: {
  type: ProfileForm;
  faults: Faults;
  chosen: string;
}) {
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
      <Field name="gateway" label={t('device.gateway')} faults={faults} {...hint}>
        {(control) => (
          <select {...control} required={type.viaGateway}>
            <option value="">{type.viaGateway ? t('choose') : t('device.direct')}</option>
            {items.map(({ id, name }) => (
              <option key={id} value={id} selected={id === chosen}>
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
      {load.data !== undefined && items.length === 0 && (
        <p>
          <a class="button" href="/gateways/new">
            {t('gateway.add')}
          </a>
        </p>
      )}
    </>
  );
}

/** What a value is called: texts without the quotes of JSON. */
const shown = (json: string): string => (json.startsWith('"') ? json.slice(1, -1) : json);

function OptionFields({
  type,
  faults,
  options,
}: {
  type: ProfileForm;
  faults: Faults;
  options: DeviceRegistration['options'] | undefined;
}) {
  return (
    <>
      {type.options.map(({ key, name, default: usual, values }) => {
        const set = options?.get(key);
        const chosen = set === undefined ? usual : JSON.stringify(set);
        return (
          <Field key={key} name={`option-${key}`} label={say(name)} faults={[]}>
            {(control) => (
              <select {...control}>
                {values.map((value) => (
                  <option key={value} value={value} selected={value === chosen}>
                    {shown(value)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        );
      })}
      {faults.some(({ field }) => field === 'options') && (
        <Field name="options" label={t('options')} faults={faults}>
          {() => null}
        </Field>
      )}
    </>
  );
}

/** All that depends on the type; `device` and `options` are what holds now, of one that is there. */
export function DeviceFields({
  type,
  faults,
  device,
  options,
}: {
  type: ProfileForm;
  faults: Faults;
  device?: Device;
  options?: DeviceRegistration['options'];
}) {
  const { addressKind } = type;
  return (
    <>
      <GatewayField type={type} faults={faults} chosen={device?.gateway ?? ''} />
      <Field
        name="address"
        label={addressKind === 'exact' ? t('address') : word('address', addressKind)}
        hint={t('address.hint')}
        faults={faults}
      >
        {(control) => (
          <input
            {...control}
            maxLength={128}
            autoComplete="off"
            spellcheck={false}
            defaultValue={device?.address ?? ''}
          />
        )}
      </Field>
      <OptionFields type={type} faults={faults} options={options} />
    </>
  );
}

export function DegreeFields({ faults, device }: { faults: Faults; device?: Device }) {
  return (
    <div class="degrees">
      {(['longitude', 'latitude'] as const).map((name) => (
        <Field key={name} name={name} label={t(name)} hint={t(`degrees.${name}`)} faults={faults}>
          {(control) => (
            <input
              {...control}
              type="number"
              step="any"
              inputMode="decimal"
              defaultValue={device?.[name] ?? ''}
            />
          )}
        </Field>
      ))}
    </div>
  );
}

/**
 * What such fields say, in the words of the interface. Options that the form does not show (of channels) stay as they are.
 */
export function registrationOf(
  form: HTMLFormElement,
  type: ProfileForm | undefined,
  before: ReadonlyMap<string, unknown> = new Map(),
) {
  const options = new Map(before as ReadonlyMap<string, string | number | boolean>);
  for (const { key, default: usual } of type?.options ?? []) {
    const chosen = textOf(form, `option-${key}`);
    if (chosen === '' || chosen === usual) options.delete(key);
    else options.set(key, JSON.parse(chosen) as string | number | boolean);
  }
  const gateway = textOf(form, 'gateway');
  return {
    ...{ name: textOf(form, 'name'), address: textOf(form, 'address') },
    gateway: gateway === '' ? null : gateway,
    ...{ longitude: numberOf(form, 'longitude'), latitude: numberOf(form, 'latitude') },
    options: Object.fromEntries(options),
  };
}

/** Changing a device's registration, moving it, ending its service and bringing it back, each after it was said what it means. */
import { useRef, useState } from 'preact/hooks';
import type { Device } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { keepSecret } from '#kit/connect/secrets.ts';
import {
  DegreeFields,
  DeviceFields,
  registrationOf,
  useProfileForms,
} from '#kit/forms/device-fields.tsx';
import { FormDialog } from '#kit/forms/dialog.tsx';
import { Field } from '#kit/forms/form.tsx';
import { useFresh } from '#kit/forms/fresh.ts';
import { ReinstateDialog } from '#kit/forms/reinstate.tsx';
import { RetireDialog } from '#kit/forms/retire.tsx';
import { AreaChoice } from '#kit/places/area-choice.tsx';
import { go } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import { t } from './texts.ts';

interface Props {
  readonly device: Device;
  readonly changed: () => void;
}

/** The device as it is when a dialog opens, with the word of that state. */
const useRegistered = (id: string) =>
  useFresh(`registered ${id}`, async (signal) => {
    const given = { params: { id }, signal };
    // First the word: of what is younger than it, saving is refused.
    const registration = await client.call(calls.deviceRegistration, given);
    const { version } = registration;
    return { version, registration, device: await client.call(calls.device, given) };
  });

function Change({ device, changed }: Props) {
  const { id } = device;
  const made = useRef(false);
  const registered = useRegistered(id);
  const forms = useProfileForms();
  const { now } = registered;
  const type = forms.data?.get(device.profile);
  return (
    <FormDialog
      label={t('change')}
      heading={t('change.heading')}
      hint={t('change.hint')}
      go={t('change.go')}
      waiting={registered.waiting}
      opened={registered.open}
      send={async (form) => {
        if (now === undefined) return null;
        const { options, version } = now.registration;
        const body = { version, ...registrationOf(form, type, options) };
        const saved = await client.call(calls.changeDevice, { params: { id }, body });
        made.current = saved.secret !== null;
        if (saved.secret !== null) keepSecret(id, saved.secret);
        return saved;
      }}
      done={() => {
        // One that speaks for itself from now on has got a secret, which is shown once.
        if (made.current) go(`/devices/${encodeURIComponent(id)}/connect`);
        changed();
      }}
    >
      {now === undefined || type === undefined
        ? null
        : ({ faults }) => (
            <>
              <Field name="name" label={t('device.name')} faults={faults}>
                {(control) => (
                  <input {...control} required maxLength={100} defaultValue={now.device.name} />
                )}
              </Field>
              <DeviceFields
                type={type}
                faults={faults}
                device={now.device}
                options={now.registration.options}
              />
              <DegreeFields faults={faults} device={now.device} />
            </>
          )}
    </FormDialog>
  );
}

function Move({ device, changed }: Props) {
  const { id } = device;
  const registered = useRegistered(id);
  const { now } = registered;
  const [area, setArea] = useState(device.area.code);
  return (
    <FormDialog
      label={t('move')}
      heading={t('move')}
      hint={t('move.hint')}
      go={t('move.go')}
      waiting={registered.waiting}
      opened={() => {
        setArea(device.area.code);
        registered.open();
      }}
      send={async () => {
        if (now === undefined) return null;
        const body = { version: now.registration.version, area };
        return client.call(calls.changeDevice, { params: { id }, body });
      }}
      done={changed}
    >
      {now === undefined
        ? null
        : () => <AreaChoice name="area" label={t('move.to')} chosen={area} choose={setArea} />}
    </FormDialog>
  );
}

function Retire({ device, changed }: Props) {
  const params = { id: device.id };
  return (
    <RetireDialog
      name={device.name}
      heading={t('retire.heading')}
      hint={t('retire.hint')}
      fresh={useRegistered(device.id)}
      send={(body) => client.call(calls.retireDevice, { params, body })}
      done={changed}
    />
  );
}

/** For who may register devices, of one that is retired. One that speaks for itself gets a secret, shown on the page that connects it. */
export function Reinstate({ device: { id }, changed }: Props) {
  const params = { id };
  const made = useRef(false);
  return (
    <ReinstateDialog
      heading={t('reinstate.heading')}
      hint={t('reinstate.hint')}
      send={async () => {
        const { version } = await client.call(calls.deviceRegistration, { params });
        const saved = await client.call(calls.reinstateDevice, { params, body: { version } });
        made.current = saved.secret !== null;
        if (saved.secret !== null) keepSecret(id, saved.secret);
        return saved;
      }}
      done={() => {
        changed();
        if (made.current) go(`/devices/${encodeURIComponent(id)}/connect`);
      }}
    />
  );
}

/** For who may register devices, of one that is in service. */
export function Administer(props: Props) {
  return (
    <>
      <Change {...props} />
      <Move {...props} />
      <Retire {...props} />
    </>
  );
}

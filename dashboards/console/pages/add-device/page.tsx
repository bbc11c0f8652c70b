/** One device by a form: its type, its name, where it stands and what speaks for it; the server makes its secret. */
import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import type { ProfileForm } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { keepSecret } from '#kit/connect/secrets.ts';
import {
  DegreeFields,
  DeviceFields,
  registrationOf,
  useProfileForms,
} from '#kit/forms/device-fields.tsx';
import { Field, Refused, textOf, useSending } from '#kit/forms/form.tsx';
import { AreaChoice } from '#kit/places/area-choice.tsx';
import { go, query } from '#kit/router.ts';
import { client, profiles, profilesLoaded } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Failure, Skeleton } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { t, word } from './texts.ts';
import './add-device.css';

/** Types under their kinds. */
function ProfileOptions() {
  const kinds = Map.groupBy(profiles.value.values(), ({ kind }) => kind);
  return (
    <>
      <option value="">{t('profile.choose')}</option>
      {[...kinds].map(([kind, list]) => (
        <optgroup key={kind} label={word('kind', kind)}>
          {list.map((profile) => (
            <option key={profile.id} value={profile.id}>
              {say(profile.name)} ({profile.id})
            </option>
          ))}
        </optgroup>
      ))}
    </>
  );
}

function AddForm({ forms }: { forms: ReadonlyMap<string, ProfileForm> }) {
  const [profile, setProfile] = useState(query.value.get('profile') ?? '');
  const [area, setArea] = useState(query.value.get('area') ?? '');
  const { state, send } = useSending();
  const type = forms.get(profile);
  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const body = {
      ...{ id: textOf(form, 'id'), profile: textOf(form, 'profile'), area },
      ...registrationOf(form, type),
    };
    const done = await send(async () => {
      const saved = await client.call(calls.addDevice, { body });
      if (saved.secret !== null) keepSecret(saved.id, saved.secret);
      return saved;
    });
    // In its place: the way back leads to what was before the form, not to a form of a device that is there.
    if (done) go(`/devices/${encodeURIComponent(body.id)}/connect`, true);
  }
  const { faults, busy } = state;
  return (
    <form class="panel add-form" onSubmit={(event) => void submit(event)}>
      <fieldset disabled={busy}>
        <Field name="profile" label={t('profile')} faults={faults}>
          {(control) => (
            <select
              {...control}
              required
              value={profile}
              onChange={(event) => setProfile(event.currentTarget.value)}
            >
              <ProfileOptions />
            </select>
          )}
        </Field>
        <Field name="id" label={t('id')} hint={t('id.hint')} faults={faults}>
          {(control) => (
            <input {...control} required maxLength={64} autoComplete="off" spellcheck={false} />
          )}
        </Field>
        <Field name="name" label={t('name')} hint={t('name.hint')} faults={faults}>
          {(control) => <input {...control} required maxLength={100} autoComplete="off" />}
        </Field>
        <AreaChoice name="area" label={t('area')} chosen={area} choose={setArea} />
        {type !== undefined && <DeviceFields type={type} faults={faults} />}
        <DegreeFields faults={faults} />
      </fieldset>
      <Refused state={state} />
      <p>
        <button type="submit" class="button primary" disabled={busy}>
          {t('go')}
        </button>
      </p>
    </form>
  );
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const load = useProfileForms();
  return (
    <div class="page page-narrow">
      <header class="page-head">
        <h1>{title}</h1>
        <span class="actions">
          <a class="button" href="/import">
            {t('import')}
          </a>
        </span>
      </header>
      <p class="muted">{t('intro')}</p>
      {load.data !== undefined && profilesLoaded.value ? (
        <AddForm forms={load.data} />
      ) : load.error !== undefined ? (
        <Failure error={load.error} retry={load.reload} />
      ) : (
        <Skeleton lines={8} />
      )}
    </div>
  );
}

/** One gateway by a form; the server makes its secret. */
import type { TargetedSubmitEvent } from 'preact';
import { useState } from 'preact/hooks';
import * as calls from '#kit/api/calls.ts';
import { keepSecret } from '#kit/connect/secrets.ts';
import { Field, Refused, textOf, useSending } from '#kit/forms/form.tsx';
import { AreaChoice } from '#kit/places/area-choice.tsx';
import { go } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import { useTitle } from '#kit/ui/page.tsx';
import { t } from './texts.ts';
import './gateways.css';

/** The page. */
export function Page() {
  useTitle(t('add'));
  const [area, setArea] = useState('');
  const { state, send } = useSending();
  async function submit(event: TargetedSubmitEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const body = { id: textOf(form, 'id'), name: textOf(form, 'name'), area };
    const done = await send(async () => {
      const saved = await client.call(calls.addGateway, { body });
      if (saved.secret !== null) keepSecret(saved.id, saved.secret);
      return saved;
    });
    // In its place: the way back leads to what was before the form, not to a form of a gateway that is there.
    if (done) go(`/gateways/${encodeURIComponent(body.id)}/connect`, true);
  }
  const { busy, faults } = state;
  return (
    <div class="page page-narrow">
      <header class="page-head">
        <h1>{t('add')}</h1>
      </header>
      <p class="muted">{t('add.intro')}</p>
      <form class="panel gateway-form" onSubmit={(event) => void submit(event)}>
        <fieldset disabled={busy}>
          <Field name="id" label={t('id')} hint={t('id.hint')} faults={faults}>
            {(control) => (
              <input {...control} required maxLength={64} autoComplete="off" spellcheck={false} />
            )}
          </Field>
          <Field name="name" label={t('device.name')} faults={faults}>
            {(control) => <input {...control} required maxLength={100} autoComplete="off" />}
          </Field>
          <AreaChoice name="area" label={t('area')} chosen={area} choose={setArea} />
        </fieldset>
        <Refused state={state} />
        <p>
          <button type="submit" class="button primary" disabled={busy}>
            {t('add.go')}
          </button>
        </p>
      </form>
    </div>
  );
}

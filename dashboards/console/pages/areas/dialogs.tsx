/** Adding an area below another and changing one, each after it was said what it means. */
import { AREA_LEVELS, type AreaLevel } from '@village/core/area';
import { useState } from 'preact/hooks';
import type { Area } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { FormDialog } from '#kit/forms/dialog.tsx';
import { Field, textOf } from '#kit/forms/form.tsx';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { t, word } from './texts.ts';

const listOf = (text: string): string[] =>
  text
    .split('|')
    .map((one) => one.trim())
    .filter((one) => one !== '');

/** What may lie in an area of a level. */
export const levelsBelow = (level: AreaLevel): AreaLevel[] =>
  AREA_LEVELS.slice(AREA_LEVELS.indexOf(level) + 1);

export function AddArea({
  above,
  main,
  changed,
}: {
  above: Area;
  /** It is what to do next. */
  main: boolean;
  changed: () => void;
}) {
  const [first] = levelsBelow(above.level);
  if (first === undefined) return null;
  return (
    <FormDialog
      label={word('add', first)}
      main={main}
      heading={t('add.heading', { name: say(above.name) })}
      go={t('add.go')}
      send={(form) => {
        const body = {
          ...{ code: textOf(form, 'code'), parent: above.code },
          level: textOf(form, 'level') as AreaLevel,
          ...{ zh: textOf(form, 'zh'), en: textOf(form, 'en') },
        };
        return client.call(calls.addArea, { body });
      }}
      done={changed}
    >
      {({ faults }) => (
        <>
          <Field name="code" label={t('code')} hint={t('code.hint')} faults={faults}>
            {(control) => (
              <input
                {...control}
                required
                inputMode="numeric"
                maxLength={12}
                autoComplete="off"
                defaultValue={above.code.replace(/(?:000)+$/, '')}
              />
            )}
          </Field>
          <Field name="level" label={t('level')} faults={faults}>
            {(control) => (
              <select {...control}>
                {levelsBelow(above.level).map((level) => (
                  <option key={level} value={level}>
                    {word('level', level)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          {(['zh', 'en'] as const).map((name) => (
            <Field key={name} name={name} label={t(name)} faults={faults}>
              {(control) => <input {...control} required maxLength={100} autoComplete="off" />}
            </Field>
          ))}
        </>
      )}
    </FormDialog>
  );
}

export function ChangeArea({ area, changed }: { area: Area; changed: () => void }) {
  const { code } = area;
  const [turn, setTurn] = useState(0);
  const load = useLoad(turn === 0 ? null : `area ${code} ${turn}`, async (signal) => {
    const given = { params: { code }, signal };
    // First the word of the state: of what is younger than it, saving is refused.
    const registration = await client.call(calls.areaRegistration, given);
    return { turn, registration, area: await client.call(calls.area, given) };
  });
  const now = load.data?.turn === turn ? load.data : undefined;
  return (
    <FormDialog
      label={t('change')}
      heading={t('change.heading', { name: say(area.name) })}
      hint={t('change.hint')}
      go={t('change.go')}
      waiting={load}
      opened={() => setTurn(turn + 1)}
      send={async (form) => {
        if (now === undefined) return null;
        const day = (name: string): string | null => textOf(form, name) || null;
        const body = {
          version: now.registration.version,
          ...{ zh: textOf(form, 'zh'), en: textOf(form, 'en') },
          aliases: listOf(textOf(form, 'aliases')),
          ...{ validFrom: day('validFrom'), validTo: day('validTo') },
        };
        return client.call(calls.changeArea, { params: { code }, body });
      }}
      done={changed}
    >
      {now === undefined
        ? null
        : ({ faults }) => (
            <>
              {(['zh', 'en'] as const).map((name) => (
                <Field key={name} name={name} label={t(name)} faults={faults}>
                  {(control) => (
                    <input
                      {...control}
                      required
                      maxLength={100}
                      defaultValue={now.area.name[name]}
                    />
                  )}
                </Field>
              ))}
              <Field name="aliases" label={t('aliases')} hint={t('aliases.hint')} faults={faults}>
                {(control) => (
                  <input {...control} defaultValue={now.registration.aliases.join(' | ')} />
                )}
              </Field>
              {(['validFrom', 'validTo'] as const).map((name) => (
                <Field key={name} name={name} label={t(name)} faults={faults}>
                  {(control) => (
                    <input {...control} type="date" defaultValue={now.registration[name] ?? ''} />
                  )}
                </Field>
              ))}
            </>
          )}
    </FormDialog>
  );
}

/** Saying a label or an attribute from a time on, and ending one; of what somebody else has said meanwhile is told. */
import { ATTRIBUTES } from '@village/core/attributes';
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import type { Properties } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { formatExact, fromField, toField } from '../format.ts';
import { FormDialog } from '../forms/dialog.tsx';
import { type Faults, Field, numberOf, textOf } from '../forms/form.tsx';
import { useLoad } from '../load.ts';
import { client, now } from '../state.ts';
import { attributeOf, nameOf, type Property, unitOf, valueWord } from './naming.ts';
import { t, word } from './texts.ts';

/** Whose they are. */
export type Owner = { readonly device: string } | { readonly area: string };

/** What is said of a device or area. */
export const readProperties = (owner: Owner, signal: AbortSignal): Promise<Properties> =>
  'device' in owner
    ? client.call(calls.deviceProperties, { params: { id: owner.device }, signal })
    : client.call(calls.areaProperties, { params: { code: owner.area }, signal });

interface Change {
  readonly labels?: Record<string, string | null>;
  readonly attributes?: Record<string, string | number | null>;
  readonly since?: string;
  readonly version: string;
}

const sayProperties = (owner: Owner, body: Change): Promise<Properties> =>
  'device' in owner
    ? client.call(calls.describeDevice, { params: { id: owner.device }, body })
    : client.call(calls.describeArea, { params: { code: owner.area }, body });

const changeOf = (
  { kind, key }: Pick<Property, 'kind' | 'key'>,
  value: string | number | null,
): Pick<Change, 'labels' | 'attributes'> =>
  kind === 'attribute'
    ? { attributes: { [key]: value } }
    : { labels: { [key]: value === null ? null : String(value) } };

function SinceField({ faults }: { faults: Faults }) {
  const present = toField(now.peek());
  return (
    <Field name="since" label={t('properties.valid-from')} faults={faults}>
      {(control) => (
        <input
          {...control}
          type="datetime-local"
          required
          max={present}
          defaultValue={`${present.slice(0, 13)}:00`}
        />
      )}
    </Field>
  );
}

/** Whether something was noted before there was a list of words. */
const isOther = (words: readonly string[], value: string | number | undefined): boolean =>
  value !== undefined && !words.includes(String(value));

/** What an attribute or label may be: a number with its bounds, a word of a list, or a short text. */
function ValueField({
  of,
  value,
  faults,
}: {
  of: Pick<Property, 'kind' | 'key'>;
  value: string | number | undefined;
  faults: Faults;
}) {
  const attribute = of.kind === 'attribute' ? attributeOf(of.key) : undefined;
  if (attribute?.type === 'number') {
    const { min, max } = attribute;
    const unit = unitOf(attribute.unit);
    return (
      <Field
        name="value"
        label={unit === '' ? t('properties.value') : t('properties.value-in', { unit })}
        hint={t('properties.bounds', { min: formatExact(min), max: formatExact(max) })}
        faults={faults}
      >
        {(control) => (
          <input
            {...control}
            {...{ type: 'number', step: 'any', inputMode: 'decimal', min, max }}
            required
            defaultValue={value ?? ''}
          />
        )}
      </Field>
    );
  }
  return (
    <Field name="value" label={t('properties.value')} faults={faults}>
      {(control) =>
        attribute?.words === undefined ? (
          <input
            {...control}
            required
            maxLength={200}
            autoComplete="off"
            defaultValue={value ?? ''}
          />
        ) : (
          <select {...control} required>
            {isOther(attribute.words, value) && (
              <option value="" disabled selected>
                {t('properties.choose', { value: String(value) })}
              </option>
            )}
            {attribute.words.map((one) => (
              <option key={one} value={one} selected={one === value}>
                {valueWord(of.key, one)}
              </option>
            ))}
          </select>
        )
      }
    </Field>
  );
}

/** A dialog over what is said at its opening: what is younger than that is not overwritten. */
function PropertyDialog({
  owner,
  changed,
  send,
  fields,
  ...shown
}: {
  owner: Owner;
  changed: () => void;
  label: ComponentChildren;
  heading: string;
  hint: string;
  go: string;
  main?: boolean;
  opened?: () => void;
  send: (form: HTMLFormElement) => Pick<Change, 'labels' | 'attributes'>;
  fields: (faults: Faults, items: readonly Property[]) => ComponentChildren;
}) {
  const [turn, setTurn] = useState(0);
  const whose = 'device' in owner ? `device ${owner.device}` : `area ${owner.area}`;
  const load = useLoad(turn === 0 ? null : `properties of ${whose} ${turn}`, async (signal) => ({
    turn,
    ...(await readProperties(owner, signal)),
  }));
  const known = load.data?.turn === turn ? load.data : undefined;
  return (
    <FormDialog
      {...shown}
      waiting={load}
      opened={() => {
        shown.opened?.();
        setTurn(turn + 1);
      }}
      send={async (form) => {
        if (known === undefined) return null;
        const since = new Date(fromField(textOf(form, 'since'))).toISOString();
        await sayProperties(owner, { ...send(form), since, version: known.version });
        return null;
      }}
      done={changed}
    >
      {known === undefined ? null : ({ faults }) => fields(faults, known.items)}
    </FormDialog>
  );
}

/** The value of a form, as what it is of wants it. */
const typedValue = (form: HTMLFormElement, { kind, key }: Pick<Property, 'kind' | 'key'>) =>
  kind === 'attribute' && attributeOf(key)?.type === 'number'
    ? numberOf(form, 'value')
    : textOf(form, 'value');

/** Chooses a label of one's own; never the key of an attribute. */
const OWN = '';

export function AddProperty({
  owner,
  main,
  changed,
}: {
  owner: Owner;
  main: boolean;
  changed: () => void;
}) {
  const [chosen, setChosen] = useState(OWN);
  const kind = chosen === OWN ? 'label' : 'attribute';
  return (
    <PropertyDialog
      owner={owner}
      changed={changed}
      label={t('properties.add')}
      heading={t('properties.add-heading')}
      hint={t('properties.hint')}
      go={t('properties.save')}
      main={main}
      opened={() => setChosen('device' in owner ? 'facility-class' : 'population')}
      send={(form) => {
        const of = { kind, key: chosen === OWN ? textOf(form, 'key') : chosen } as const;
        return changeOf(of, typedValue(form, of));
      }}
      fields={(faults, items) => {
        const held = items.find(
          (one) => one.kind === 'attribute' && one.key === chosen && one.until === null,
        );
        return (
          <>
            <Field name="what" label={t('properties.what')} faults={faults}>
              {(control) => (
                <select
                  {...control}
                  onChange={(event) => setChosen(event.currentTarget.value)}
                  value={chosen}
                >
                  {Object.keys(ATTRIBUTES).map((key) => (
                    <option key={key} value={key}>
                      {word('attribute', key)}
                    </option>
                  ))}
                  <option value={OWN}>{t('properties.own')}</option>
                </select>
              )}
            </Field>
            {chosen === OWN && (
              <Field
                name="key"
                label={t('properties.key')}
                hint={t('properties.key-hint')}
                faults={faults}
              >
                {(control) => (
                  <input
                    {...control}
                    required
                    pattern="[a-z][a-z0-9\-]{0,63}"
                    autoComplete="off"
                    spellcheck={false}
                  />
                )}
              </Field>
            )}
            <ValueField
              key={chosen}
              of={{ kind, key: chosen }}
              value={held?.value}
              faults={faults}
            />
            <SinceField faults={faults} />
          </>
        );
      }}
    />
  );
}

interface OneProps {
  readonly owner: Owner;
  readonly property: Property;
  readonly changed: () => void;
}

/** What a button does is read out with the name of what it does it to. */
const named = (label: string, full: string): ComponentChildren => (
  <>
    <span aria-hidden="true">{label}</span>
    <span class="hidden">{full}</span>
  </>
);

export function ChangeProperty({ owner, property, changed }: OneProps) {
  const name = nameOf(property);
  return (
    <PropertyDialog
      owner={owner}
      changed={changed}
      label={named(t('properties.change'), t('properties.change-named', { name }))}
      heading={t('properties.change-heading', { name })}
      hint={t('properties.hint')}
      go={t('properties.save')}
      send={(form) => changeOf(property, typedValue(form, property))}
      fields={(faults, items) => (
        <>
          <ValueField
            of={property}
            value={
              items.find(
                ({ kind, key, until }) =>
                  kind === property.kind && key === property.key && until === null,
              )?.value
            }
            faults={faults}
          />
          <SinceField faults={faults} />
        </>
      )}
    />
  );
}

export function EndProperty({ owner, property, changed }: OneProps) {
  const full = t('properties.end-named', { name: nameOf(property) });
  return (
    <PropertyDialog
      owner={owner}
      changed={changed}
      label={named(t('properties.end'), full)}
      heading={full}
      hint={t('properties.end-hint')}
      go={t('properties.end')}
      send={() => changeOf(property, null)}
      fields={(faults) => <SinceField faults={faults} />}
    />
  );
}

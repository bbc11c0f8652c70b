/** Labels and attributes of a device or area: what holds, since when and by whom it was said, what held before, and ways to say more. */
import { useLoad } from '../load.ts';
import { Empty, Failure, Skeleton } from '../ui/notices.tsx';
import {
  AddProperty,
  ChangeProperty,
  EndProperty,
  type Owner,
  readProperties,
} from './dialogs.tsx';
import { hourOf, nameOf, type Property, shownValue } from './naming.ts';
import { t } from './texts.ts';
import './properties.css';

const Held = ({
  property,
  owner,
  changed,
}: {
  property: Property;
  /** Null for who may not change it. */
  owner: Owner | null;
  changed: () => void;
}) => (
  <li>
    <span class="property-what">
      <span class="muted small">
        {property.kind === 'label' && `${t('properties.label')} · `}
        {nameOf(property)}
      </span>
      <b class="number">{shownValue(property)}</b>
      <span class="muted small">
        {t('properties.since', { time: hourOf(property.since) })} ·{' '}
        {t('properties.by', { by: property.by })}
      </span>
    </span>
    {owner !== null && (
      <span class="property-actions">
        <ChangeProperty owner={owner} property={property} changed={changed} />
        <EndProperty owner={owner} property={property} changed={changed} />
      </span>
    )}
  </li>
);

function Former({ items }: { items: readonly Property[] }) {
  if (items.length === 0) return null;
  return (
    <details class="unfold property-former">
      <summary>{t('properties.former', { n: items.length })}</summary>
      <ul>
        {items.map((one) => (
          <li key={`${one.kind} ${one.key} ${one.since}`}>
            <span>{nameOf(one)}</span> <b class="number">{shownValue(one)}</b>{' '}
            <span class="muted small number">
              {t('properties.from-to', {
                since: hourOf(one.since),
                until: one.until === null ? '' : hourOf(one.until),
              })}{' '}
              · {t('properties.by', { by: one.by })}
            </span>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** Nothing where nothing was ever said and the reader may say nothing. */
export function PropertiesPanel({
  owner,
  may,
  named,
}: {
  owner: Owner;
  /** Whether the reader may say something. */
  may: boolean;
  /** What they are of, where the page shows several. */
  named?: string;
}) {
  const whose = 'device' in owner ? `device ${owner.device}` : `area ${owner.area}`;
  const load = useLoad(`properties ${whose}`, (signal) => readProperties(owner, signal));
  const items = load.data?.items ?? [];
  if (!may && load.error === undefined && items.length === 0) return null;
  const holding = items.filter(({ until }) => until === null);
  const former = items
    .filter(({ until }) => until !== null)
    .sort((a, b) => (b.until ?? 0) - (a.until ?? 0));
  const heading = `${whose.replaceAll(' ', '-')}-properties`;
  const hint = 'device' in owner ? t('properties.none-device') : t('properties.none-area');
  const add = <AddProperty owner={owner} main={holding.length === 0} changed={load.reload} />;
  return (
    <section class="panel properties" aria-labelledby={heading}>
      <div class="panel-head">
        <h2 id={heading}>
          {named === undefined ? t('properties') : `${named} · ${t('properties')}`}
        </h2>
        {may && holding.length > 0 && add}
      </div>
      {load.data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={2} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : holding.length === 0 ? (
        <Empty title={t('properties.none')} {...(may ? { hint } : {})}>
          {may && add}
        </Empty>
      ) : (
        <ul class="property-list">
          {holding.map((property) => (
            <Held
              key={`${property.kind} ${property.key}`}
              property={property}
              owner={may ? owner : null}
              changed={load.reload}
            />
          ))}
        </ul>
      )}
      <Former items={former} />
    </section>
  );
}

/** The tree of areas with their devices; townships unfold to their villages. */
import { useMemo, useState } from 'preact/hooks';
import type { Area } from '#kit/api/answers.ts';
import { formatCount, formatTime } from '#kit/format.ts';
import { Reason } from '#kit/forms/reason.tsx';
import { fits, useAllAreas } from '#kit/places/areas.ts';
import { PropertiesPanel } from '#kit/properties/panel.tsx';
import { narrow, user } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Empty, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import '#kit/ui/search.css';
import { AddArea, ChangeArea } from './dialogs.tsx';
import { ReinstateArea, RetireArea } from './retire.tsx';
import { t, word } from './texts.ts';
import './areas.css';

interface TreeProps {
  readonly areas: readonly Area[];
  readonly below: ReadonlyMap<string | null, readonly Area[]>;
  readonly isOpen: (code: string) => boolean;
  readonly toggle: (code: string) => void;
  /** There is nothing below the top yet. */
  readonly isFirst: boolean;
  readonly changed: () => void;
  /** An area was added below one. */
  readonly added: (above: string) => void;
}

function InService({
  area,
  isFirst,
  changed,
  added,
}: Pick<TreeProps, 'isFirst' | 'changed' | 'added'> & { area: Area }) {
  return (
    <>
      <a class="button" href={`/add-device?area=${area.code}`}>
        {t('add-device')}
      </a>
      <AddArea above={area} main={isFirst} changed={() => added(area.code)} />
      <ChangeArea area={area} changed={changed} />
      {area.code !== user.value?.area.code && <RetireArea area={area} changed={changed} />}
    </>
  );
}

function Row({ area, ...tree }: Omit<TreeProps, 'areas'> & { area: Area }) {
  const { below, isOpen, toggle, changed } = tree;
  const { online, late, offline, never } = area.counts;
  const children = below.get(area.code) ?? [];
  const open = isOpen(area.code);
  const [described, setDescribed] = useState(false);
  const actions = (
    <span class="area-actions">
      {area.retiredAt === null ? (
        <InService area={area} {...tree} />
      ) : (
        <ReinstateArea area={area} changed={changed} />
      )}
      <button
        type="button"
        class="button"
        aria-expanded={described}
        onClick={() => setDescribed(!described)}
      >
        {t('describe')}
      </button>
    </span>
  );
  return (
    <li>
      <div class="area-row">
        {children.length === 0 ? (
          <span class="area-fold" />
        ) : (
          <button
            type="button"
            class="area-fold"
            aria-expanded={open}
            aria-label={t('open', { name: say(area.name) })}
            onClick={() => toggle(area.code)}
          >
            <Icon name={open ? 'down' : 'right'} />
          </button>
        )}
        <span class="area-name">
          <a href={`/areas/${area.code}`}>{say(area.name)}</a>
          <span class="muted small number">
            {word('level', area.level)} · {area.code}
          </span>
          {area.retiredAt !== null && (
            <span class="small">
              <span class="tag">{t('retired.at', { time: formatTime(area.retiredAt) })}</span>{' '}
              <Reason of={area} />
            </span>
          )}
        </span>
        <span class="area-counts small">
          <a class="link" href={`/devices?area=${area.code}`}>
            {t('devices', { n: formatCount(online + late + offline + never) })}
          </a>
          {offline > 0 && (
            <a class="link text-offline" href={`/devices?area=${area.code}&state=offline`}>
              {t('offline', { n: formatCount(offline) })}
            </a>
          )}
          {children.length > 0 && (
            <span class="muted">{t('below', { n: formatCount(children.length) })}</span>
          )}
        </span>
        {narrow.value ? (
          <details class="area-more">
            <summary class="button">{t('manage')}</summary>
            {actions}
          </details>
        ) : (
          actions
        )}
      </div>
      {described && (
        <div class="area-properties">
          <PropertiesPanel owner={{ area: area.code }} may named={say(area.name)} />
        </div>
      )}
      {open && children.length > 0 && <Tree areas={children} {...tree} />}
    </li>
  );
}

function Tree({ areas, ...tree }: TreeProps) {
  return (
    <ul class="area-tree">
      {areas.map((area) => (
        <Row key={area.code} area={area} {...tree} />
      ))}
    </ul>
  );
}

/** The areas that were found, and all that they lie in. */
function found(areas: readonly Area[], typed: string): readonly Area[] {
  if (typed === '') return areas;
  const kept = new Set(
    areas.filter((area) => fits(area, typed)).flatMap(({ path }) => path.map(({ code }) => code)),
  );
  return areas.filter(({ code }) => kept.has(code));
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const [withRetired, setWithRetired] = useState(false);
  const load = useAllAreas(withRetired ? 'all' : 'in-service');
  const [typed, setTyped] = useState('');
  const [turned, setTurned] = useState<ReadonlySet<string>>(new Set());
  const { data } = load;
  const shown = useMemo(() => found(data ?? [], typed.trim()), [data, typed]);
  const codes = useMemo(() => new Set(shown.map(({ code }) => code)), [shown]);
  const below = useMemo(
    () =>
      Map.groupBy(shown, ({ parent }) => (parent !== null && codes.has(parent) ? parent : null)),
    [shown, codes],
  );
  const tops = below.get(null) ?? [];
  const isFirst = data?.length === 1 && data[0]?.parent === null;
  // What lies at the top is open, and all that leads to what was searched for; a click turns it round.
  const isOpen = (code: string): boolean =>
    (typed.trim() !== '' || tops.some((top) => top.code === code)) !== turned.has(code);
  const turn = (code: string): void => {
    const next = new Set(turned);
    if (!next.delete(code)) next.add(code);
    setTurned(next);
  };
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <span class="actions">
          <a class="button" href="/map/borders">
            {t('borders')}
          </a>
          <a class="button" href="/import">
            {t('import')}
          </a>
        </span>
      </header>
      <p class="muted">{t(isFirst ? 'first-hint' : 'intro')}</p>
      <search class="finders">
        <label class="area-find">
          <span class="hidden">{t('search')}</span>
          <input
            class="area-search"
            type="search"
            placeholder={t('search')}
            value={typed}
            maxLength={100}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <label class="area-retired-too">
          <input
            type="checkbox"
            checked={withRetired}
            onChange={(event) => setWithRetired(event.currentTarget.checked)}
          />
          <span>{t('show-retired')}</span>
        </label>
      </search>
      {data !== undefined && <StaleNote error={load.error} retry={load.reload} />}
      {data === undefined ? (
        load.error === undefined ? (
          <Skeleton lines={12} />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : shown.length === 0 ? (
        <Empty icon="search" title={t('none')} />
      ) : (
        <section class="panel" aria-label={title}>
          <Tree
            areas={tops}
            below={below}
            isOpen={isOpen}
            toggle={turn}
            isFirst={isFirst}
            changed={load.reload}
            added={(above) => {
              // What was added is seen.
              if (typed.trim() === '' && !isOpen(above)) turn(above);
              load.reload();
            }}
          />
        </section>
      )}
    </div>
  );
}

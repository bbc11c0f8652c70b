/** The borders of the county's map: sending a file of them, seeing what is there, and taking it away. */
import { useEffect, useState } from 'preact/hooks';
import type { AreaFeature, GeometryImported } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount } from '#kit/format.ts';
import { useLoad } from '#kit/load.ts';
import { query } from '#kit/router.ts';
import { client, user } from '#kit/state.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { useTitle } from '#kit/ui/page.tsx';
import { Told } from '#kit/ui/told.tsx';
import { Faults } from './faults.tsx';
import { BordersForm, sending } from './form.tsx';
import { Remove, Stored } from './stored.tsx';
import { t, word } from './texts.ts';
import './borders.css';

function doneText({ areas, points, turned, judgedBy }: GeometryImported): string {
  const counts = {
    ...{ areas: formatCount(areas), read: formatCount(points.read) },
    kept: formatCount(points.kept),
  };
  return [
    t('done', counts),
    ...(turned > 0 ? [t('turned', { n: formatCount(turned) })] : []),
    word('judged', judgedBy),
  ].join(' ');
}

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const own = user.value?.area.code ?? '';
  const code = query.value.get('area') ?? own;
  const [told, setTold] = useState<string | null>(null);
  const [removing, setRemoving] = useState<AreaFeature['properties'] | null>(null);
  const load = useLoad(`borders ${code}`, (signal) =>
    client.call(calls.areaGeometry, { query: { area: code }, signal }),
  );
  const { file, answer } = sending.state.value;
  const faults = answer?.faults ?? [];
  const done = answer !== null && faults.length === 0 ? doneText(answer) : null;
  // What was told is not told again to who comes back; what is under way goes on.
  useEffect(
    () => () => {
      if (sending.state.value.bytes === null) sending.clear();
    },
    [],
  );
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <span class="actions">
          <a class="button" href="/map">
            {t('map')}
          </a>
        </span>
      </header>
      <p class="muted">{t('intro')}</p>
      <Told text={told ?? done} />
      <div class={faults.length > 0 ? 'borders-beside' : undefined}>
        <BordersForm
          ended={() => {
            setTold(null);
            load.reload();
          }}
        />
        {faults.length > 0 && <Faults name={file?.name ?? ''} faults={faults} />}
      </div>
      <Stored
        load={load}
        code={code}
        up={code === own ? null : '/map/borders'}
        remove={setRemoving}
      />
      {removing !== null && (
        <Remove
          of={removing}
          close={() => setRemoving(null)}
          removed={(areas) => {
            setTold(t('removed', { n: formatCount(areas) }));
            load.reload();
          }}
        />
      )}
    </div>
  );
}

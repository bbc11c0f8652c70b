/** The borders that are stored, of an area and those right below it, and taking them away. */
import { useState } from 'preact/hooks';
import type { AreaFeature } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount } from '#kit/format.ts';
import { asApiError, type Load } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Modal } from '#kit/ui/modal.tsx';
import { Empty, explain, Failure, Skeleton, StaleNote } from '#kit/ui/notices.tsx';
import { t, word } from './texts.ts';

type Of = AreaFeature['properties'];

/** Asks once more, and says what goes with it. */
export function Remove({
  of,
  close,
  removed,
}: {
  of: Of;
  close: () => void;
  removed: (areas: number) => void;
}) {
  const [busy, setBusy] = useState(false);
  const [fault, setFault] = useState<string | null>(null);
  async function go(): Promise<void> {
    setBusy(true);
    try {
      const { areas } = await client.call(calls.removeGeometry, { query: { area: of.code } });
      removed(areas);
      close();
    } catch (cause) {
      setFault(explain(asApiError(cause)));
      setBusy(false);
    }
  }
  const name = say(of.name);
  return (
    <Modal title={t('remove-of', { name })} close={close} held={busy}>
      <p>{t('sure', { name })}</p>
      {fault !== null && (
        <p class="form-error" role="alert">
          {fault}
        </p>
      )}
      <p class="dialog-foot">
        <button type="button" class="button" disabled={busy} onClick={close}>
          {t('cancel')}
        </button>
        <button type="button" class="button primary" disabled={busy} onClick={() => void go()}>
          {t('remove')}
        </button>
      </p>
    </Modal>
  );
}

function Row({
  feature,
  shown,
  remove,
}: {
  feature: AreaFeature;
  shown: string;
  remove: (of: Of) => void;
}) {
  const { properties: of, geometry } = feature;
  const points = geometry.coordinates.flat().reduce((sum, ring) => sum + ring.length, 0);
  return (
    <tr>
      <th scope="row">
        {of.level !== 'village' && of.code !== shown ? (
          <a class="link" href={`/map/borders?area=${of.code}`} title={t('show-below')}>
            {say(of.name)}
          </a>
        ) : (
          say(of.name)
        )}
      </th>
      <td>{word('level', of.level)}</td>
      <td class="right number">{formatCount(geometry.coordinates.length)}</td>
      <td class="right number">{formatCount(points)}</td>
      <td>{of.review === '' ? <span class="muted">{t('no-number')}</span> : of.review}</td>
      <td class="right">
        <button
          type="button"
          class="button"
          aria-label={t('remove-of', { name: say(of.name) })}
          onClick={() => remove(of)}
        >
          {t('remove')}
        </button>
      </td>
    </tr>
  );
}

export function Stored({
  load,
  code,
  up,
  remove,
}: {
  load: Pick<Load<{ readonly features: readonly AreaFeature[] }>, 'data' | 'error' | 'reload'>;
  code: string;
  /** Where the area above is shown; null at the reader's own. */
  up: string | null;
  remove: (of: Of) => void;
}) {
  const { data, error } = load;
  return (
    <section class="panel" aria-labelledby="borders-stored">
      <div class="panel-head">
        <h2 id="borders-stored">{t('stored')}</h2>
        {up !== null && (
          <a class="button" href={up}>
            {t('up')}
          </a>
        )}
      </div>
      {data !== undefined && <StaleNote error={error} retry={load.reload} />}
      {data === undefined ? (
        error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={error} retry={load.reload} />
        )
      ) : data.features.length === 0 ? (
        <Empty title={t('none')} hint={t('none-hint')} />
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is moved with the keys
        <section class="borders-table" aria-labelledby="borders-stored" tabIndex={0}>
          <table class="dense">
            <thead>
              <tr>
                <th>{t('area')}</th>
                <th>{t('level')}</th>
                <th class="right">{t('parts')}</th>
                <th class="right">{t('points')}</th>
                <th>{t('number')}</th>
                <th>
                  <span class="hidden">{t('remove')}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.features.map((feature) => (
                <Row key={feature.properties.code} feature={feature} shown={code} remove={remove} />
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}

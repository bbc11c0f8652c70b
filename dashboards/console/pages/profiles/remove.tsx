/** Removing a type that was taken in, once it was said what that means. */
import { useState } from 'preact/hooks';
import * as calls from '#kit/api/calls.ts';
import { formatCount } from '#kit/format.ts';
import { FormDialog } from '#kit/forms/dialog.tsx';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { language } from '#kit/text/language.ts';
import { Changes } from './changes.tsx';
import { t, word } from './texts.ts';

export function Remove({ id, changed }: { id: string; changed: () => void }) {
  const [vendor = '', model = ''] = id.split('/');
  const params = { vendor, model };
  const [turn, setTurn] = useState(0);
  const load = useLoad(turn === 0 ? null : `removing ${id} ${turn}`, async (signal) => ({
    turn,
    ...(await client.call(calls.profileRemoval, { params, signal })),
  }));
  const now = load.data?.turn === turn ? load.data : undefined;
  const never = now?.changes.some(({ mayBeWanted }) => !mayBeWanted) === true;
  const blocked = now !== undefined && (now.refused !== null || (now.devices > 0 && never));
  return (
    <FormDialog
      label={
        <>
          {t('remove')}
          <span class="hidden"> {id}</span>
        </>
      }
      heading={t('remove.heading', { id })}
      hint={t('remove.hint')}
      go={t('remove.go')}
      blocked={blocked}
      waiting={load}
      opened={() => setTurn(turn + 1)}
      send={async () => {
        if (now === undefined) return null;
        const query = { seen: now.state, losses: 'wanted' as const };
        await client.call(calls.removeProfile, { params, query });
        return null;
      }}
      done={changed}
    >
      {now === undefined
        ? null
        : () => (
            <>
              <p>
                {now.beneath === null
                  ? t('remove.gone')
                  : t('remove.back', {
                      from: word('from', now.beneath.from),
                      revision: now.beneath.revision,
                    })}
              </p>
              <p>
                {t('remove.devices', {
                  n: formatCount(now.devices),
                  retired: formatCount(now.retired),
                })}
              </p>
              {now.waits && <p>{t('remove.waits')}</p>}
              {now.devices > 0 && now.changes.length > 0 && <Changes changes={now.changes} />}
              {blocked ? (
                <p role="alert" class="form-error">
                  {now.refused === null
                    ? t('remove.never')
                    : language.value === 'zh'
                      ? now.refused.zh
                      : now.refused.message}
                  {now.beneath === null && now.devices > 0 && ` ${t('remove.retire-first')}`}
                </p>
              ) : (
                <label class="check">
                  <input type="checkbox" required />
                  <span>
                    {now.beneath === null && now.retired > 0
                      ? t('remove.confirm-history', { n: formatCount(now.retired) })
                      : t('remove.confirm')}
                  </span>
                </label>
              )}
            </>
          )}
    </FormDialog>
  );
}

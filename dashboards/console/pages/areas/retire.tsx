/** Ending an area's service, once nothing is of it any more, and bringing it back. */
import type { Area, AreaDependents } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { formatCount } from '#kit/format.ts';
import { useFresh } from '#kit/forms/fresh.ts';
import { ReinstateDialog } from '#kit/forms/reinstate.tsx';
import { RetireDialog } from '#kit/forms/retire.tsx';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { t } from './texts.ts';

const KINDS = ['areas', 'devices', 'gateways', 'accounts', 'tokens'] as const;

/** Where what depends on an area is moved, retired or removed. */
const hrefOf = ({ code, name }: Area, kind: (typeof KINDS)[number]): string =>
  ({
    areas: `/areas/${code}`,
    devices: `/devices?area=${code}`,
    gateways: `/gateways?q=${encodeURIComponent(say(name))}`,
    accounts: `/people?area=${code}`,
    tokens: '/tokens',
  })[kind];

function Dependents({ area, found }: { area: Area; found: AreaDependents }) {
  return (
    <>
      <p role="alert" class="form-error">
        {t('retire.in-use')}
      </p>
      <ul class="area-dependents">
        {KINDS.filter((kind) => found[kind] > 0).map((kind) => (
          <li key={kind}>
            <a class="link" href={hrefOf(area, kind)}>
              {t(`retire.${kind}`, { n: formatCount(found[kind]) })}
            </a>
          </li>
        ))}
      </ul>
    </>
  );
}

export function RetireArea({ area, changed }: { area: Area; changed: () => void }) {
  const params = { code: area.code };
  const fresh = useFresh(`retiring area ${area.code}`, async (signal) => {
    // First the word of the state: of what is younger than it, retiring is refused.
    const { version } = await client.call(calls.areaRegistration, { params, signal });
    return { version, found: await client.call(calls.areaDependents, { params, signal }) };
  });
  return (
    <RetireDialog
      name={say(area.name)}
      heading={t('retire.heading', { name: say(area.name) })}
      hint={t('retire.hint')}
      fresh={fresh}
      dependents={({ found }) =>
        KINDS.some((kind) => found[kind] > 0) ? <Dependents area={area} found={found} /> : null
      }
      send={(body) => client.call(calls.retireArea, { params, body })}
      done={changed}
    />
  );
}

export function ReinstateArea({ area, changed }: { area: Area; changed: () => void }) {
  const { code, name } = area;
  return (
    <ReinstateDialog
      heading={t('reinstate.heading', { name: say(name) })}
      hint={t('reinstate.hint')}
      send={async () => {
        const params = { code };
        const { version } = await client.call(calls.areaRegistration, { params });
        await client.call(calls.reinstateArea, { params, body: { version } });
        return null;
      }}
      done={changed}
    />
  );
}

/** Ending a gateway's service, once it was said what that means and nothing depends on it any more, and bringing it back. */
import type { Gateway, GatewayDependents } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import { keepSecret } from '#kit/connect/secrets.ts';
import { formatCount } from '#kit/format.ts';
import { useFresh } from '#kit/forms/fresh.ts';
import { ReinstateDialog } from '#kit/forms/reinstate.tsx';
import { RetireDialog } from '#kit/forms/retire.tsx';
import { go } from '#kit/router.ts';
import { client } from '#kit/state.ts';
import { t } from './texts.ts';

function Dependents({ found: { devices, first } }: { found: GatewayDependents }) {
  return (
    <>
      <p role="alert" class="form-error">
        {t('retire.devices', { n: formatCount(devices) })}
      </p>
      <ul class="gateway-dependents">
        {first.map((device) => (
          <li key={device.id}>
            <a class="link" href={`/devices/${encodeURIComponent(device.id)}`}>
              {device.name}
            </a>{' '}
            <span class="muted small">{device.id}</span>
          </li>
        ))}
        {devices > first.length && <li class="muted">{t('retire.more')}</li>}
      </ul>
    </>
  );
}

export function Retire({ gateway, changed }: { gateway: Gateway; changed: () => void }) {
  const { id, name, waiting } = gateway;
  const params = { id };
  const fresh = useFresh(`retiring ${id}`, async (signal) => {
    // First the word of the state: of what is younger than it, retiring is refused.
    const { version } = await client.call(calls.gatewayRegistration, { params, signal });
    return { version, found: await client.call(calls.gatewayDependents, { params, signal }) };
  });
  const waits = (waiting?.live ?? 0) + (waiting?.backfill ?? 0);
  return (
    <RetireDialog
      name={name}
      heading={t('retire.heading', { id })}
      hint={t('retire.hint')}
      fresh={fresh}
      dependents={({ found }) => (found.devices > 0 ? <Dependents found={found} /> : null)}
      loss={() =>
        waits > 0 && <p class="form-error">{t('retire.waits', { n: formatCount(waits) })}</p>
      }
      send={(body) => client.call(calls.retireGateway, { params, body })}
      done={changed}
    />
  );
}

/** Its new secret is shown on the page that connects it. */
export function Reinstate({ gateway: { id }, changed }: { gateway: Gateway; changed: () => void }) {
  const params = { id };
  return (
    <ReinstateDialog
      heading={t('reinstate.heading', { id })}
      hint={t('reinstate.hint')}
      send={async () => {
        const { version } = await client.call(calls.gatewayRegistration, { params });
        const saved = await client.call(calls.reinstateGateway, { params, body: { version } });
        if (saved.secret !== null) keepSecret(id, saved.secret);
        return saved;
      }}
      done={() => {
        changed();
        go(`/gateways/${encodeURIComponent(id)}/connect`);
      }}
    />
  );
}

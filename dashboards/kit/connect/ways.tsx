/** The ways to connect a device or a gateway, with its secret and the server's real addresses in them. */
import type { Device, DeviceRegistration, GatewayRegistration } from '../api/answers.ts';
import * as calls from '../api/calls.ts';
import { client } from '../state.ts';
import {
  type Access,
  gatewayEntry,
  gatewayFile,
  mosquittoLine,
  settingsText,
  tasmotaLines,
} from './lines.ts';
import { Lines, SecretPanel } from './panel.tsx';
import { secretOf } from './secrets.ts';
import { t } from './texts.ts';

/** By the host that this page was reached by. */
const accessOf = (id: string, listeners: Access['listeners']): Access => ({
  ...{ host: window.location.hostname, id, listeners },
  secret: secretOf(id) ?? `<${t('lines.placeholder')}>`,
});

const settingLabels = () => ({
  host: t('settings.host'),
  port: t('settings.port'),
  tls: t('settings.tls'),
  yes: t('settings.yes'),
  no: t('settings.no'),
  username: t('username'),
  secret: t('secret'),
  'client-id': t('settings.client-id'),
  topic: t('settings.topic'),
  prefix: t('settings.prefix'),
});

export function DeviceWays({
  device,
  registration,
  renewed,
}: {
  device: Device;
  registration: DeviceRegistration;
  renewed: () => void;
}) {
  const { id, name, profile, address, gateway } = device;
  const { listeners, sample, hasSecret, version } = registration;
  const access = accessOf(id, listeners);
  return (
    <>
      {gateway === null && sample === null && (
        <section class="panel">
          <p class="form-error">{t('no-gateway')}</p>
          <p class="actions">
            <a class="button" href="/gateways/new">
              {t('no-gateway.add')}
            </a>
            <a class="button" href={`/devices/${encodeURIComponent(id)}`}>
              {t('no-gateway.device')}
            </a>
          </p>
        </section>
      )}
      {gateway !== null && (
        <Lines
          heading={t('lines.gateway-entry', { gateway })}
          hint={t('lines.gateway-hint')}
          text={gatewayEntry({ id, name, profile, address, publishes: sample !== null })}
        />
      )}
      {(gateway === null ? sample !== null : hasSecret) && (
        <SecretPanel
          access={access}
          secret={secretOf(id)}
          hasSecret={hasSecret}
          renew={() => client.call(calls.renewDeviceSecret, { params: { id }, body: { version } })}
          renewed={renewed}
        />
      )}
      {gateway === null && sample !== null && (
        <>
          <Lines
            heading={t('lines.settings')}
            hint={t(sample.prefix === null ? 'lines.settings-hint' : 'lines.prefix-hint')}
            text={settingsText(access, sample, settingLabels())}
          />
          <Lines
            heading={t('lines.shell')}
            hint={t('lines.shell-hint')}
            text={mosquittoLine(access, sample)}
          />
          {sample.prefix === null && (
            <Lines
              heading={t('lines.tasmota')}
              hint={t('lines.tasmota-hint')}
              text={tasmotaLines(access, sample)}
            />
          )}
        </>
      )}
    </>
  );
}

export function GatewayWays({
  id,
  registration,
  renewed,
}: {
  id: string;
  registration: GatewayRegistration;
  renewed: () => void;
}) {
  const { listeners, devices, version } = registration;
  const access = accessOf(id, listeners);
  return (
    <>
      <SecretPanel
        access={access}
        secret={secretOf(id)}
        hasSecret
        renew={() => client.call(calls.renewGatewaySecret, { params: { id }, body: { version } })}
        renewed={renewed}
      />
      <Lines
        heading={t('lines.gateway')}
        hint={t('lines.gateway-hint')}
        text={gatewayFile(access, devices)}
      />
    </>
  );
}

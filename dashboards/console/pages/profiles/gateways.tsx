/** What to do for gateways that decode by catalogues of their own: the file, where it goes, and how it is taken up. */
import * as calls from '#kit/api/calls.ts';
import { addressOf } from '#kit/api/client.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { t } from './texts.ts';

/** The file of a type, in force or waiting. */
export function FileLink({ id, waiting = false }: { id: string; waiting?: boolean }) {
  const [vendor = '', model = ''] = id.split('/');
  const query = { of: waiting ? ('waiting' as const) : undefined };
  return (
    <a
      class="button"
      href={addressOf(calls.profileFile, { params: { vendor, model }, query })}
      download={`${model}.yaml`}
    >
      <Icon name="download" />
      {t('file-get')}
      <span class="hidden"> {id}</span>
    </a>
  );
}

const CATALOG = '/etc/village/catalog';

/** Steps on the box of each gateway. */
export function GatewaySteps({ id, gateways }: { id: string; gateways: readonly string[] }) {
  const [vendor = '', model = ''] = id.split('/');
  const lines = [
    `install -D -m 644 ${model}.yaml ${CATALOG}/${vendor}/${model}.yaml`,
    'systemctl restart village-gateway',
  ];
  return (
    <div class="gateway-steps">
      <p>
        <b>{t('gateways-n', { gateways: gateways.join(', ') })}</b>
      </p>
      <ol>
        <li>{t('gateways-get')}</li>
        <li>
          {t('gateways-catalogs')} <code>catalogs: [{CATALOG}]</code>
        </li>
        <li>
          {t('gateways-put')}
          <pre class="steps-lines">{lines.join('\n')}</pre>
        </li>
        <li>{t('gateways-check')}</li>
      </ol>
    </div>
  );
}

/** That there are no devices, and for who may register them what to do next. */
import { mayUse } from '../session.ts';
import { session } from '../state.ts';
import { t } from '../text/language.ts';
import { Empty } from '../ui/notices.tsx';

export function NoDevices({ area }: { area: string | null }) {
  const may = session.value != null && mayUse({ right: 'devices.import' }, session.value);
  if (!may) return <Empty title={t('devices.empty')} hint={t('devices.empty-hint')} />;
  return (
    <Empty title={t('devices.empty')} hint={t('devices.empty-may')}>
      <a class="button primary" href={area === null ? '/add-device' : `/add-device?area=${area}`}>
        {t('devices.add')}
      </a>
      <a class="button" href="/import">
        {t('devices.import')}
      </a>
    </Empty>
  );
}

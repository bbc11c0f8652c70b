/** Which role may do what, as the server's modules say it; only to be read. */

import * as calls from '#kit/api/calls.ts';
import { ROLES } from '#kit/api/calls.ts';
import { useLoad } from '#kit/load.ts';
import { client } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import type { PageProps } from '#kit/topics/topic.ts';
import { Icon } from '#kit/ui/icon.tsx';
import { Failure, Skeleton } from '#kit/ui/notices.tsx';
import { useTitle } from '#kit/ui/page.tsx';
import { Tabs } from './tabs.tsx';
import { t } from './texts.ts';
import './people.css';

/** The roles from the one that may least. */
const COLUMNS = ROLES.toReversed();

/** The page. */
export function Page({ title }: PageProps) {
  useTitle(title);
  const load = useLoad('rights', (signal) => client.call(calls.rights, { signal }));
  const modules = load.data?.items;
  return (
    <div class="page">
      <header class="page-head">
        <h1>{title}</h1>
        <Tabs />
      </header>
      <dl class="roles">
        {COLUMNS.map((role) => (
          <div key={role}>
            <dt>{t(`role.${role}`)}</dt>
            <dd class="muted">{t(`explain.${role}`)}</dd>
          </div>
        ))}
      </dl>
      <p class="muted">{t('roles-intro')}</p>
      {modules === undefined ? (
        load.error === undefined ? (
          <Skeleton />
        ) : (
          <Failure error={load.error} retry={load.reload} />
        )
      ) : (
        <section class="panel list">
          <table class="dense rights">
            <thead>
              <tr>
                <th scope="col">{t('right')}</th>
                {COLUMNS.map((role) => (
                  <th scope="col" key={role}>
                    {t(`role.${role}`)}
                  </th>
                ))}
              </tr>
            </thead>
            {modules.map(({ module, title: name, rights }) => (
              <tbody key={module}>
                <tr>
                  <th scope="rowgroup" colSpan={COLUMNS.length + 1} class="rights-module">
                    {say(name)}
                  </th>
                </tr>
                {rights.map(({ right, title: what, roles, top }) => (
                  <tr key={right}>
                    <th scope="row">
                      {say(what)}
                      {top && <span class="tag">{t('top')}</span>}
                    </th>
                    {COLUMNS.map((role) => (
                      <td key={role}>
                        {roles.includes(role) ? (
                          <span class="text-online">
                            <Icon name="online" />
                            <span class="hidden">{t('yes')}</span>
                          </span>
                        ) : (
                          <span class="muted">
                            <span aria-hidden="true">–</span>
                            <span class="hidden">{t('no')}</span>
                          </span>
                        )}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            ))}
          </table>
        </section>
      )}
    </div>
  );
}

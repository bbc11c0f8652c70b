/** Tokens as a table, on a phone as cards. */
import type { Token } from '#kit/api/answers.ts';
import { formatTime } from '#kit/format.ts';
import { narrow, now } from '#kit/state.ts';
import { say } from '#kit/text/language.ts';
import { Age } from '#kit/ui/page.tsx';
import { t } from './texts.ts';

interface RowProps {
  readonly token: Token;
  readonly revoke: (token: Token) => void;
}

function Ends({ token: { expiresAt: at, suspended } }: Pick<RowProps, 'token'>) {
  if (suspended) return <span class="text-offline">{t('suspended')}</span>;
  if (at === null) return <span class="muted">{t('never-ends')}</span>;
  if (at <= now.value) return <span class="text-offline">{t('ended')}</span>;
  return <span class="number">{formatTime(at)}</span>;
}

function RevokeButton({ token, revoke }: RowProps) {
  return (
    <button type="button" class="button text-offline" onClick={() => revoke(token)}>
      {t('revoke')}
      <span class="hidden"> {token.name}</span>
    </button>
  );
}

function Row({ token, revoke }: RowProps) {
  return (
    <tr>
      <th scope="row">{token.name}</th>
      <td>{t(`role.${token.role}`)}</td>
      <td>{say(token.areaName)}</td>
      <td>
        {token.createdBy} <span class="muted number">{formatTime(token.createdAt)}</span>
      </td>
      <td>
        <Age at={token.lastUsedAt} />
      </td>
      <td>
        <Ends token={token} />
      </td>
      <td class="right">
        <RevokeButton token={token} revoke={revoke} />
      </td>
    </tr>
  );
}

function Card({ token, revoke }: RowProps) {
  return (
    <li>
      <div class="card">
        <span class="card-head">
          <b>{token.name}</b>
          <span>{t(`role.${token.role}`)}</span>
        </span>
        <span class="muted">
          {say(token.areaName)} · {t('made-by')} {token.createdBy}
        </span>
        <span class="muted">
          {t('expires')} <Ends token={token} />
        </span>
        <span class="card-line">
          <span>
            {t('last-used')} <Age at={token.lastUsedAt} />
          </span>
          <RevokeButton token={token} revoke={revoke} />
        </span>
      </div>
    </li>
  );
}

export function Tokens({
  tokens,
  revoke,
}: {
  tokens: readonly Token[];
  revoke: RowProps['revoke'];
}) {
  if (narrow.value)
    return (
      <ul class="cards">
        {tokens.map((token) => (
          <Card key={token.id} token={token} revoke={revoke} />
        ))}
      </ul>
    );
  return (
    <table class="dense">
      <thead>
        <tr>
          <th scope="col">{t('name')}</th>
          <th scope="col">{t('role')}</th>
          <th scope="col">{t('area')}</th>
          <th scope="col">{t('made-by')}</th>
          <th scope="col">{t('last-used')}</th>
          <th scope="col">{t('expires')}</th>
          <th scope="col">
            <span class="hidden">{t('revoke')}</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {tokens.map((token) => (
          <Row key={token.id} token={token} revoke={revoke} />
        ))}
      </tbody>
    </table>
  );
}

/** What connects a device or gateway: its secret shown once with a code to scan, a new one, and lines to copy. */
import { useRef } from 'preact/hooks';
import { FormDialog } from '../forms/dialog.tsx';
import { Copy, CopyText } from '../ui/copy.tsx';
import { Icon } from '../ui/icon.tsx';
import { Scroll } from '../ui/page.tsx';
import { type Access, addressLine } from './lines.ts';
import { QrCode } from './qr.tsx';
import { keepSecret } from './secrets.ts';
import { t } from './texts.ts';
import './connect.css';

/** Lines up to which all are shown at once; more are scrolled where they stand. */
const LINES_WHOLE = 20;

/** Lines to copy, under their heading. */
export function Lines({ heading, hint, text }: { heading: string; hint?: string; text: string }) {
  const place = useRef<HTMLPreElement>(null);
  const lines = <pre ref={place}>{text}</pre>;
  return (
    <section class="panel lines">
      <div class="panel-head">
        <h2>{heading}</h2>
        <Copy text={text} place={place} />
      </div>
      {text.split('\n').length > LINES_WHOLE ? <Scroll label={heading}>{lines}</Scroll> : lines}
      {hint !== undefined && <p class="muted small">{hint}</p>}
    </section>
  );
}

const isLocal = (host: string): boolean => /^(?:localhost|127\.|\[?::1\]?$)/.test(host);

/** The secret, or that it was shown already; and how another one is made. */
export function SecretPanel({
  access,
  secret,
  hasSecret,
  renew,
  renewed,
}: {
  access: Access;
  /** Null when it is known no more. */
  secret: string | null;
  hasSecret: boolean;
  renew: () => Promise<{ secret: string }>;
  renewed: () => void;
}) {
  return (
    <section class="panel" aria-labelledby="secret-heading">
      <div class="panel-head">
        <h2 id="secret-heading">{t('secret.heading')}</h2>
        <FormDialog
          label={t('renew')}
          heading={t('renew')}
          hint={t('renew.hint')}
          go={t('renew.go')}
          send={async () => {
            keepSecret(access.id, (await renew()).secret);
            return null;
          }}
          done={renewed}
        >
          {() => null}
        </FormDialog>
      </div>
      <div class="secret-body">
        <div class="secret-words">
          <CopyText label={t('username')} text={access.id} />
          {secret === null ? (
            <p class="muted">{t(hasSecret ? 'secret.gone' : 'secret.none')}</p>
          ) : (
            <>
              <CopyText label={t('secret')} text={secret} />
              <p class="secret-once">
                <Icon name="warning" /> {t('once')}
              </p>
            </>
          )}
          {isLocal(access.host) && <p class="muted small">{t('local', { host: access.host })}</p>}
        </div>
        {secret !== null && <QrCode text={addressLine(access)} />}
      </div>
    </section>
  );
}

/** A notice as an e-mail: plain text that every program shows, with headers that keep machines from answering it. */
import MailComposer from 'nodemailer/lib/mail-composer';
import type { Outgoing } from '../contract.ts';
import { linkOf } from '../prose/marks.ts';
import { openOf, plainLines, proseOf } from '../prose/prose.ts';

/**
 * Addresses as everybody writes them: a dot-atom, and a name of the domain system (RFC 5321, 4.1.2, without quotes and literals).
 * Nothing in them can end a line, begin another address or a command.
 */
const ADDRESS =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$/;

export const isMailAddress = (text: string): boolean =>
  text.length <= 254 && text.indexOf('@') <= 64 && ADDRESS.test(text);

export interface Letter {
  readonly messageId: string;
  /** With lines that end as SMTP wants them. */
  readonly bytes: Buffer;
}

/** The same key is the same Message-ID, by which mailboxes know a message that comes twice. */
export async function letterOf(
  message: Outgoing,
  sender: { readonly address: string; readonly name: string },
  now: number,
): Promise<Letter> {
  const { to, key, url, language } = message;
  const prose = proseOf(message);
  const link = linkOf(url);
  const lines = [
    prose.title,
    '',
    ...plainLines(prose, language),
    ...(link === null ? [] : ['', `${openOf(language)}${language === 'zh' ? '：' : ': '}${link}`]),
    '',
  ];
  const domain = sender.address.slice(sender.address.indexOf('@') + 1);
  const messageId = `<${key.replaceAll('@', '=40')}@${domain}>`;
  const composer = new MailComposer({
    from: { name: sender.name, address: sender.address },
    to: { name: '', address: to },
    subject: prose.title,
    text: lines.join('\n'),
    date: new Date(now),
    messageId,
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { messageId, bytes: await composer.compile().build() };
}

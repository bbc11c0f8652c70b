/** Certificates of the listeners: readable with their keys, of now, in a chain, and of the names that clients ask for. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { daysLeft, TELL_DAYS, type TlsFiles, tlsFaults } from '@village/broker/transport';
import type { Config } from '../../config/config.ts';
import { both, type Check, type Finding, fault, ok, warning } from '../finding.ts';

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

const certificatesOf = (path: string): X509Certificate[] =>
  (readFileSync(path, 'utf8').match(BLOCK) ?? []).map((block) => new X509Certificate(block));

const RENEW = both(
  '续期：移走旧 .pem 后 npm run serve -- certificates server 主机名；或放入发证机构的新文件',
  'renew it: move the .pem away, then npm run serve -- certificates server HOST; or put the new file of your authority there',
);

/** What is wrong with the times of a certificate. */
function times(name: string, file: string, one: X509Certificate, now: number): Finding | null {
  const [ends, begins] = [one.validToDate.getTime(), one.validFromDate.getTime()];
  const days = daysLeft(ends, now);
  if (ends <= now)
    return fault(
      name,
      both(`${file} 已于 ${one.validTo} 过期`, `${file} ended ${one.validTo}`),
      RENEW,
    );
  if (begins > now)
    return fault(
      name,
      both(`${file} 自 ${one.validFrom} 起才有效`, `${file} is valid from ${one.validFrom} on`),
      both('检查本机时钟', 'see whether the clock of this machine is right'),
    );
  if (days <= TELL_DAYS)
    return warning(name, both(`${file} 还剩 ${days} 天`, `${file} ends in ${days} days`), RENEW);
  return null;
}

/** Whether each certificate of a file was signed by the next. */
function chain(name: string, file: string, found: readonly X509Certificate[]): Finding | null {
  for (const [index, one] of found.entries()) {
    const next = found[index + 1];
    if (next === undefined || one.checkIssued(next)) continue;
    return fault(
      name,
      both(
        `${file} 第 ${index + 1} 张不是由下一张签发`,
        `${file}: certificate ${index + 1} was not signed by the next`,
      ),
      both(
        '按 服务器证书、中间证书 的顺序重新拼接',
        "put the server's own first, then the one that signed it, and so on",
      ),
    );
  }
  return null;
}

/** Whether clients find the name that they ask for. */
function names(name: string, file: string, own: X509Certificate, host: string): Finding | null {
  const put = both(
    '用正确的主机名或地址重新制作证书',
    'make it anew with the names and addresses that clients ask for',
  );
  if (own.subjectAltName === undefined)
    return fault(
      name,
      both(`${file} 不含主机名（subjectAltName）`, `${file} names no host (subjectAltName)`),
      put,
    );
  const any = host === '0.0.0.0' || host === '::' || host === '';
  const fits = isIP(host) === 0 ? own.checkHost(host) : own.checkIP(host);
  if (any || fits !== undefined) return null;
  return warning(
    name,
    both(`${file} 不含监听地址 ${host}`, `${file} does not name ${host}, which is listened on`),
    put,
  );
}

function look(name: string, files: TlsFiles, host: string, now: number): Finding[] {
  const broken = tlsFaults(files);
  if (broken.length > 0)
    return broken.map(({ path, message }) =>
      fault(
        name,
        both(`${path}：${message}`, `${path}: ${message}`),
        both(
          '改正 tls 中的路径，或放入成对的证书与私钥',
          'put the path in tls right, or a certificate and the key that belongs to it',
        ),
      ),
    );
  const found = certificatesOf(files.cert);
  const own = found[0] as X509Certificate;
  const wrong = [
    ...found.map((one) => times(name, files.cert, one, now)),
    ...(files.ca === undefined ? [] : certificatesOf(files.ca)).map((one) =>
      times(name, files.ca as string, one, now),
    ),
    chain(name, files.cert, found),
    names(name, files.cert, own, host),
  ].filter((one) => one !== null);
  if (wrong.length > 0) return wrong;
  const days = daysLeft(own.validToDate.getTime(), now);
  return [
    ok(
      name,
      both(`还剩 ${days} 天，${own.subjectAltName}`, `${days} days left, ${own.subjectAltName}`),
    ),
  ];
}

const listeners = ({ http, mqtt }: Config) =>
  [
    ['certificate-http', http.tls, http.host],
    ['certificate-mqtt', mqtt.tls, mqtt.host],
  ] as const;

export const certificates: Check = {
  name: 'certificates',
  title: both('证书', 'certificates'),
  run: ({ config, now }) => {
    const found = listeners(config).flatMap(([name, files, host]) =>
      files === undefined ? [] : look(name, files, host, now),
    );
    return found.length > 0
      ? found
      : [ok('certificates', both('未配置 TLS', 'no TLS is configured'))];
  },
};

/**
 * Whether a page of our own made a request: the browser's `Origin` against the host that was asked for. Both are read as
 * URLs, so that a default port, capitals, a trailing dot or another spelling of an IP address make no difference.
 */

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };
/** A host as RFC 9110 has it; nothing that could become another part of a URL. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[^\s/\\?#@:[\]]+)(?::\d{0,5})?$/;

/** Host name and port that a URL leads to. */
function endOf({ hostname, port, protocol }: URL): string {
  return `${hostname.replace(/\.$/, '')}:${port === '' ? DEFAULT_PORTS[protocol] : port}`;
}

/**
 * Whether the origin is that of the host asked for. A host without a port means the default port of the origin's scheme:
 * behind a proxy this server does not see which of the two the browser spoke. `secure`: it is known to have been https.
 */
export function isSameOrigin(origin: string, host: string, secure: boolean): boolean {
  if (!URL.canParse(origin) || !HOST.test(host)) return false;
  const from = new URL(origin);
  if (!(from.protocol in DEFAULT_PORTS) || (secure && from.protocol !== 'https:')) return false;
  const asked = `${from.protocol}//${host}`;
  return URL.canParse(asked) && endOf(new URL(asked)) === endOf(from);
}

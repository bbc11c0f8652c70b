/** Addresses of databases as they may be shown: without whatever in them is a secret. */

/** Parameters that tell where a database is and how it is reached; all others may be secrets (`password`, `sslpassword`, `p`). */
const SHOWN = new Set(['application_name', 'connect_timeout', 'dbname', 'host', 'port', 'sslmode']);

const MASK = '…';

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return null;
  }
}

/** With a mask in the place of the account, and of parameters that need not be known; of what can't be read the scheme alone. */
export function addressShown(text: string): string {
  const url = parsed(text);
  const [scheme] = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text) ?? [''];
  if (url === null || scheme === '') return `${scheme}${MASK}`;
  const account = url.username === '' && url.password === '' ? '' : `${MASK}@`;
  const parameters = [...url.searchParams].map(
    ([name, value]) => `${name}=${SHOWN.has(name) ? value : MASK}`,
  );
  const query = parameters.length === 0 ? '' : `?${parameters.join('&')}`;
  return `${scheme}${account}${url.host}${url.pathname}${query}`;
}

/** Whether an address may hold a password: also where it can't be read. */
export function mayHoldPassword(text: string): boolean {
  const url = parsed(text);
  if (url === null || url.password !== '') return true;
  return [...url.searchParams.keys()].some((name) => !SHOWN.has(name) && name !== 'user');
}

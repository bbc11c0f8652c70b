/** A small client of the HTTP API for tests, on its own so that it shares no mistake with the console's. */

export class Api {
  readonly base: string;
  #cookie = '';

  constructor(port: number) {
    this.base = `http://127.0.0.1:${port}`;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`${this.base}${path}`, {
      ...init,
      headers: {
        origin: this.base,
        ...(this.#cookie === '' ? {} : { cookie: this.#cookie }),
        ...init.headers,
      },
      signal: AbortSignal.timeout(60_000),
    });
  }

  /** The JSON of an answer; throws with the whole answer when its status is not the expected one. */
  async json<T>(path: string, init: RequestInit = {}, status = 200): Promise<T> {
    const response = await this.fetch(path, init);
    const text = await response.text();
    if (response.status !== status)
      throw new Error(`${init.method ?? 'GET'} ${path}: ${response.status} ${text.slice(0, 2000)}`);
    return JSON.parse(text) as T;
  }

  post<T>(path: string, body: unknown, status = 200): Promise<T> {
    return this.json<T>(
      path,
      {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      },
      status,
    );
  }

  async csv<T>(path: string, body: string): Promise<T> {
    return this.json<T>(path, { method: 'POST', headers: { 'content-type': 'text/csv' }, body });
  }

  async signIn(user: string, password: string): Promise<void> {
    const response = await this.fetch('/api/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user, password }),
    });
    if (response.status !== 200)
      throw new Error(`sign-in: ${response.status} ${await response.text()}`);
    this.#cookie = response.headers
      .getSetCookie()
      .map((cookie) => cookie.split(';')[0])
      .join('; ');
  }

  /** Whether the server says it is well; false while it is not there. */
  async healthy(): Promise<boolean> {
    try {
      return (
        (await fetch(`${this.base}/healthz`, { signal: AbortSignal.timeout(2000) })).status === 200
      );
    } catch {
      return false;
    }
  }

  /** Every item of a list, page by page. */
  async all<T>(path: string): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null = null;
    do {
      const page: { items: T[]; next: string | null } = await this.json(
        `${path}${path.includes('?') ? '&' : '?'}limit=1000${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`,
      );
      items.push(...page.items);
      cursor = page.next;
    } while (cursor !== null);
    return items;
  }
}

/** Sends a file as `fetch` does, and tells how much of it has gone: `fetch` does not say. */

export type Upload = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: Blob;
    readonly signal: AbortSignal;
  },
  /** Called with the bytes that have gone so far. */
  sent: (bytes: number) => void,
) => Promise<Response>;

/** Headers as the browser tells them, a line each. */
function headersOf(lines: string): Headers {
  const headers = new Headers();
  for (const line of lines.trim().split(/[\r\n]+/)) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.append(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return headers;
}

/** @throws TypeError when no answer came, as `fetch` does; the signal's reason when aborted */
export const upload: Upload = (url, { method, headers, body, signal }, sent) =>
  new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const request = new XMLHttpRequest();
    const stop = (): void => request.abort();
    signal.addEventListener('abort', stop, { once: true });
    request.upload.onprogress = ({ loaded }) => sent(loaded);
    request.onloadend = () => {
      signal.removeEventListener('abort', stop);
      if (signal.aborted) return reject(signal.reason);
      const { status, response } = request;
      if (status === 0) return reject(new TypeError('no answer to what was sent'));
      const empty = status === 204 || status === 304;
      resolve(
        new Response(empty ? null : (response as ArrayBuffer), {
          ...{ status, statusText: request.statusText },
          headers: headersOf(request.getAllResponseHeaders()),
        }),
      );
    };
    request.open(method, url);
    request.responseType = 'arraybuffer';
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(body);
  });

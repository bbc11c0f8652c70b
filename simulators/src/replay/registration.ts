/** Registers the devices of a replay with a running server, so that one command is enough. Talks HTTP like any other client. */
import { OperationalError, SECOND } from '@village/core';

export interface RegistrationOptions {
  /** Of the server: `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly user: string;
  readonly password: string;
  /** A devices.csv as `POST /api/v1/devices/import` takes it. */
  readonly csv: string;
  readonly signal: AbortSignal;
}

const TIMEOUT_MS = 60 * SECOND;

/**
 * Signs in, imports and signs out.
 * @throws not-registered with what the server said
 */
export async function registerDevices(options: RegistrationOptions): Promise<void> {
  const { url, user, password, csv } = options;
  const signed = await ask(options, 'POST', '/session', { user, password });
  const cookie = signed.headers
    .getSetCookie()
    .map((one) => one.split(';', 1)[0])
    .join('; ');
  const headers = { cookie, origin: new URL(url).origin };
  try {
    await ask(options, 'POST', '/devices/import', csv, headers);
  } finally {
    await ask(options, 'DELETE', '/session', undefined, headers);
  }
}

async function ask(
  { url, signal }: RegistrationOptions,
  method: string,
  path: string,
  body?: object | string,
  headers: Record<string, string> = {},
): Promise<Response> {
  const refused = (why: string, cause?: unknown): never => {
    throw new OperationalError(
      'not-registered',
      `The devices can't be registered at ${url}${path}: ${why}`,
      { cause },
    );
  };
  let response: Response;
  let text: string;
  try {
    response = await fetch(new URL(`/api/v1${path}`, url), {
      method,
      headers: {
        ...headers,
        ...(body === undefined
          ? {}
          : { 'content-type': typeof body === 'string' ? 'text/csv' : 'application/json' }),
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    text = await response.text();
  } catch (error) {
    signal.throwIfAborted();
    const { cause, message } = error as Error;
    return refused(cause instanceof Error ? cause.message : message, error);
  }
  if (!response.ok) refused(`${response.status} ${text.slice(0, 500)}`);
  return response;
}

/** Every refusal as a problem document (RFC 9457), made in one place. */
import { OperationalError } from '@village/core';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

export interface ProblemDetail {
  readonly path: string;
  readonly message: string;
}

/** HTTP status of our codes; a code that is not here is 503 when a retry may help, else 400. */
const STATUS: Readonly<Record<string, number>> = {
  'not-signed-in': 401,
  'wrong-credentials': 401,
  forbidden: 403,
  'foreign-origin': 403,
  'not-found': 404,
  'backup-running': 409,
  'import-conflict': 409,
  'already-exists': 409,
  'unknown-reference': 409,
  'unsupported-content-type': 415,
  'value-refused': 422,
  'import-faults': 422,
  'unreadable-text': 422,
  'unreadable-workbook': 422,
  'workbook-too-large': 422,
  'too-many-rows': 422,
  'too-many-profiles': 422,
  'unreadable-geometry': 422,
  'already-acknowledged': 409,
  'alert-over': 409,
  'too-many-steps': 409,
  'unknown-person': 422,
  'bad-shelving': 422,
  'cause-needed': 422,
  'note-needed': 422,
  contradicts: 409,
  'not-waiting': 409,
  'already-undone': 409,
  'second-person': 403,
  'bad-statement': 422,
  'unequal-metrics': 422,
  'too-many-statements': 422,
  'not-installed': 409,
  'in-use': 409,
  'area-retired': 409,
  'not-retired': 409,
  'changed-meanwhile': 409,
  'replaced-later': 409,
  'address-taken': 409,
  'unknown-profile': 422,
  'unfit-options': 422,
  'bad-secret': 422,
  'bad-text': 422,
  'bad-label': 422,
  'bad-attribute': 422,
  'weak-password': 422,
  'password-needed': 422,
  'unknown-metric': 422,
  'ambiguous-metric': 422,
  'unknown-figure': 422,
  'not-measured': 422,
  'range-too-wide': 400,
  'answer-too-large': 422,
  'export-too-large': 422,
  'no-room': 422,
  'too-many-exports': 409,
  'not-done': 409,
  locked: 423,
  'account-locked': 423,
  'last-administrator': 409,
  'password-to-change': 403,
  'too-many-live-clients': 503,
  'query-failed': 500,
  'query-timeout': 503,
  'query-aborted': 503,
  'store-closed': 503,
};

/** Codes whose messages come from an engine and may name paths, hosts or statements: they are for the log alone. */
const INSIDE = new Set([
  'query-failed',
  'query-engine-down',
  'archive-failed',
  'relational-unavailable',
  'import-conflict',
  'already-exists',
  'unknown-reference',
  'value-refused',
]);

/** What people are told of a fault that is in the log. */
export const detailOf = ({ code, message }: OperationalError): string =>
  INSIDE.has(code) ? 'the store refused; the log says why' : message;

/** Short words for each status. */
export const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Too slow',
  409: 'Conflict',
  413: 'Too large',
  414: 'Address too long',
  415: 'Unsupported content type',
  416: 'Range not there',
  417: 'Expectation failed',
  422: 'Can not be used',
  423: 'Locked',
  429: 'Too many requests',
  431: 'Head too large',
  500: 'Internal fault',
  503: 'Not available now',
};

/** Codes of the framework's own refusals, by status. */
const CODES: Readonly<Record<number, string>> = {
  400: 'bad-request',
  404: 'not-found',
  405: 'method-not-allowed',
  408: 'request-timeout',
  413: 'too-large',
  414: 'address-too-long',
  415: 'unsupported-content-type',
  429: 'too-many-requests',
};

/** The text of a problem document. */
export function problemText(
  status: number,
  code: string,
  detail: string,
  errors?: readonly ProblemDetail[],
): string {
  return JSON.stringify({
    type: `urn:village:problem:${code}`,
    title: TITLES[status] ?? 'Fault',
    status,
    detail,
    code,
    ...(errors === undefined ? {} : { errors }),
  });
}

/** Sends a problem document. */
export function sendProblem(
  reply: FastifyReply,
  status: number,
  code: string,
  detail: string,
  errors?: readonly ProblemDetail[],
): FastifyReply {
  // Already a text, so that no route's response schema is asked about it.
  return reply
    .code(status)
    .type('application/problem+json; charset=utf-8')
    .serializer((text: string) => text)
    .send(problemText(status, code, detail, errors));
}

/** The time for an answer is over. */
export const tooSlow = (): OperationalError =>
  new OperationalError('too-slow', 'the answer took too long; ask for less', { retry: true });

/** Answers every error of a route: ours with its code, the framework's by status, anything else as 500 and logged. */
export function handleError(
  error: FastifyError | OperationalError,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply {
  if (error instanceof OperationalError) {
    const status = STATUS[error.code] ?? (error.retry ? 503 : 400);
    if (status >= 500)
      request.log.warn(
        { code: error.code, detail: error.message },
        'a request could not be served',
      );
    if (status === 503) void reply.header('retry-after', '5');
    return sendProblem(reply, status, error.code, detailOf(error));
  }
  if (error.validation !== undefined) {
    const where = error.validationContext ?? 'request';
    return sendProblem(
      reply,
      400,
      'invalid-request',
      `the ${where} does not have the documented shape`,
      error.validation.slice(0, 100).map(({ instancePath, message, params }) => ({
        path: `${where}${instancePath.replaceAll('/', '.')}`,
        message: `${message ?? 'is wrong'}${extras(params)}`,
      })),
    );
  }
  if (error.code === 'FST_ERR_HANDLER_TIMEOUT') {
    request.log.warn({ url: request.routeOptions.url }, 'an answer took too long');
    void reply.header('retry-after', '5');
    const { code, message } = tooSlow();
    return sendProblem(reply, 503, code, message);
  }
  const status = error.statusCode ?? 500;
  if (status >= 400 && status < 500)
    return sendProblem(reply, status, CODES[status] ?? 'bad-request', error.message);
  request.log.error({ err: error }, 'a request failed');
  return sendProblem(reply, 500, 'internal', 'the request failed; the log says why');
}

/** Names of parameters that should not be there, which validators tell beside their message. */
function extras(params: Readonly<Record<string, unknown>> | undefined): string {
  const names = params?.['additionalProperties'];
  return Array.isArray(names) ? `: ${names.join(', ')}` : '';
}

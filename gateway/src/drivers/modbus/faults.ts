/** What went wrong with a request, by code, and in words for the operator. */
import { OperationalError } from '@village/core';
import type { Framing } from '@village/device-profiles/modbus';
import { type Oddity, OTHER_FRAMING } from './answers.ts';
import type { Request } from './request-queue.ts';

/** An answer that refuses: application protocol V1.1b3 §7. */
export class ModbusException extends Error {
  readonly exception: number;

  constructor(exception: number) {
    super(`exception ${exception}: ${EXCEPTIONS[exception] ?? 'which is none that Modbus has'}`);
    this.exception = exception;
  }
}

const EXCEPTIONS: Readonly<Record<number, string>> = {
  1: 'it does not know the function',
  2: 'it has nothing at some of these addresses',
  3: 'it does not take so many of them at once',
  4: 'it failed while it read them',
  5: 'it has begun and needs time',
  6: 'it is busy',
  7: 'it can not do it',
  8: 'its memory is damaged',
  10: 'the converter has no way to it',
  11: 'the converter got no answer from it',
};
/** Codes by exception, where it is no plain refusal: the device asks for patience, or a converter does not reach it. */
const CODES: Readonly<Record<number, string>> = {
  5: 'device-busy',
  6: 'device-busy',
  10: 'device-silent',
  11: 'device-silent',
};

function faultOf(
  code: string,
  { unit, read }: Request,
  message: string,
  cause?: Error,
): OperationalError {
  const last = read.address + read.count - 1;
  const where = last === read.address ? `${last}` : `${read.address} to ${last}`;
  return new OperationalError(code, `unit ${unit}, ${read.table} ${where}: ${message}`, {
    retry: true,
    ...(cause === undefined ? {} : { cause }),
  });
}

export function exceptionFault(request: Request, exception: number): OperationalError {
  const cause = new ModbusException(exception);
  return faultOf(CODES[exception] ?? 'device-refused', request, cause.message, cause);
}

export function oddityFault(request: Request, { code, message }: Oddity): OperationalError {
  return faultOf(code, request, message);
}

export function silentFault(request: Request): OperationalError {
  return faultOf('device-silent', request, `no answer in ${request.timeoutMs} ms`);
}

/** Nothing comes in the framing that was configured, and something in the other one. */
export function otherFramingFault(request: Request, framing: Framing): OperationalError {
  return oddityFault(request, OTHER_FRAMING[framing]);
}

/** The connection has ended before the answer, or within it. */
export function lostFault(request: Request, rest?: Oddity): OperationalError {
  return rest === undefined
    ? faultOf('connection-lost', request, 'the connection is lost')
    : faultOf(rest.code, request, `${rest.message}, then the connection ended`);
}

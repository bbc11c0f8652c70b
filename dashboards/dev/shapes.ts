/** Holds what the fixture answers against the schemas of api/, so that pages are never tried on answers that nobody gives. */
import { type Endpoint, endpoints, live } from '@village/api';
import type { TSchema } from 'typebox';
import { Compile, type Validator } from 'typebox/compile';

const validators = new Map<TSchema, Validator>();

function hold(what: string, schema: TSchema, value: unknown): void {
  let validator = validators.get(schema);
  if (validator === undefined) {
    validator = Compile(schema);
    validators.set(schema, validator);
  }
  if (validator.Check(value)) return;
  const [first] = validator.Errors(value);
  throw new Error(
    `BUG: ${what} answers what it must not: ${first?.instancePath} ${first?.message}`,
  );
}

/** The call that a request is of; parameters stand for anything but a slash. */
export function endpointOf(method: string, path: string): Endpoint | undefined {
  const found = endpoints.filter((one) => one.method === method && one.outside !== true);
  return (
    found.find((one) => one.path === path) ??
    found.find((one) => new RegExp(`^${one.path.replaceAll(/\{\w+\}/g, '[^/]+')}$`).test(path))
  );
}

/** Throws when the interface has no such call, status or answer. */
export function holdAnswer(method: string, path: string, status: number, body: unknown): void {
  const what = `${method} ${path}`;
  const schema = endpointOf(method, path)?.answers[status];
  if (schema === undefined) throw new Error(`BUG: ${what} never answers ${status}`);
  hold(what, schema, body);
}

/** Throws when the stream of live events has no such event. */
export function holdEvent(name: keyof typeof live.follow.stream, data: unknown): void {
  hold(`event ${name}`, live.follow.stream[name], data);
}

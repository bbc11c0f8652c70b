/** Checks what callers send against the schemas; texts of an address become numbers only where they are digits. */
import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';
import Format from 'typebox/format';

/** The form of a time with its zone. Whether there was such a day, the handlers say; the library refuses what RFC 3339 leaves open. */
const TIME = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;
Format.Set('date-time', (text) => TIME.test(text));

/** A time of which the plus was written as it is into an address, where that means a space. */
const LOST_PLUS = /^(.*\d\d:\d\d:\d\d(?:\.\d+)?) (\d\d:\d\d)$/;

const DIGITS = /^-?\d+(?:\.\d+)?$/;

type Values = Readonly<Record<string, unknown>>;

/** Properties that are numbers. */
function numbersOf(schema: TSchema): string[] {
  const { properties = {} } = schema as { properties?: Record<string, { type?: string }> };
  return Object.entries(properties)
    .filter(([, { type }]) => type === 'integer' || type === 'number')
    .map(([name]) => name);
}

/** Properties that are times. */
function timesOf(schema: TSchema): string[] {
  const { properties = {} } = schema as { properties?: Record<string, { format?: string }> };
  return Object.entries(properties)
    .filter(([, { format }]) => format === 'date-time')
    .map(([name]) => name);
}

/** The values with the plus of their times put back. */
function withPlus(values: Values, times: readonly string[]): Values {
  const lost = times.flatMap((name) => {
    const text = values[name];
    const found = typeof text === 'string' ? LOST_PLUS.exec(text) : null;
    return found === null ? [] : [[name, `${found[1]}+${found[2]}`] as const];
  });
  return lost.length === 0 ? values : { ...values, ...Object.fromEntries(lost) };
}

const isNumber = (value: unknown): boolean =>
  value === undefined || (typeof value === 'string' && DIGITS.test(value));

/** The framework's compiler would take `limit=true` for 1 and `limit=` for 0. */
export const validatorCompiler: FastifySchemaCompiler<TSchema> = (route) => {
  const validate = TypeBoxValidatorCompiler(route);
  if (route.httpPart === 'body') return validate;
  const numbers = numbersOf(route.schema);
  const times = timesOf(route.schema);
  return (given: Values) => {
    const values = withPlus(given, times);
    const odd = numbers.filter((name) => !isNumber(values[name]));
    // An object is no number under any conversion, and the fault is told with its place.
    return validate(
      odd.length === 0
        ? values
        : { ...values, ...Object.fromEntries(odd.map((name) => [name, {}])) },
    );
  };
};

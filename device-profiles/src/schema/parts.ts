/** What shapes of profile files are made of: names, durations, pointers, values that a device may override. */
import { z } from 'zod';

export const kebab = z
  .string()
  .max(40)
  .regex(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/, 'must be lower-case words joined by hyphens');
export const label = z.strictObject({
  zh: z.string().min(1).max(80),
  en: z.string().min(1).max(80),
});
export const duration = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h|d)$/, 'must be a duration such as 30s, 5m, 26h or 7d');
export const pointer = z
  .string()
  .max(200)
  .regex(/^(\/([^~/]|~[01])*)+$/, 'must be a JSON pointer such as /bat/mv')
  .refine((text) => !/\/(__proto__|constructor|prototype)(\/|$)/.test(text), 'is not a field');
export const scalar = z.union([z.string(), z.number(), z.boolean()]);
export const scalars = z.union([scalar, z.array(scalar).min(1)]);
export const optionRef = z.strictObject({ option: z.string() });

export type Scalar = z.infer<typeof scalar>;

/** The three intervals that every protocol's section has; `every` and the defaults are explained by the protocol. */
export interface IntervalsFile {
  readonly every: string;
  readonly reportEvery?: string | undefined;
  readonly silentAfter?: string | undefined;
}

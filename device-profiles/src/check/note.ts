/** How checks tell what they find, and the values that a figure of a rule may take. */
import { settle } from '../options.ts';
import type { ProfileFile } from '../schema/file.ts';
import type { Scalar } from '../schema/parts.ts';

export type Path = readonly (string | number)[];
/** Notes one fault at a place of the document. */
export type Note = (path: Path, message: string) => void;

/** Every value that a figure may have: itself, or all values of the option it names. */
export function valuesOf<T extends Scalar>(
  file: ProfileFile,
  value: T | { readonly option: string } | undefined,
): T[] {
  if (value === undefined) return [];
  if (typeof value !== 'object') return [value];
  const option = Object.hasOwn(file.options, value.option) ? file.options[value.option] : undefined;
  return (option?.values ?? []).map((one) => settle<T>(value, { [value.option]: one }) as T);
}

/** Notes an option reference that leads nowhere or to values of another kind. */
export function checkOptionRef(
  file: ProfileFile,
  value: unknown,
  kind: 'number' | 'string',
  path: Path,
  note: Note,
): void {
  if (typeof value !== 'object' || value === null || !('option' in value)) return;
  const name = String(value.option);
  const option = Object.hasOwn(file.options, name) ? file.options[name] : undefined;
  if (option === undefined) note([...path, 'option'], `there is no option ${name}`);
  else if (option.values.some((one) => typeof one !== kind))
    note([...path, 'option'], `every value of ${name} must be a ${kind} here`);
}

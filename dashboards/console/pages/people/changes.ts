/** What is said of people to the server, and why it refuses. */
import type { Person } from '#kit/api/answers.ts';
import * as calls from '#kit/api/calls.ts';
import type { ApiError } from '#kit/api/client.ts';
import { client } from '#kit/state.ts';
import { explain } from '#kit/ui/notices.tsx';
import { word } from './texts.ts';

export type Role = Person['role'];

/** What the form says of a person. */
export interface Fields {
  readonly displayName: string;
  readonly role: Role;
  readonly area: string;
}

export const fieldsOf = ({ displayName, role, area }: Person): Fields => ({
  displayName,
  role,
  area: area.code,
});

interface More {
  readonly password?: string;
  readonly locked?: boolean;
}

/** Changes the person as it was seen, or adds one with revision 0; a password is one to be changed at the next sign-in. */
export async function save(
  name: string,
  revision: number,
  fields: Fields,
  more: More = {},
): Promise<Person> {
  const { user } = await client.call(calls.saveUser, {
    params: { name },
    body: {
      ...fields,
      revision,
      ...more,
      ...(more.password === undefined ? {} : { passwordToChange: true }),
    },
  });
  return user;
}

/** How the person is now; null when there is none any more. */
export async function present(name: string): Promise<Person | null> {
  const { items } = await client.call(calls.users, { query: { q: name, limit: 1000 } });
  return items.find((one) => one.name === name) ?? null;
}

/** What went wrong, in words of these pages where they have some. */
export function whyNot(error: ApiError): string {
  const own = word('refused', error.code);
  return own === error.code ? explain(error) : own;
}

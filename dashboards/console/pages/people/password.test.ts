import { expect, it } from 'vitest';
import { makePassword } from './password.ts';

it('first passwords are long, of four classes, without look-alikes, and never the same', () => {
  const made = Array.from({ length: 200 }, makePassword);
  for (const password of made) {
    expect(password).toMatch(/^[a-zA-Z2-9_.+-]{14}$/);
    for (const of of [/[a-z]/, /[A-Z]/, /\d/, /[-_.+]/]) expect(password).toMatch(of);
    expect(password).not.toMatch(/[ilIoO01]/);
  }
  expect(new Set(made).size).toBe(made.length);
});

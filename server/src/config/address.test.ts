/** No part of a secret is shown, wherever in an address its driver takes one from. */
import { expect, it } from 'vitest';
import { addressShown, mayHoldPassword } from './address.ts';

it.each([
  ['postgres://village:hidden@db/village', 'postgres://…@db/village'],
  ['postgres://village:hid@den@db:5433/village', 'postgres://…@db:5433/village'],
  ['postgres://village:%2Fhidden@db/village', 'postgres://…@db/village'],
  ['postgres://db/village?user=village&password=hidden', 'postgres://db/village?user=…&password=…'],
  [
    'postgresql://db/village?sslmode=require&sslpassword=hidden',
    'postgresql://db/village?sslmode=require&sslpassword=…',
  ],
  [
    'postgres:///village?host=/run/pg&password=hid@den',
    'postgres:///village?host=/run/pg&password=…',
  ],
  ['postgres://village:hid/den@db/village', 'postgres://…'],
  ['postgres://village:hid#den@db/village', 'postgres://…'],
  ['postgres://village:hid?den@db/village', 'postgres://…'],
  ['http://influx:8086/?u=admin&p=hidden', 'http://influx:8086/?u=…&p=…'],
  ['hidden', '…'],
])('%s is shown as %s and may hold a password', (text, shown) => {
  expect(addressShown(text)).toBe(shown);
  expect(mayHoldPassword(text)).toBe(true);
});

it.each([
  ['postgres://db/village', 'postgres://db/village'],
  ['postgres://village@db/village?sslmode=require', 'postgres://…@db/village?sslmode=require'],
  ['http://127.0.0.1:8086', 'http://127.0.0.1:8086/'],
])('%s is shown as %s and holds none', (text, shown) => {
  expect(addressShown(text)).toBe(shown);
  expect(mayHoldPassword(text)).toBe(false);
});

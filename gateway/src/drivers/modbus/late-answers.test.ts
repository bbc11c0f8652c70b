/** Converters that end the connection after each answer and give a late one to whoever is connected then: it is nobody's. */
import { afterEach, expect, it } from 'vitest';
import { answerOf, openConnection, registers, type SlaveRequest } from '../../testing.ts';
import { Transactions } from './transactions.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What it is asked at this address is answered on the next connection. */
const LATE = 100;

it.each([
  ['under its number', [], 400, 50, (request: SlaveRequest) => answerOf(request)],
  [
    'without numbers',
    ['transaction'],
    800,
    0,
    (request: SlaveRequest) => answerOf({ ...request, id: 0 }),
  ],
] as const)('%s', async (_what, lies, timeoutMs, lateMs, answer) => {
  let late: SlaveRequest | null = null;
  const { slave, connection, stop } = await openConnection((request, socket) => {
    if (request.address === LATE) late = request;
    else setTimeout(() => socket.end(answer(request)), 100);
  });
  cleanups.push(stop);
  slave.opened = (socket) => {
    const request = late;
    late = null;
    if (request !== null) setTimeout(() => socket.write(answer(request)), lateMs);
  };
  const ask = async (address: number): Promise<number[]> => [
    ...((await connection.read(1, registers(address, 2), timeoutMs, new Set(lies))) as Uint16Array),
  ];
  // Twice in a row, and it is known to end the connection after each answer.
  for (const address of [200, 300, 400]) expect(await ask(address)).toEqual([address, address + 1]);
  for (const address of [500, 600]) {
    await expect(ask(LATE)).rejects.toMatchObject({ code: 'device-silent' });
    expect(await ask(address)).toEqual([address, address + 1]);
  }
  expect(late).toBeNull();
  expect(connection.counters().strayBytes).toBe(2 * 13);
});

it('numbers do not begin again with a connection, nor at the same place in every gateway', () => {
  const [one, other] = [new Transactions(() => 0.25), new Transactions(() => 0.75)];
  const given = (numbers: Transactions, count: number): number[] =>
    Array.from({ length: count }, () => numbers.next());
  const before = given(one, 2_000);
  one.renew();
  const after = given(one, 2_000);
  expect(new Set([...before, ...after]).size).toBe(4_000);
  expect(Math.min(...before, ...after)).toBeGreaterThanOrEqual(4_096);
  expect(Math.max(...before, ...after)).toBeLessThan(8_192);
  expect(given(other, 100).filter((number) => before.slice(0, 100).includes(number))).toEqual([]);
});

it('knows which numbers were used, and which of a device that counts on by itself were not', () => {
  const numbers = new Transactions(() => 0.9);
  expect(numbers.past(5_000)).toBe('never');
  for (let n = 0; n < 10_000; n++) {
    const number = numbers.next();
    const next = number === 8_191 ? 4_096 : number + 1;
    if (numbers.past(number) !== 'answered' || numbers.past(next) !== 'never')
      throw new Error(`the ${n}th number`);
  }
  const silent = numbers.next();
  numbers.timedOut(silent, true);
  expect(numbers.past(silent)).toBe('late');
  expect([0, 4_095, 8_192].map((number) => numbers.past(number))).toEqual([
    'never',
    'never',
    'never',
  ]);
});

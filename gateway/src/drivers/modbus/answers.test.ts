/** Answers as devices really give them: what is taken, what is refused, and which cause is told. */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { rtuFrame } from '@village/device-profiles/modbus';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import {
  answerOf,
  type Behaviour,
  behave,
  exceptionOf,
  openConnection,
  registers,
  type SlaveRequest,
} from '../../testing.ts';
import type { Lie } from './answers.ts';
import type { ModbusConnection } from './connection.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function start(...args: Parameters<typeof openConnection>) {
  const opened = await openConnection(...args);
  cleanups.push(opened.stop);
  return opened;
}

/** Answers with these bytes, made of the right answer. */
const changed =
  (change: (answer: Buffer, request: SlaveRequest) => Buffer): Behaviour =>
  (request, socket) =>
    void socket.write(change(answerOf(request), request));

const byte =
  (at: number, change: (old: number) => number) =>
  (bytes: Buffer): Buffer => {
    bytes[at] = change(bytes[at] ?? 0);
    return bytes;
  };
const word =
  (at: number, change: (old: number) => number) =>
  (bytes: Buffer): Buffer => {
    bytes.writeUInt16BE(change(bytes.readUInt16BE(at)) & 0xffff, at);
    return bytes;
  };

const words = async (
  connection: ModbusConnection,
  address: number,
  count = 1,
  more: { accept?: Lie[]; timeoutMs?: number; unit?: number } = {},
): Promise<number[]> => {
  const { accept = [], timeoutMs = 1_000, unit = 1 } = more;
  return [
    ...((await connection.read(
      unit,
      registers(address, count),
      timeoutMs,
      new Set(accept),
    )) as Uint16Array),
  ];
};

describe('exceptions', () => {
  it('that say they are longer than they are: taken, and the next answer is read right', async () => {
    const { connection, slave } = await start((request, socket) => {
      if (request.address !== 7) return behave(request, socket, undefined as never);
      const bytes = exceptionOf(request, 2);
      bytes.writeUInt16BE(4, 4);
      socket.write(bytes);
    });
    for (let i = 0; i < 5; i++) {
      await expect(words(connection, 7)).rejects.toMatchObject({
        code: 'device-refused',
        message: 'unit 1, holding 7: exception 2: it has nothing at some of these addresses',
      });
      expect(await words(connection, 20, 3)).toEqual([20, 21, 22]);
    }
    expect(slave.connections).toBe(1);
    expect(connection.counters()).toMatchObject({ accepted: { length: 5 }, timeouts: 0 });
  });

  it('with a byte too many behind them', async () => {
    const { connection, slave } = await start((request, socket) => {
      const padded = Buffer.concat([exceptionOf(request, 3), Buffer.of(0)]);
      padded.writeUInt16BE(4, 4);
      if (request.address === 7) socket.write(padded);
      else socket.write(answerOf(request));
    });
    for (let i = 0; i < 5; i++) {
      await expect(words(connection, 7)).rejects.toMatchObject({ code: 'device-refused' });
      expect(await words(connection, 30, 2)).toEqual([30, 31]);
    }
    expect(slave.connections).toBe(1);
    expect(connection.counters().strayBytes).toBe(5);
  });

  it.each([
    [1, 'device-refused', /does not know the function/],
    [5, 'device-busy', /needs time/],
    [6, 'device-busy', /busy/],
    [10, 'device-silent', /converter has no way/],
    [11, 'device-silent', /converter got no answer/],
    [99, 'device-refused', /none that Modbus has/],
  ])('%i is %s, by its cause', async (exception, code, message) => {
    const { connection } = await start(
      (request, socket) => void socket.write(exceptionOf(request, exception)),
    );
    await expect(words(connection, 1)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

describe('answers that lie', () => {
  const cases: [string, (answer: Buffer) => Buffer, string, RegExp, Lie | null][] = [
    [
      'transaction number + 1',
      word(0, (number) => number + 1),
      'transaction-wrong',
      /under transaction number \d+ instead of \d+/,
      'transaction',
    ],
    ['transaction number 0', word(0, () => 0), 'transaction-wrong', /number 0 i/, 'transaction'],
    ['half a transaction number', byte(0, () => 0), 'transaction-wrong', /instead/, 'transaction'],
    ['length without the unit', byte(5, (n) => n - 1), 'length-wrong', /6 bytes.* has 7/, 'length'],
    ['length with the header', byte(5, (n) => n + 6), 'length-wrong', /says 13 bytes/, 'length'],
    ['length 0', word(4, () => 0), 'length-wrong', /says 0 bytes/, 'length'],
    ['length 65535', word(4, () => 65_535), 'length-wrong', /says 65535/, 'length'],
    ['count in registers', byte(8, (n) => n / 2), 'answer-malformed', /2 bytes.* 4/, 'byte-count'],
    ['odd byte count', byte(8, (n) => n + 1), 'answer-malformed', /holds 5 bytes/, 'byte-count'],
    ['another unit', byte(6, () => 17), 'unit-wrong', /of unit 17, not 1/, 'unit'],
    ['another protocol', word(2, () => 7), 'protocol-foreign', /protocol 7/, null],
    ['another function', byte(7, () => 4), 'answer-malformed', /function 4/, null],
  ];

  it.each(cases)('%s: refused by its name', async (_name, change, code, message) => {
    const { connection, slave } = await start(changed(change));
    for (const address of [40, 50])
      await expect(words(connection, address, 2, { timeoutMs: 150 })).rejects.toMatchObject({
        code,
        message: expect.stringMatching(message),
      });
    slave.behaviour = behave;
    expect(await words(connection, 60, 2)).toEqual([60, 61]);
    expect(slave.connections).toBe(1);
  });

  it.each(cases.filter(([, , , , lie]) => lie !== null))(
    '%s: taken where the configuration says so',
    async (_name, change, _code, _message, lie) => {
      const { connection } = await start(changed(change));
      for (const address of [40, 41, 300])
        expect(await words(connection, address, 2, { accept: [lie as Lie] })).toEqual([
          address,
          address + 1,
        ]);
      expect(connection.counters().accepted).toEqual({ [lie as Lie]: 3 });
      expect(connection.counters().timeouts).toBe(0);
    },
  );

  it('a repeat of the last answer is no answer, even where numbers may be wrong', async () => {
    let last: Buffer | null = null;
    const { connection } = await start((request, socket) => {
      const bytes = answerOf(request);
      socket.write(last === null ? bytes : Buffer.concat([last, bytes]));
      last = bytes;
    });
    for (let i = 0; i < 20; i++)
      expect(await words(connection, 100 + i, 1, { accept: ['transaction'] })).toEqual([100 + i]);
  });

  it('a late answer is no answer, even where numbers may be wrong', async () => {
    const { connection } = await start((request, socket) => {
      const bytes = answerOf({ ...request, id: (request.id + 1) & 0xffff });
      setTimeout(() => socket.write(bytes), request.address === 40 ? 120 : 0);
    });
    const accept: Lie[] = ['transaction'];
    await expect(words(connection, 40, 1, { accept, timeoutMs: 60 })).rejects.toMatchObject({
      code: 'device-silent',
    });
    for (let i = 0; i < 15; i++) {
      expect(await words(connection, 50 + i, 1, { accept })).toEqual([50 + i]);
      await delay(10);
    }
  });

  it.each([0, 255])('unit %i means the device, whatever number it has itself', async (unit) => {
    const { connection } = await start(changed(byte(6, () => 1)));
    expect(await words(connection, 40, 1, { unit })).toEqual([40]);
  });

  it('an answer that is slower than the time-out is told as that', async () => {
    const { connection } = await start((request, socket) => {
      setTimeout(() => socket.write(answerOf(request)), 90);
    });
    await expect(words(connection, 1, 1, { timeoutMs: 60 })).rejects.toMatchObject({
      message: 'unit 1, holding 1: no answer in 60 ms',
    });
    await expect(words(connection, 2, 1, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'device-silent',
      message: expect.stringMatching(/earlier request came after its time-out/),
    });
  });
});

describe('the stream', () => {
  it('stale bytes before an answer cost nothing', async () => {
    const { connection, slave } = await start(
      changed((answer) => Buffer.concat([Buffer.from('00ff0300a1', 'hex'), answer])),
    );
    for (let i = 0; i < 10; i++) expect(await words(connection, 9 + i, 2)).toEqual([9 + i, 10 + i]);
    expect(slave.connections).toBe(1);
    expect(connection.counters().strayBytes).toBe(50);
  });

  it('stale answers of another request in the segment before are not taken', async () => {
    const { connection } = await start(
      changed((answer, request) =>
        Buffer.concat([answerOf({ ...request, id: 9, address: 9_999 }), answer]),
      ),
    );
    for (let i = 0; i < 10; i++) expect(await words(connection, i, 2)).toEqual([i, i + 1]);
  });

  it('two answers in one segment, and answers in segments that end anywhere', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(400), { maxLength: 12 }), async (cuts) => {
        const waiting: Buffer[] = [];
        const { connection, stop } = await openConnection(
          (request, socket) => {
            waiting.push(answerOf(request));
            if (waiting.length === 4) void pour(Buffer.concat(waiting.splice(0)), cuts, socket);
          },
          { inFlight: 4 },
        );
        const got = await Promise.all([10, 20, 30, 40].map((at) => words(connection, at, 40)));
        await stop();
        expect(got.map(([first, ...rest]) => [first, rest.at(-1)])).toEqual(
          [10, 20, 30, 40].map((at) => [at, at + 39]),
        );
      }),
      { numRuns: 25 },
    );
  });

  it('half an answer and then the next one', async () => {
    const { connection, slave } = await start((request, socket) => {
      const answer = answerOf(request);
      socket.write(request.address === 7 ? answer.subarray(0, 15) : answer);
    });
    await expect(words(connection, 7, 10, { timeoutMs: 80 })).rejects.toMatchObject({
      code: 'answer-cut',
      message: 'unit 1, holding 7 to 16: only 15 bytes of the answer came',
    });
    expect(await words(connection, 50, 10)).toEqual(Array.from({ length: 10 }, (_, i) => 50 + i));
    expect(slave.connections).toBe(1);
  });

  it('half an answer with another request under way: the next answer is not taken for its rest', async () => {
    const { connection } = await start(
      (request, socket) => {
        const answer = answerOf(request);
        setTimeout(
          () => socket.write(request.address === 7 ? answer.subarray(0, 15) : answer),
          request.address,
        );
      },
      { inFlight: 2 },
    );
    const [half, whole] = await Promise.allSettled([
      words(connection, 7, 10),
      words(connection, 50, 10),
    ]);
    expect(half).toMatchObject({ reason: { code: 'answer-cut' } });
    expect(whole).toMatchObject({ value: Array.from({ length: 10 }, (_, i) => 50 + i) });
  });

  it('half an answer and then a late one: neither is taken for the other', async () => {
    const { connection } = await start((request, socket) => {
      const answer = answerOf(request);
      if (request.address === 40) setTimeout(() => socket.write(answer), 110);
      else if (request.address === 7) socket.write(answer.subarray(0, 27));
      else socket.write(answer);
    });
    await expect(words(connection, 40, 10, { timeoutMs: 60 })).rejects.toMatchObject({
      code: 'device-silent',
    });
    await expect(words(connection, 7, 10)).rejects.toMatchObject({
      code: 'answer-cut',
      message: expect.stringMatching(/only 27 bytes of the answer came before another one/),
    });
    expect(await words(connection, 50, 10)).toEqual(Array.from({ length: 10 }, (_, i) => 50 + i));
  });

  it('half an answer and then the end of the connection', async () => {
    const { connection } = await start((request, socket) => {
      socket.end(answerOf(request).subarray(0, 11));
    });
    await expect(words(connection, 7, 10)).rejects.toMatchObject({
      code: 'answer-cut',
      message: expect.stringMatching(/only 11 bytes of the answer came, then the connection ended/),
    });
  });

  it('whatever comes, it never gives a wrong value, and a device that answers right is heard', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 6 }),
        async (noise) => {
          let nth = 0;
          const { connection, stop, slave } = await openConnection((request, socket) => {
            const before = noise[nth++ % noise.length] ?? new Uint8Array();
            socket.write(Buffer.concat([before, answerOf(request)]));
          });
          for (let i = 0; i < 8; i++)
            expect(await words(connection, 30 + i, 3)).toEqual([30 + i, 31 + i, 32 + i]);
          expect(slave.connections).toBe(1);
          await stop();
        },
      ),
      { numRuns: 40 },
    );
  });
});

async function pour(bytes: Buffer, cuts: readonly number[], socket: Socket): Promise<void> {
  let from = 0;
  for (const to of [...cuts.filter((cut) => cut < bytes.length), bytes.length].sort(
    (a, b) => a - b,
  )) {
    if (to > from) socket.write(bytes.subarray(from, to));
    from = Math.max(from, to);
    await delay(1);
  }
}

describe('a slave that ends the connection', () => {
  it('after each answer: a connection for each request, and no request is lost', async () => {
    const { connection, slave } = await start((request, socket) => {
      socket.end(answerOf(request));
    });
    for (let i = 0; i < 20; i++) expect(await words(connection, 80 + i)).toEqual([80 + i]);
    expect(slave.connections).toBeGreaterThanOrEqual(20);
    // Once that is known, nothing is sent to a connection that is about to end.
    expect(slave.requests.length).toBeLessThanOrEqual(23);
    expect(connection.counters().timeouts).toBe(0);
  });

  it('after each answer, with a reset, and takes one connection at a time', async () => {
    let open = 0;
    const { connection, slave } = await start((request, socket) => {
      socket.write(answerOf(request), () => socket.resetAndDestroy());
    });
    slave.accepts = () => open === 0;
    slave.opened = (socket) => {
      open++;
      socket.on('close', () => open--);
    };
    for (let i = 0; i < 10; i++) expect(await words(connection, 80 + i)).toEqual([80 + i]);
  });

  it('now and then: the next request finds a new one', async () => {
    const { connection, slave } = await start();
    for (let i = 0; i < 5; i++) {
      expect(await words(connection, 80 + i)).toEqual([80 + i]);
      slave.cut();
      await delay(20);
    }
    expect(connection.counters()).toMatchObject({ timeouts: 0 });
    expect(slave.connections).toBeGreaterThanOrEqual(5);
  });
});

describe('behind a transparent converter', () => {
  const rtu = (request: SlaveRequest, pdu = answerOf(request).subarray(7)): Buffer =>
    rtuFrame(request.unit, pdu);

  it('answers as on a serial line are read', async () => {
    const { connection } = await start((request, socket) => void socket.write(rtu(request)), {
      framing: 'rtu',
      inFlight: 8,
    });
    const got = await Promise.all([1, 20, 300].map((at) => words(connection, at, 3)));
    expect(got).toEqual([1, 20, 300].map((at) => [at, at + 1, at + 2]));
  });

  it('a refusal, a broken checksum and noise before the answer', async () => {
    const { connection } = await start(
      (request, socket) => {
        if (request.address === 1) socket.write(rtu(request, Buffer.of(0x83, 2)));
        else if (request.address === 2) {
          const bytes = rtu(request);
          socket.write(byte(4, (old) => old ^ 1)(bytes));
        } else socket.write(Buffer.concat([Buffer.of(0, 1, 3, 0xff), rtu(request)]));
      },
      { framing: 'rtu' },
    );
    await expect(words(connection, 1)).rejects.toMatchObject({ code: 'device-refused' });
    await expect(words(connection, 2, 2, { timeoutMs: 80 })).rejects.toMatchObject({
      code: 'answer-malformed',
      message: expect.stringMatching(/checksum/),
    });
    expect(await words(connection, 3, 2)).toEqual([3, 4]);
  });

  it('a late answer is not taken for that of the next request', async () => {
    const { connection } = await start(
      (request, socket) => {
        setTimeout(() => socket.write(rtu(request)), request.address === 40 ? 120 : 0);
      },
      { framing: 'rtu' },
    );
    await expect(words(connection, 40, 1, { timeoutMs: 80 })).rejects.toMatchObject({
      code: 'device-silent',
    });
    for (let i = 0; i < 10; i++) expect(await words(connection, 50 + i)).toEqual([50 + i]);
  });

  it('a late answer that goes to whoever is connected then is nobody’s', async () => {
    const { connection, slave } = await start(
      (request, socket) => {
        if (request.address !== 40) return void socket.write(rtu(request));
        setTimeout(() => {
          for (const one of slave.sockets) one.write(rtu(request));
        }, 110);
      },
      { framing: 'rtu' },
    );
    await expect(words(connection, 40, 1, { timeoutMs: 80 })).rejects.toMatchObject({
      code: 'device-silent',
    });
    expect(await words(connection, 50)).toEqual([50]);
    expect(await words(connection, 51)).toEqual([51]);
  });

  it.each([
    ['tcp', (request: SlaveRequest) => rtu(request), /framing: rtu/],
    ['tcp', (request: SlaveRequest) => rtu(request, Buffer.of(0x83, 2)), /framing: rtu/],
    ['rtu', (request: SlaveRequest) => answerOf(request), /framing: tcp/],
  ] as const)(
    'with framing %s, the other one is told as such',
    async (framing, answer, message) => {
      const { connection } = await start((request, socket) => void socket.write(answer(request)), {
        framing,
      });
      await expect(words(connection, 40, 2, { timeoutMs: 100 })).rejects.toMatchObject({
        code: 'framing-other',
        message: expect.stringMatching(message),
      });
    },
  );
});

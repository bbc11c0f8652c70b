import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type Made, makeAuthority, makeCertificate } from '@village/broker/certificates';
import type { Channel } from '@village/rules/channels';
import { NOON, never, outgoing, testServer, testTimer } from '@village/rules/channels/testing';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { makeChannel } from '../lib/providers.ts';

const TO = 'zhang@county.example';
const HOUR = 3_600_000;

let authority: Made;
let certificate: Made;
const closing: (() => Promise<void>)[] = [];
beforeAll(async () => {
  const span = { from: Date.now() - HOUR, to: Date.now() + HOUR };
  authority = await makeAuthority('test', span);
  certificate = await makeCertificate(
    authority,
    { kind: 'server', names: ['127.0.0.1', 'localhost'] },
    span,
  );
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

interface Mail {
  readonly from: string;
  readonly to: string[];
  readonly secure: boolean;
  readonly user: string | undefined;
  readonly text: string;
}

const refusal = (code: number, text: string): Error =>
  Object.assign(new Error(text), { responseCode: code });

/** A real mail server on the loopback, which keeps what it is given. */
async function mailServer(
  options: SMTPServerOptions = {},
): Promise<{ port: number; mails: Mail[] }> {
  const mails: Mail[] = [];
  const server = new SMTPServer({
    authOptional: true,
    key: certificate.key,
    cert: certificate.cert,
    onAuth({ username, password }, _session, done) {
      if (username === 'alerts' && password === 'p4ssword') done(null, { user: username });
      else done(refusal(535, 'no such user or password'));
    },
    onData(stream, session, done) {
      const parts: Buffer[] = [];
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = session.envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          secure: session.secure,
          user: session.user as string | undefined,
          text: Buffer.concat(parts).toString('utf8'),
        });
        done();
      });
    },
    closeTimeout: 100,
    ...options,
  });
  server.on('error', () => undefined);
  const listening = server.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  closing.push(() => new Promise((resolve) => server.close(() => resolve())));
  return { port: (listening.address() as AddressInfo).port, mails };
}

/** A server of single lines: says the greeting, and then for each line what it is told to. */
async function lineServer(
  greeting: string,
  answer: (line: string, socket: Socket) => string | undefined,
): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.write(greeting);
    let rest = '';
    socket.on('data', (part: Buffer) => {
      rest += part.toString('latin1');
      for (let at = rest.indexOf('\r\n'); at >= 0; at = rest.indexOf('\r\n')) {
        const said = answer(rest.slice(0, at), socket);
        rest = rest.slice(at + 2);
        if (said !== undefined) socket.write(said);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closing.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

const made = (port: number, change: Record<string, unknown> = {}): Channel =>
  makeChannel(
    'email',
    {
      host: '127.0.0.1',
      port,
      ca: authority.cert,
      from: 'alerts@county.example',
      user: 'alerts',
      password: 'p4ssword',
      timeoutMs: 1500,
      ...change,
    },
    testTimer(NOON),
  );
const bare = { tls: 'none', user: undefined, password: undefined };
const send = (channel: Channel, change: Parameters<typeof outgoing>[0] = {}) =>
  channel.send(outgoing({ to: TO, ...change }), never);

describe('a letter', () => {
  it('arrives over STARTTLS with a sign-in', async () => {
    const { port, mails } = await mailServer();
    const channel = made(port);
    expect(await send(channel)).toEqual({
      kind: 'sent',
      id: '<a1_1_zhang_wecom-app_active@county.example>',
    });
    expect(mails).toMatchObject([
      { from: 'alerts@county.example', to: [TO], secure: true, user: 'alerts' },
    ]);
    expect(mails[0]?.text).toMatch(
      /^Message-ID: <a1_1_zhang_wecom-app_active@county\.example>\r$/m,
    );
    expect(channel.health()).toMatchObject({ lastSuccess: NOON, lastFault: null });
  });

  it('arrives over TLS from the first byte, and over none where that is asked for', async () => {
    const tls = await mailServer({ secure: true });
    expect((await send(made(tls.port, { tls: 'implicit' }))).kind).toBe('sent');
    const plain = await mailServer({ hideSTARTTLS: true });
    expect((await send(made(plain.port, bare))).kind).toBe('sent');
    expect([tls.mails[0]?.secure, plain.mails[0]?.secure]).toEqual([true, false]);
  });
});

describe('TLS', () => {
  it('is not done without where it was asked for: no password is said', async () => {
    const said: string[] = [];
    const port = await lineServer('220 mail\r\n', (line) => {
      said.push(line);
      return line.startsWith('EHLO') ? '250-mail\r\n250 AUTH PLAIN LOGIN\r\n' : '502 no\r\n';
    });
    expect((await send(made(port))).kind).toBe('fault');
    expect(said.join('\n')).not.toMatch(/AUTH|MAIL/);
  });

  it('with a certificate that nobody vouches for is a fault', async () => {
    const { port, mails } = await mailServer();
    expect((await send(made(port, { ca: undefined }))).kind).toBe('fault');
    expect(mails).toEqual([]);
  });
});

describe('what the server refuses', () => {
  it.each<[string, SMTPServerOptions, Record<string, unknown>, string, string]>([
    ['the password', {}, { password: 'other-p4ss' }, 'fault', 'smtp-535'],
    [
      'the sender',
      { onMailFrom: (_address, _session, done) => done(refusal(553, 'not yours')) },
      {},
      'fault',
      'smtp-553',
    ],
    [
      'the receiver',
      { onRcptTo: (_address, _session, done) => done(refusal(550, 'no such mailbox')) },
      {},
      'rejected',
      'smtp-550',
    ],
    [
      'the receiver for now',
      { onRcptTo: (_address, _session, done) => done(refusal(450, 'greylisted')) },
      {},
      'retry',
      'smtp-450',
    ],
    [
      'the text',
      {
        onData: (stream, _session, done) => {
          stream.resume();
          stream.on('end', () => done(refusal(554, 'spam')));
        },
      },
      {},
      'rejected',
      'smtp-554',
    ],
    [
      'the text for now',
      {
        onData: (stream, _session, done) => {
          stream.resume();
          stream.on('end', () => done(refusal(452, 'full')));
        },
      },
      {},
      'retry',
      'smtp-452',
    ],
    [
      'everybody for now',
      { onConnect: (_session, done) => done(refusal(421, 'too busy')) },
      {},
      'retry',
      'smtp-421',
    ],
  ])('%s', async (_name, options, change, kind, code) => {
    const { port, mails } = await mailServer(options);
    const channel = made(port, change);
    const outcome = await send(channel);
    expect(outcome).toMatchObject({ kind, code });
    expect(JSON.stringify([outcome, channel.health()])).not.toContain('p4ss');
    expect(mails).toEqual([]);
  });

  it('an address that would be two, or a command, is refused by us', async () => {
    const { port, mails } = await mailServer();
    const channel = made(port);
    for (const to of [
      `${TO},evil@example.com`,
      `${TO}>\r\nRCPT TO:<evil@example.com`,
      `${TO}\r\nBcc: evil@example.com`,
    ])
      expect(await send(channel, { to })).toMatchObject({ kind: 'rejected', code: 'address' });
    expect(mails).toEqual([]);
  });
});

/** Answers as a mail server does, up to the end of the text. */
const polite =
  (end: (socket: Socket) => string | undefined) =>
  (line: string, socket: Socket): string | undefined => {
    if (/^(EHLO|HELO|MAIL|RCPT)/.test(line)) return '250 ok\r\n';
    if (line === 'DATA') return '354 go on\r\n';
    return line === '.' ? end(socket) : undefined;
  };

describe('a server that goes wrong', () => {
  it('is not there: may be tried again', async () => {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    expect(await send(made(port))).toMatchObject({ kind: 'retry', code: 'ECONNREFUSED' });
  });

  it.each<[string, string, (line: string, socket: Socket) => string | undefined]>([
    ['says nothing', '', () => undefined],
    ['greets without end', '220-'.padEnd(100_000, 'x'), () => undefined],
    ['is no mail server', 'HTTP/1.1 400 Bad Request\r\n\r\n', () => undefined],
    ['says nothing to a greeting', '220 mail\r\n', () => undefined],
    [
      'leaves before the text',
      '220 mail\r\n',
      (line, socket) => {
        if (!line.startsWith('RCPT')) return '250 ok\r\n';
        socket.destroy();
        return undefined;
      },
    ],
  ])('%s: nothing was taken, so it may be tried again', async (_name, greeting, answer) => {
    const port = await lineServer(greeting, answer);
    const channel = made(port, { ...bare, timeoutMs: 400 });
    expect((await send(channel)).kind).toBe('retry');
    expect(channel.health().lastFault?.at).toBe(NOON);
  });

  it.each<[string, (socket: Socket) => string | undefined]>([
    ['says nothing', () => undefined],
    [
      'leaves',
      (socket) => {
        socket.destroy();
        return undefined;
      },
    ],
    ['says without end', () => '250-'.padEnd(100_000, 'x')],
    ['says what is no reply', () => '<html>\r\n'],
  ])('%s after the text: nobody knows', async (_name, end) => {
    const port = await lineServer('220 mail\r\n', polite(end));
    const outcome = await send(made(port, { ...bare, timeoutMs: 400 }));
    expect(outcome.kind).toBe('unknown');
  });

  it('takes the text, and then the connection ends: it was taken', async () => {
    const port = await lineServer(
      '220 mail\r\n',
      polite((socket) => {
        socket.end('250 queued\r\n');
        return undefined;
      }),
    );
    expect((await send(made(port, bare))).kind).toBe('sent');
  });

  it('is an HTTP server that waits', async () => {
    const http = await testServer();
    closing.push(() => http.close());
    expect((await send(made(http.port, { ...bare, timeoutMs: 400 }))).kind).toBe('retry');
  });

  it('ends when the caller gives up', async () => {
    const caller = new AbortController();
    const port = await lineServer(
      '220 mail\r\n',
      polite(() => {
        caller.abort();
        return undefined;
      }),
    );
    const channel = made(port, { ...bare, timeoutMs: 60_000 });
    expect((await channel.send(outgoing({ to: TO }), caller.signal)).kind).toBe('unknown');
    expect(await channel.send(outgoing({ to: TO }), caller.signal)).toMatchObject({
      kind: 'retry',
      code: 'aborted',
    });
  });
});

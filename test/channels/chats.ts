/** What the contract tests of chat channels share: fake providers on the loopback whose clock and the channel's are one, and faults. */
import type { Channel, Outcome } from '@village/rules/channels';
import { NOON, never, outgoing, testTimer } from '@village/rules/channels/testing';
import type { FaultKind, Provider, RunningProviders, Shown } from '@village/simulators/providers';
import { expect, it } from 'vitest';
import { startFakes } from '../lib/providers.ts';

export interface Stage {
  readonly url: string;
  readonly world: RunningProviders['world'];
  /** Set it where the test wants the time to be. */
  readonly timer: ReturnType<typeof testTimer>;
  /** What the phone shows, oldest first. */
  shown(phone: string): readonly Shown[];
  close(): Promise<void>;
}

export async function stage(...providers: Provider[]): Promise<Stage> {
  const timer = testTimer(NOON);
  const running = await startFakes(providers, timer);
  running.world.postman.manner.delayMs = 0;
  return {
    url: running.url,
    world: running.world,
    timer,
    shown: (phone) => running.world.phone(phone).messages,
    close: () => running.close(),
  };
}

/** What a fault of the provider is for whoever sends. */
const faults: readonly (readonly [FaultKind, Outcome['kind'], taken: boolean])[] = [
  ['reset', 'unknown', false],
  ['error-500', 'retry', false],
  ['error-503', 'retry', false],
  ['accept-silent', 'unknown', true],
  ['accept-reset', 'unknown', true],
  ['slow-body', 'unknown', true],
  ['endless-body', 'unknown', true],
  ['not-json', 'unknown', true],
];

export interface Faulty {
  readonly stage: Stage;
  readonly provider: string;
  readonly phone: string;
  /** With a time-out of half a second or less. */
  readonly channel: Channel;
  readonly to: string;
}

/** The outcome classes of what goes wrong on the way, with what the phone shows. */
export function faultTests(given: () => Promise<Faulty> | Faulty): void {
  it.each(faults)('a provider that does %s: %s', async (kind, outcome, taken) => {
    const { stage, provider, phone, channel, to } = await given();
    const before = stage.shown(phone).length;
    stage.world.faults.set(provider, kind);
    const got = await channel.send(outgoing({ to, key: `fault_${kind}` }), never);
    expect(got.kind).toBe(outcome);
    expect(stage.shown(phone).length - before).toBe(taken ? 1 : 0);
    expect(channel.health().lastFault?.at).toBe(stage.timer.at);
    // And then all is well again, with the same channel.
    stage.timer.at += 3_600_000;
    expect((await channel.send(outgoing({ to, key: `after_${kind}` }), never)).kind).toBe('sent');
  });

  it('nobody at the address: may be tried again, and nothing was shown', async () => {
    const { stage, phone, channel, to } = await given();
    const before = stage.shown(phone).length;
    await stage.close();
    const got = await channel.send(outgoing({ to, key: 'nobody' }), never);
    expect(got).toMatchObject({ kind: 'retry', code: 'ECONNREFUSED' });
    expect(stage.shown(phone)).toHaveLength(before);
  });

  it('who gives up before it begins has sent nothing', async () => {
    const { stage, phone, channel, to } = await given();
    const before = stage.shown(phone).length;
    const got = await channel.send(outgoing({ to, key: 'gave-up' }), AbortSignal.abort());
    expect(got).toMatchObject({ kind: 'retry', code: 'aborted' });
    expect(stage.shown(phone)).toHaveLength(before);
  });
}

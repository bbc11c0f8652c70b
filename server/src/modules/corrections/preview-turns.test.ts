import { describe, expect, it } from 'vitest';
import { PreviewTurns } from './preview-turns.ts';

/** Asks for previews by name; each is made until it is told to end. */
function asking() {
  const turns = new PreviewTurns();
  const begun: string[] = [];
  const ends = new Map<string, (fault?: Error) => void>();
  const ask = (name: string, signal = new AbortController().signal): Promise<string> =>
    turns.run(name[0] ?? '', signal, async () => {
      begun.push(name);
      await new Promise<void>((resolve, reject) =>
        ends.set(name, (fault) => (fault === undefined ? resolve() : reject(fault))),
      );
      return name;
    });
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { ask, begun, ends, settled };
}

describe('previews of several people', () => {
  it('are made two at once, and one of each person, whoever asks for many', async () => {
    const { ask, begun, ends, settled } = asking();
    const all = ['a1', 'a2', 'a3', 'b1', 'c1', 'b2'].map((name) => ask(name));
    await settled();
    expect(begun).toEqual(['a1', 'b1']);
    for (const [name, next] of [
      ['a1', 'a2'],
      ['b1', 'c1'],
      ['a2', 'a3'],
      ['c1', 'b2'],
    ] as const) {
      ends.get(name)?.();
      await settled();
      expect(begun.at(-1)).toBe(next);
    }
    for (const name of ['a3', 'b2']) ends.get(name)?.();
    expect(await Promise.all(all)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'b2']);
  });

  it('let the next begin when one fails, and pass over who has gone', async () => {
    const { ask, begun, ends, settled } = asking();
    const leaving = new AbortController();
    const failing = ask('a1');
    const gone = ask('a2', leaving.signal);
    const last = ask('a3');
    leaving.abort();
    await expect(gone).rejects.toMatchObject({ code: 'busy', retry: true });
    await expect(ask('a4', leaving.signal)).rejects.toMatchObject({ code: 'busy' });
    ends.get('a1')?.(new Error('of the archive'));
    await expect(failing).rejects.toThrow('of the archive');
    await settled();
    expect(begun).toEqual(['a1', 'a3']);
    ends.get('a3')?.();
    expect(await last).toBe('a3');
  });

  it('wait ten of one person at most', async () => {
    const { ask, ends, settled } = asking();
    const all = Array.from({ length: 11 }, (_, n) => ask(`a${n}`));
    await expect(ask('a11')).rejects.toMatchObject({ code: 'busy' });
    const other = ask('b0');
    await settled();
    ends.get('b0')?.();
    expect(await other).toBe('b0');
    for (let n = 0; n < 11; n++) {
      ends.get(`a${n}`)?.();
      await settled();
    }
    expect(await Promise.all(all)).toHaveLength(11);
  });
});

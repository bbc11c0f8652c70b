/** What a dialog shows is as it is when it opens: nothing before its first opening, nothing of an opening before. */
import { useState } from 'preact/hooks';
import { type Load, useLoad } from '../load.ts';

export interface Fresh<Now> {
  readonly now: Now | undefined;
  readonly waiting: Pick<Load<unknown>, 'error' | 'reload'>;
  open(): void;
}

/** `of` names what is looked at, for everything that loads. */
export function useFresh<Now>(of: string, look: (signal: AbortSignal) => Promise<Now>): Fresh<Now> {
  const [turn, setTurn] = useState(0);
  const load = useLoad(turn === 0 ? null : `${of} ${turn}`, async (signal) => ({
    turn,
    now: await look(signal),
  }));
  return {
    now: load.data?.turn === turn ? load.data.now : undefined,
    waiting: load,
    open: () => setTurn(turn + 1),
  };
}

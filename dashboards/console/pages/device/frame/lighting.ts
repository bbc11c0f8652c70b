/** Which field of a message is lit. */
import { useEffect, useState } from 'preact/hooks';

/** Which field is lit: the one pointed at, else the one that was clicked. */
export interface Lighting {
  readonly lit: string | null;
  readonly kept: string | null;
  point(metric: string | null): void;
  keep(metric: string): void;
}

export function useLighting(first: string | null): Lighting {
  const [pointed, point] = useState<string | null>(null);
  const [kept, keep] = useState<string | null>(first);
  useEffect(() => keep(first), [first]);
  return {
    lit: pointed ?? kept,
    kept,
    point,
    keep: (metric) => keep(kept === metric ? null : metric),
  };
}

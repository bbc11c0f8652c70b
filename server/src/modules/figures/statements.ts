/** What figures ask of the statements that hold at the moment. */
import type { Corrections, Statements } from '@village/platform';

export const statementsOf = (corrections: Pick<Corrections, 'book'>): Statements => ({
  get number() {
    return corrections.book.number;
  },
  touching: (device, span) => corrections.book.touching(device, span),
  devices: () => corrections.book.devices(),
});

/** A row of a table as its file has it, before anybody knows what its columns mean. */
import type { Label } from '@village/core';

export interface SheetRecord {
  /** 1-based, as a spreadsheet shows it. */
  readonly row: number;
  readonly cells: readonly string[];
  /** What is wrong with cells by themselves, by their place. */
  readonly notes?: ReadonlyMap<number, Label>;
  /** Whoever looks at the sheet does not see the row. */
  readonly hidden?: true;
  /** Cells that are one over several rows; told with the last record. */
  readonly merged?: readonly Merged[];
}

/** Cells of a column that are one: its first row has what all of them say. */
export interface Merged {
  readonly place: number;
  readonly first: number;
  readonly last: number;
}

/** Letters of a column as a spreadsheet shows them: A, B, … Z, AA. */
export function lettersOf(column: number): string {
  let letters = '';
  for (let left = column + 1; left > 0; left = Math.floor((left - 1) / 26))
    letters = String.fromCharCode(65 + ((left - 1) % 26)) + letters;
  return letters;
}

/** A fault of a whole row that the file itself has. */
export class RowFault extends Error {
  readonly row: number;
  readonly label: Label;

  constructor(row: number, label: Label) {
    super(label.en);
    this.row = row;
    this.label = label;
  }
}

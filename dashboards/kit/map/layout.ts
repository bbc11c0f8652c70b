/** Where townships stand on the schematic map: tiles of one size, in about the directions in which they lie. Pure. */

export interface TilePlace {
  readonly code: string;
  /** From 1, west to east. */
  readonly column: number;
  /** From 1, north to south. */
  readonly row: number;
}

export interface TileLayout {
  readonly columns: number;
  readonly rows: number;
  readonly places: readonly TilePlace[];
  /** Whether the lake in the east (Taihu) gives bearings. */
  readonly lake: boolean;
}

/** Changxing (330522) row by row, its townships by the digits 7 to 9 of their codes. */
const CHANGXING: readonly (readonly (string | null)[])[] = [
  [null, '112', '200', '103'],
  [null, '108', '002', '004'],
  ['111', '104', '001', '003'],
  [null, '106', '102', '101'],
  [null, '110', '202', null],
];
const CHANGXING_PLACES = CHANGXING.flatMap((row, y) =>
  row.flatMap((digits, x): TilePlace[] =>
    digits === null ? [] : [{ code: `330522${digits}000`, column: x + 1, row: y + 1 }],
  ),
);

const COLUMNS = 4;

/** Changxing's own layout where all areas have a place in it; others stand in rows, in their order. */
export function layoutOf(codes: readonly string[]): TileLayout {
  const known = CHANGXING_PLACES.filter(({ code }) => codes.includes(code));
  if (codes.length > 1 && known.length === codes.length)
    return { columns: 4, rows: CHANGXING.length, places: known, lake: true };
  return {
    columns: COLUMNS,
    rows: Math.ceil(codes.length / COLUMNS),
    places: codes.map((code, n) => ({
      code,
      column: (n % COLUMNS) + 1,
      row: Math.floor(n / COLUMNS) + 1,
    })),
    lake: false,
  };
}

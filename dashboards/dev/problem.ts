/** An answer of the fixture that is an error. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, detail: string = code) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

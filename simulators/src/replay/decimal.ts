/** Exact sums of decimal texts, so that what was sent can be compared with what was stored to the last digit. */

/** The number digits × 10^-scale. */
export interface Decimal {
  readonly digits: bigint;
  readonly scale: number;
}

const SCALE_MAX = 60;

/** Reads "-12.50" or "1.25e-7"; null when the text is no decimal number, or has more than 60 places. */
export function parseDecimal(text: string): Decimal | null {
  const match = /^([+-]?)(\d{1,60})(?:\.(\d{1,60}))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text);
  if (match === null) return null;
  const fraction = match[3] ?? '';
  const digits = BigInt(`${match[1] === '-' ? '-' : ''}${match[2]}${fraction}`);
  const scale = fraction.length - Number(match[4] ?? 0);
  if (scale < 0) return { digits: digits * 10n ** BigInt(-scale), scale: 0 };
  return scale > SCALE_MAX ? null : { digits, scale };
}

/** The shortest text of a decimal number. */
export function decimalText({ digits, scale }: Decimal): string {
  const sign = digits < 0n ? '-' : '';
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const whole = text.slice(0, text.length - scale);
  const fraction = text.slice(text.length - scale).replace(/0+$/, '');
  return sign + whole + (fraction === '' ? '' : `.${fraction}`);
}

/** left × right, exactly. */
export function timesDecimal(left: Decimal, right: Decimal): Decimal {
  return { digits: left.digits * right.digits, scale: left.scale + right.scale };
}

/** left + right, exactly. */
export function plusDecimal(left: Decimal, right: Decimal): Decimal {
  const scale = Math.max(left.scale, right.scale);
  const at = (value: Decimal): bigint => value.digits * 10n ** BigInt(scale - value.scale);
  return { digits: at(left) + at(right), scale };
}

/** A sum that grows. Whole numbers are summed in doubles while those are exact, which is far faster. */
export class DecimalSum {
  /** By number of decimals: what is summed in doubles, and what is safe in a bigint. */
  readonly #small: number[] = [];
  readonly #large: bigint[] = [];

  /** Adds a number's text; false, and nothing added, when it is none. */
  add(text: string): boolean {
    if (/^-?\d{1,9}(?:\.\d{1,6})?$/.test(text)) {
      const point = text.indexOf('.');
      const scale = point < 0 ? 0 : text.length - point - 1;
      // At most fifteen digits: the product is within half a unit of the whole number that is meant.
      this.#addSmall(scale, Math.round(Number(text) * 10 ** scale));
      return true;
    }
    const decimal = parseDecimal(text);
    if (decimal === null) return false;
    this.#large[decimal.scale] = (this.#large[decimal.scale] ?? 0n) + decimal.digits;
    return true;
  }

  #addSmall(scale: number, whole: number): void {
    const sum = (this.#small[scale] ?? 0) + whole;
    if (Number.isSafeInteger(sum)) {
      this.#small[scale] = sum;
      return;
    }
    this.#large[scale] = (this.#large[scale] ?? 0n) + BigInt(this.#small[scale] ?? 0);
    this.#small[scale] = whole;
  }

  total(): Decimal {
    let total: Decimal = { digits: 0n, scale: 0 };
    this.#small.forEach((sum, scale) => {
      total = plusDecimal(total, { digits: BigInt(sum), scale });
    });
    this.#large.forEach((digits, scale) => {
      total = plusDecimal(total, { digits, scale });
    });
    return total;
  }
}

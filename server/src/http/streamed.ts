/**
 * Long answers as JSON that is written piece by piece: no list is turned into text at once, so that devices are acknowledged between, and
 * what waits for slow lines is bounded.
 */
import { Readable } from 'node:stream';
import { OperationalError, Slices } from '@village/core';
import { answer, type Call, type Headers, type Reply } from '@village/platform';

/** Items of a piece at most, however little time they take. */
const ITEMS_A_PIECE = 500;
/** Shorter lists are a matter of milliseconds, and of no account. */
const SHORT = 1_000;
/** Items of long answers that are being sent: in all, and of one asker. An item takes some hundred bytes. */
const SENDING_MAX = 600_000;
const SENDING_OF_ONE_MAX = 150_000;

/** Items of long answers that are on their way. */
export class Sending {
  readonly #byAsker = new Map<string, number>();
  #all = 0;
  /** Answers that were refused since the start. */
  refused = 0;

  get items(): number {
    return this.#all;
  }

  /** Counts them until the returned function is called. @throws busy */
  hold(asker: string, items: number): () => void {
    const own = this.#byAsker.get(asker) ?? 0;
    if (this.#all + items > SENDING_MAX || (own > 0 && own + items > SENDING_OF_ONE_MAX)) {
      this.refused++;
      throw new OperationalError('busy', 'other long answers are still being sent', {
        retry: true,
      });
    }
    this.#all += items;
    this.#byAsker.set(asker, own + items);
    return () => {
      this.#all -= items;
      const left = this.#byAsker.get(asker)! - items;
      if (left === 0) this.#byAsker.delete(asker);
      else this.#byAsker.set(asker, left);
    };
  }
}

/** An object with one long list. */
interface Told<T> {
  readonly fields: Readonly<Record<string, unknown>>;
  /** What the list is called, if not `items`. */
  readonly list?: string;
  readonly items: readonly T[];
  /** How an item is told. */
  readonly view: (item: T) => unknown;
}

async function* pieces<T>({
  fields,
  list = 'items',
  items,
  view,
}: Told<T>): AsyncGenerator<string> {
  const head = JSON.stringify(fields);
  let text = `${head === '{}' ? '{' : `${head.slice(0, -1)},`}"${list}":[`;
  const slices = new Slices();
  for (let n = 0, inPiece = 0; n < items.length; n++) {
    if (n > 0) text += ',';
    text += JSON.stringify(view(items[n]!));
    if (++inPiece < ITEMS_A_PIECE && !slices.over) continue;
    yield text;
    text = '';
    inPiece = 0;
    await slices.next();
  }
  yield `${text}]}`;
}

/** `{...fields, items}` as the answer to a call. */
export function streamed<T>(
  { caller, whenOver }: Pick<Call, 'caller' | 'whenOver'>,
  sending: Sending,
  told: Told<T>,
  headers: Headers = {},
): Reply<Readable> {
  const { length } = told.items;
  if (length > SHORT) whenOver(sending.hold(caller.actor, length));
  return answer(200, Readable.from(pieces(told)), {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
  });
}

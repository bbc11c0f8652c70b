/**
 * Long answers as JSON that is written piece by piece: no list is turned into text at once, so that devices are acknowledged between, and
 * what waits for slow lines is bounded.
 */
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { OperationalError } from '@village/core';
import { answer, type Call, type Headers, type Reply } from '@village/platform';

/** Items turned into text between two pauses: about a millisecond. */
const ITEMS_A_PIECE = 250;
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

async function* pieces<T>(
  fields: Readonly<Record<string, unknown>>,
  items: readonly T[],
  view: (item: T) => unknown,
  aPiece: number,
): AsyncGenerator<string> {
  const head = JSON.stringify(fields);
  yield `${head === '{}' ? '{' : `${head.slice(0, -1)},`}"items":[`;
  for (let at = 0; at < items.length; at += aPiece) {
    if (at > 0) await turn();
    const texts = items.slice(at, at + aPiece).map((item) => JSON.stringify(view(item)));
    yield (at === 0 ? '' : ',') + texts.join(',');
  }
  yield ']}';
}

/** `{...fields, items}` as the answer to a call; `view` says how an item is told. */
export function streamed<T>(
  { caller, whenOver }: Pick<Call, 'caller' | 'whenOver'>,
  sending: Sending,
  {
    fields,
    items,
    view,
    aPiece = ITEMS_A_PIECE,
  }: {
    readonly fields: Readonly<Record<string, unknown>>;
    readonly items: readonly T[];
    readonly view: (item: T) => unknown;
    /** Where an item is more than a row of numbers. */
    readonly aPiece?: number;
  },
  headers: Headers = {},
): Reply<Readable> {
  if (items.length > SHORT) whenOver(sending.hold(caller.actor, items.length));
  return answer(200, Readable.from(pieces(fields, items, view, aPiece)), {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
  });
}

/** What a gateway delivers (deliver_sm): receipts of what was sent (SMPP 3.4, appendix B), and what people wrote. */
import { createHash } from 'node:crypto';
import { HOUR } from '@village/core';
import type { Pdu } from 'smpp';
import type { Receipt, Reply, Told } from '../contract.ts';
import { field, vendorTime } from '../hook.ts';
import { mainlandMobile } from '../numbers.ts';

/** Bits of esm_class that say what it is; 0001 is a receipt (5.2.12). */
const KIND_MASK = 0b0011_1100;
const RECEIPT = 0b0000_0100;

/** message_state (5.2.28), and the words of a receipt's text: what is final. */
const STATES: Readonly<Record<string, Receipt['state']>> = {
  2: 'delivered',
  3: 'failed',
  4: 'failed',
  5: 'failed',
  8: 'failed',
  DELIVRD: 'delivered',
  EXPIRED: 'failed',
  DELETED: 'failed',
  UNDELIV: 'failed',
  REJECTD: 'failed',
};

function textOf(pdu: Pdu): string {
  const read = (value: unknown): string => {
    const inner =
      typeof value === 'object' && value !== null && 'message' in value ? value.message : value;
    return typeof inner === 'string' ? inner : '';
  };
  return read(pdu['short_message']) || read(pdu['message_payload']);
}

const word = (text: string, name: string): string =>
  new RegExp(`(?:^|\\s)${name}:(\\S+)`, 'i').exec(text)?.[1] ?? '';

/** 2603011406 or with seconds, on Beijing's clock. */
function doneAt(text: string, now: number): number {
  const digits = /done date:(\d{10,12})/i.exec(text)?.[1];
  if (digits === undefined) return now;
  const [year = '', month, day, hour, minute, second = '00'] = digits.match(/\d\d/g) ?? [];
  return vendorTime(`20${year}-${month}-${day} ${hour}:${minute}:${second}`, now);
}

function receiptOf(pdu: Pdu, text: string, now: number): Receipt | undefined {
  const tagged = pdu['receipted_message_id'];
  const id = typeof tagged === 'string' && tagged !== '' ? tagged : word(text, 'id');
  const code = word(text, 'stat') || field(pdu, 'message_state');
  const state = STATES[code];
  if (id === '' || state === undefined) return undefined;
  const error = word(text, 'err');
  const full = error === '' || /^0+$/.test(error) ? code : `${code} ${error}`;
  return { id, ours: null, state, at: doneAt(text, now), code: full.slice(0, 40) };
}

/** The protocol gives what people write no id: who, what and in which hour is one, since an answer that is not acknowledged comes again. */
function replyOf(pdu: Pdu, text: string, now: number): Reply {
  const source = field(pdu, 'source_addr');
  const from = mainlandMobile(source) ?? source;
  const hash = createHash('sha256').update(`${from} ${Math.floor(now / HOUR)} ${text}`);
  return { id: hash.digest('hex').slice(0, 32), from, at: now, text, key: null, card: null };
}

/** What a deliver_sm says; nothing where it is on the way still, or says nothing readable. */
export function toldBy(pdu: Pdu, now: number): Told {
  const text = textOf(pdu);
  if ((Number(pdu['esm_class'] ?? 0) & KIND_MASK) === RECEIPT) {
    const receipt = receiptOf(pdu, text, now);
    return { receipts: receipt === undefined ? [] : [receipt], replies: [] };
  }
  return { receipts: [], replies: text === '' ? [] : [replyOf(pdu, text, now)] };
}

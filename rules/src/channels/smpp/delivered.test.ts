import fc from 'fast-check';
import type { Pdu } from 'smpp';
import { expect, it } from 'vitest';
import { NOON } from '../testing.ts';
import { toldBy } from './delivered.ts';

const pdu = (fields: Record<string, unknown>): Pdu => ({ ...fields }) as unknown as Pdu;
const receipt = (text: string) =>
  toldBy(pdu({ esm_class: 4, short_message: { message: text } }), NOON).receipts;

it('a receipt is read in any order and case, with the error that it names', () => {
  expect(
    receipt(
      'id:7-a_B sub:001 dlvrd:000 submit date:2603011405 done date:260301140609 stat:UNDELIV err:0C1 text:',
    ),
  ).toEqual([
    {
      id: '7-a_B',
      ours: null,
      state: 'failed',
      at: Date.UTC(2026, 2, 1, 6, 6, 9),
      code: 'UNDELIV 0C1',
    },
  ]);
  expect(receipt('Stat:DELIVRD Id:9 Done Date:2603011406')).toMatchObject([
    { id: '9', state: 'delivered', at: Date.UTC(2026, 2, 1, 6, 6) },
  ]);
  // Of a text that quotes a receipt the names before it count.
  expect(receipt('id:1 stat:DELIVRD text:id:2 stat:UNDELIV')).toMatchObject([
    { id: '1', state: 'delivered' },
  ]);
});

it.each(['ENROUTE', 'ACCEPTD', 'UNKNOWN', 'SOON', ''])('stat:%s is nothing final', (stat) => {
  expect(receipt(`id:1 stat:${stat}`)).toEqual([]);
});

it('says something known or nothing, whatever comes', () => {
  const value = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.constant(undefined),
    fc.record({ message: fc.oneof(fc.string(), fc.uint8Array()) }),
  );
  fc.assert(
    fc.property(
      fc.record({
        esm_class: fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constant(undefined)),
        short_message: value,
        message_payload: value,
        receipted_message_id: value,
        message_state: value,
        source_addr: value,
      }),
      (fields) => {
        const told = toldBy(pdu(fields), NOON);
        expect(told.receipts.length + told.replies.length).toBeLessThanOrEqual(1);
        for (const { id, at } of told.receipts) expect(id !== '' && Number.isFinite(at)).toBe(true);
        for (const { id, text } of told.replies)
          expect(/^[0-9a-f]{32}$/.test(id) && text !== '').toBe(true);
      },
    ),
  );
});

import { describe, expect, it } from 'vitest';
import { notice, outgoing } from '../testing.ts';
import { messageOf, takenText } from './card.ts';
import { wecomApp } from './index.ts';

const ways = { source: '数字乡村', buttons: true };

interface Card {
  readonly template_card: {
    readonly source: { readonly desc_color: number };
    readonly main_title: { readonly title: string; readonly desc: string };
    readonly sub_title_text?: string;
    readonly horizontal_content_list: readonly {
      readonly keyname: string;
      readonly value: string;
    }[];
    readonly task_id?: string;
  };
}
const cardOf = (...given: Parameters<typeof messageOf>): Card['template_card'] =>
  (messageOf(...given) as unknown as Card).template_card;

describe('a card', () => {
  it('is cut to what a card shows, whatever the names', () => {
    const long = { zh: '很长的名字𠮷'.repeat(40), en: '' };
    const parts = notice({ place: long, device: long, what: long, notes: [long], advice: long });
    const card = cardOf(outgoing({ parts }), ways);
    expect(card.main_title.title).toHaveLength(26);
    expect(card.main_title.title).toMatch(/^【重要告警】很长的.*…$/);
    expect(card.main_title.desc.length).toBeLessThanOrEqual(30);
    expect(card.sub_title_text?.length).toBeLessThanOrEqual(112);
    for (const { keyname, value } of card.horizontal_content_list) {
      expect(keyname.length).toBeLessThanOrEqual(5);
      expect(value.length).toBeLessThanOrEqual(26);
    }
  });

  it('has the key as its task, and the colour of what it says', () => {
    expect(cardOf(outgoing(), ways).task_id).toBe(outgoing().key);
    const colours = [notice(), notice({ severity: 'minor' }), notice({ kind: 'clear' })].map(
      (parts) => cardOf(outgoing({ parts }), ways).source.desc_color,
    );
    expect(colours).toEqual([2, 0, 3]);
  });

  it('speaks English', () => {
    const card = cardOf(outgoing({ language: 'en' }), ways);
    expect(card.main_title).toEqual({
      title: '[Major] Alert: Ammonia ni…',
      desc: 'Bianminqiao, Heping Sewage st…',
    });
    expect(card.sub_title_text).toBe('Overflows in about 40 minutes. Look at the blower first');
  });
});

it('who took it fits the button', () => {
  expect(takenText('张三')).toBe('张三 已确认');
  expect(takenText('很长的名字'.repeat(5))).toBe('很长的名字很长的名… 已确认');
});

it.each([
  [{}, 'corpId'],
  [{ corpId: 'ww1', agentId: 0, secret: 'S3CRET' }, 'agentId'],
  [{ corpId: 'ww1', agentId: 1, secret: 'S3CRET with space' }, 'secret'],
  [{ corpId: 'ww1', agentId: 1, secret: 'S3CRET', baseUrl: 'qyapi' }, 'baseUrl'],
  [{ corpId: 'ww1', agentId: 1, secret: 'S3CRET', baseUrl: 'https://u:S3CRET@x/' }, 'baseUrl'],
  [
    { corpId: 'ww1', agentId: 1, secret: 's', callback: { token: 't', encodingAesKey: 'S3CRET' } },
    'callback.encodingAesKey',
  ],
])('refuses options and names the place: %j', (given, place) => {
  expect(() => wecomApp.options(given)).toThrow(place);
  expect(() => wecomApp.options(given)).not.toThrow('S3CRET');
});

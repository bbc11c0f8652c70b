/** What WeCom checks of a template card, and how a phone shows one (developer.work.weixin.qq.com/document/path/90236). */
import type { Shown } from '../world.ts';

export interface CheckedCard {
  /** Null of a card without buttons. */
  readonly taskId: string | null;
  readonly type: string;
  readonly shown: Pick<Shown, 'text' | 'link' | 'buttons'>;
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fields) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');

/** The card, or what is wrong with it. */
export function checkCard(given: unknown): CheckedCard | string {
  const card = fields(given);
  const type = text(card['card_type']);
  const title = fields(card['main_title']);
  const rows = list(card['horizontal_content_list']);
  const action = fields(card['card_action']);
  const buttons = list(card['button_list']);
  const taskId = text(card['task_id']);
  if (type !== 'button_interaction' && type !== 'text_notice') return 'card_type invalid';
  if (text(title['title']) === '' && text(card['sub_title_text']) === '')
    return 'main_title.title or sub_title_text missing';
  if (rows.length > 6) return 'horizontal_content_list exceed max length 6';
  if (rows.some((row) => text(row['keyname']) === '')) return 'keyname missing';
  if (type === 'text_notice' && (action['type'] !== 1 || text(action['url']) === ''))
    return 'card_action missing';
  if (type === 'button_interaction') {
    if (!/^[A-Za-z0-9_@-]{1,128}$/.test(taskId)) return 'task_id invalid';
    if (buttons.length < 1 || buttons.length > 6) return 'button_list invalid';
    if (buttons.some((button) => text(button['text']) === '')) return 'button text missing';
    const keys = buttons.map((button) => Buffer.byteLength(text(button['key'])));
    if (keys.some((bytes) => bytes < 1 || bytes > 1024)) return 'button key invalid';
  }
  const lines = [
    text(title['title']),
    text(title['desc']),
    text(card['sub_title_text']),
    ...rows.map((row) => `${text(row['keyname'])}：${text(row['value'])}`),
  ];
  return {
    type,
    taskId: type === 'button_interaction' ? taskId : null,
    shown: {
      text: lines.filter((line) => line !== '').join('\n'),
      link: text(action['url']) || null,
      buttons: buttons.map((button) => ({ key: text(button['key']), text: text(button['text']) })),
    },
  };
}

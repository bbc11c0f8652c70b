/**
 * A notice as WeCom's app message (developer.work.weixin.qq.com/document/path/90236): a card with a button where somebody is to
 * take the alert, a card that opens a page where there is one, and text else, which is shown in WeChat, too.
 */
import type { Outgoing } from '../contract.ts';
import { cutBytes, cutCharacters, fitLines, oneLine } from '../prose/cut.ts';
import { linkOf, unmarked } from '../prose/marks.ts';
import { moreOf, openOf, plainLines, proseOf } from '../prose/prose.ts';

/** Bytes of a text; what is beyond is cut by the provider, anywhere. */
const TEXT_BYTES_MAX = 2048;
/** Characters that the provider recommends of a card's parts, and how many rows it takes. */
const LIMITS = {
  title: 26,
  description: 30,
  subTitle: 112,
  name: 5,
  value: 26,
  source: 13,
  rows: 6,
};

export const ACK_KEY = 'ack';
const ackText = { zh: '确认收到', en: 'I take it' } as const;

/** Grey, black, red and green are all that it knows. */
function colour({ parts: { kind, severity } }: Outgoing): number {
  if (kind === 'clear') return 3;
  return severity === 'critical' || severity === 'major' ? 2 : 0;
}

function textOf(message: Outgoing): string {
  const prose = proseOf(message);
  const link = linkOf(message.url);
  const { list, ...rest } = prose;
  return fitLines(
    {
      head: [prose.title, ...plainLines({ ...rest, list: [] }, message.language)].map(unmarked),
      list: list.map(unmarked),
      foot: link === null ? [] : [`<a href="${link}">${openOf(message.language)}</a>`],
    },
    TEXT_BYTES_MAX,
    moreOf(message.language),
  );
}

/** What a card says, whatever its type. */
function bodyOf(message: Outgoing, source: string): Record<string, unknown> {
  const { parts, language, url } = message;
  const { title } = proseOf(message);
  // What has a place of its own on a card is not said twice.
  const nowhere = { zh: '', en: '' };
  const rest = { ...parts, place: nowhere, device: nowhere, notes: [], advice: null };
  const { lines } = proseOf({ ...message, parts: rest });
  const said = [...parts.lines, ...parts.notes, ...(parts.advice === null ? [] : [parts.advice])];
  const stop = language === 'zh' ? '。' : '. ';
  const text = said.map((label) => oneLine(label[language]).replace(/[。.]$/, '')).join(stop);
  const link = linkOf(url);
  return {
    source: { desc: cutCharacters(source, LIMITS.source), desc_color: colour(message) },
    main_title: {
      title: cutCharacters(title, LIMITS.title),
      desc: cutCharacters(
        oneLine(`${parts.place[language]} ${parts.device[language]}`),
        LIMITS.description,
      ),
    },
    ...(text === '' ? {} : { sub_title_text: cutCharacters(text, LIMITS.subTitle) }),
    horizontal_content_list: lines.slice(0, LIMITS.rows).map(({ name, text: value }) => ({
      keyname: cutCharacters(name, LIMITS.name),
      value: cutCharacters(value, LIMITS.value),
    })),
    ...(link === null ? {} : { card_action: { type: 1, url: link } }),
  };
}

/** Type and content. `buttons` where the app can hear what is pressed. */
export function messageOf(
  message: Outgoing,
  { source, buttons }: { readonly source: string; readonly buttons: boolean },
): Record<string, unknown> {
  const { code, parts, language, key, url } = message;
  if (buttons && code !== null)
    return {
      msgtype: 'template_card',
      template_card: {
        card_type: 'button_interaction',
        ...bodyOf(message, source),
        task_id: key,
        button_list: [{ text: ackText[language], style: 1, key: ACK_KEY }],
      },
    };
  // A card of this type must open something, and has no room for a list.
  if (linkOf(url) !== null && parts.lines.length === 0)
    return {
      msgtype: 'template_card',
      template_card: { card_type: 'text_notice', ...bodyOf(message, source) },
    };
  return { msgtype: 'text', text: { content: textOf(message) } };
}

/** What the button says instead, once somebody has taken the alert. */
export const takenText = (by: string): string => `${cutBytes(by, 30)} 已确认`;

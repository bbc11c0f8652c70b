/**
 * The text of an SMS: what, where, value, limit, since when, what to do, how to answer; in one message of 70 characters with its
 * signature where that is possible at all. What matters least is left out first.
 */
import type { NoticeParts } from '../contract.ts';
import { cut, type Language } from './characters.ts';
import { furtherNotes, noticeLines, phrases } from './phrases.ts';

/** Carriers count UTF-16 units: one message of 70, or parts of 67 (notifications: Aliyun, C1). */
export const SMS_SINGLE = 70;
export const SMS_PART = 67;

export const smsSegments = (text: string): number =>
  text.length <= SMS_SINGLE ? 1 : Math.ceil(text.length / SMS_PART);

/** The text in parts that a phone puts together again (3GPP TS 23.040, 9.2.3.24.1); a character of two units is not torn. */
export function smsParts(text: string): string[] {
  if (text.length <= SMS_SINGLE) return [text];
  const parts: string[] = [];
  let part = '';
  for (const sign of text) {
    if (part.length + sign.length > SMS_PART) {
      parts.push(part);
      part = '';
    }
    part += sign;
  }
  return [...parts, part];
}

export interface SmsOptions {
  readonly language: Language;
  readonly now: number;
  readonly code: string | null;
  /** Whether an answer by SMS arrives: then it is said how, else the code alone. */
  readonly replies: boolean;
  /** Stands in 【】 before the text and counts; null where the provider sets it and does not count it, or there is none. */
  readonly sign: string | null;
  /** Most characters; unless given one message in Chinese, and two in English, whose words are longer. */
  readonly most?: number;
}

type Piece = 'prefix' | 'place' | 'device' | 'what' | 'value' | 'limit' | 'since' | 'reply';
/** What is said, by its place in the sentence; notes and advice in order. */
interface Said {
  readonly pieces: Map<Piece, string>;
  readonly notes: string[];
  advice: string;
}

function render({ pieces, notes, advice }: Said, language: Language): string {
  const [comma, stop, colon, gap] =
    language === 'zh' ? ['，', '。', '：', ''] : [', ', '. ', ': ', ' '];
  const part = (piece: Piece): string => pieces.get(piece) ?? '';
  const join = (texts: readonly string[], by: string): string =>
    texts.filter((text) => text !== '').join(by);
  const where = join([part('place'), part('device')], gap);
  const wrong = join([part('what'), part('value')], gap);
  const head = join([where, wrong], language === 'zh' ? '' : colon);
  const clauses = join([head, part('limit'), part('since')], comma);
  const prefix = part('prefix');
  return join(
    [
      `${prefix}${prefix === '' || clauses === '' ? '' : colon}${clauses}`,
      ...notes,
      advice,
      part('reply'),
    ],
    stop,
  );
}

/** The longest that the first parts may be when not all of those that must be said fit. */
const WHAT_MOST = 16;
const PLACE_MOST = 10;
/** Fewer characters of a cut text say nothing. */
const CUT_LEAST = 6;

function replyOf(code: string, replies: boolean, language: Language): string {
  if (code === '') return '';
  if (language === 'zh') return replies ? `回复1 ${code}确认` : `编号${code}`;
  return replies ? `Reply 1 ${code} to confirm` : `No. ${code}`;
}

/** What stands before all else: of an ordinary alert nothing, so that the place comes first. */
function prefixOf(parts: NoticeParts, kind: string, severity: string): string {
  if (parts.kind === 'active') return parts.severity === 'critical' ? severity : '';
  return kind;
}

function linesText(prefix: string, lines: readonly string[], most: number, language: Language) {
  const [colon, mark] = language === 'zh' ? ['：', '；'] : [': ', '; '];
  const rest = (left: number): string => (language === 'zh' ? `另有${left}条` : `${left} more`);
  for (let shown = lines.length; shown > 0; shown--) {
    const left = lines.length - shown;
    const said = [...lines.slice(0, shown), ...(left === 0 ? [] : [rest(left)])];
    const text = `${prefix}${colon}${said.join(mark)}`;
    if (text.length <= most) return text;
  }
  const tail = lines.length > 1 ? `${mark}${rest(lines.length - 1)}` : '';
  const room = most - prefix.length - colon.length - tail.length;
  return cut(`${prefix}${colon}${cut(lines[0] ?? '', room)}${tail}`, most);
}

/** The text without its signature, of at most `most` characters. */
function body(parts: NoticeParts, options: SmsOptions, most: number): string {
  const { language, code, replies } = options;
  const all = phrases(parts, { language, now: options.now, code, spoken: false });
  const prefix = prefixOf(parts, all.kind, all.severity);
  if (parts.lines.length > 0 && (parts.kind === 'summary' || parts.kind === 'digest'))
    return linesText(prefix, noticeLines(parts, language), most, language);

  const said: Said = { pieces: new Map(), notes: [], advice: '' };
  const length = (): number => render(said, language).length;
  const put = (piece: Piece, text: string): void => {
    if (text === '') return;
    said.pieces.set(piece, text);
    if (length() > most) said.pieces.delete(piece);
  };
  said.pieces.set('prefix', prefix);
  said.pieces.set('reply', replyOf(all.code, replies, language));
  said.pieces.set('what', all.what);
  said.pieces.set('place', all.place);
  said.advice = all.advice;
  if (length() > most) {
    said.pieces.set('what', cut(all.what, WHAT_MOST));
    said.pieces.set('place', cut(all.place, PLACE_MOST));
    said.advice = '';
    // Where the signature and English words leave less room than that: the code is the last to go.
    for (const piece of ['place', 'what', 'prefix'] as const) {
      const over = length() - most;
      const text = said.pieces.get(piece) ?? '';
      if (over > 0) said.pieces.set(piece, cut(text, Math.max(text.length - over, 0)));
    }
    // The mark before it is one or two characters.
    const room = most - length() - (language === 'zh' ? 1 : 2);
    said.advice = room < CUT_LEAST ? '' : cut(all.advice, room);
  }
  put('value', all.value);
  put('since', sinceOf(parts, all.since, all.until, language));
  put('device', all.device);
  put('limit', all.limit === '' ? '' : `${language === 'zh' ? '限值' : 'limit '}${all.limit}`);
  for (const note of [all.note, ...furtherNotes(parts, language)]) {
    if (note === '') continue;
    said.notes.push(note);
    if (length() > most) said.notes.pop();
  }
  return cut(render(said, language), most);
}

function sinceOf({ kind }: NoticeParts, since: string, until: string, language: Language): string {
  if (kind === 'test') return '';
  if (language === 'zh') return until === '' ? `${since}起` : `${since}至${until}`;
  return until === '' ? `since ${since}` : `${since} to ${until}`;
}

/** The whole text, with the signature where there is one. */
export function smsText(parts: NoticeParts, options: SmsOptions): string {
  const sign = options.sign === null ? '' : `【${options.sign}】`;
  const most = options.most ?? (options.language === 'zh' ? SMS_SINGLE : 2 * SMS_PART);
  return sign + body(parts, options, most - sign.length);
}

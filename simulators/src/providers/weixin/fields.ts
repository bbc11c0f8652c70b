/** What WeChat checks of a template's fields (参数值限制说明 of subscribe messages): the rule of each type, as its table says it. */

const HAN = '[\\u3400-\\u9fff]';
const date =
  '\\d{4}年\\d{1,2}月(?:\\d{1,2}日)?|\\d{1,2}月\\d{1,2}日|\\d{4}([-/.])\\d{1,2}\\1\\d{1,2}';
const clock = '\\d{1,2}:\\d{2}(?::\\d{2})?';

const whole = (pattern: string): RegExp => new RegExp(`^(?:${pattern})$`, 'u');
const isClock = (text: string): boolean => {
  const [hour = 99, minute = 99, second = 0] = text.split(':').map(Number);
  return whole(clock).test(text) && hour < 24 && minute < 60 && second < 60;
};
const isDate = (text: string): boolean => whole(date).test(text);

/** A moment of a date, a clock time, or both. */
function moment(text: string): 'date' | 'clock' | 'both' | undefined {
  if (isDate(text)) return 'date';
  if (isClock(text)) return 'clock';
  const at = text.indexOf(' ');
  return at > 0 && isDate(text.slice(0, at)) && isClock(text.slice(at + 1)) ? 'both' : undefined;
}

function isSpan(text: string, allowed: readonly string[]): boolean {
  const ends = text.split('~').map(moment);
  return ends.length <= 2 && ends.every((end) => end !== undefined && allowed.includes(end));
}

/** Characters as a person counts them. */
const count = (text: string): number => [...text].length;

const checks: Readonly<Record<string, (text: string) => boolean>> = {
  thing: (text) => count(text) <= 20 && !/\p{Cc}/u.test(text),
  keyword: (text) => !/\p{Cc}/u.test(text),
  number: (text) => text.length <= 32 && whole('\\d+(?:\\.\\d+)?').test(text),
  letter: (text) => whole('[A-Za-z]{1,32}').test(text),
  symbol: (text) => whole('[^A-Za-z0-9\\u3400-\\u9fff\\s]{1,5}').test(text),
  character_string: (text) => count(text) <= 32 && !new RegExp(HAN, 'u').test(text),
  time: (text) => isSpan(text, ['clock', 'both']),
  date: (text) => isSpan(text, ['date', 'both']),
  amount: (text) => whole('[^\\d\\s]?\\d{1,10}(?:\\.\\d+)?元?').test(text),
  phone_number: (text) => whole('[\\d+()\\- ]{1,17}').test(text),
  car_number: (text) =>
    whole(`(?:${HAN}|[A-Za-z0-9])[A-Za-z0-9]{0,6}(?:${HAN}|[A-Za-z0-9])`).test(text),
  name: (text) => {
    if (/\d/.test(text)) return false;
    return count(text) <= (new RegExp(HAN, 'u').test(text) ? 10 : 20);
  },
  phrase: (text) => whole(`${HAN}{1,5}`).test(text),
  enum: () => true,
};

/** What is wrong with the value of a field, as `errmsg` says it; undefined when nothing is. */
export function wrongField(name: string, value: unknown): string | undefined {
  const type = name.replace(/\d+$/, '');
  if (typeof value !== 'string' || value.trim() === '')
    return `argument invalid! data.${name}.value is empty`;
  const check = checks[type];
  return check === undefined || !check(value)
    ? `argument invalid! data.${name}.value invalid`
    : undefined;
}

/**
 * Gammu's file of messages (gammu-smsbackup), which its daemon reads from the outbox and writes into the inbox. A plain text file would be sent in
 * the daemon's own encoding, which is 7 bits unless it is told otherwise: Chinese would arrive as question marks. Here each part says its encoding.
 */
import { smsParts } from '../text/sms.ts';

/** Hexadecimal digits in a line. */
const LINE = 200;

const hex = (text: string): string =>
  Array.from({ length: text.length }, (_, at) =>
    text.charCodeAt(at).toString(16).toUpperCase().padStart(4, '0'),
  ).join('');

/** A file with one text for one number. `reference` (0 to 255) tells parts of one text from those of another. */
export function backupFile(number: string, text: string, reference: number): string {
  const parts = smsParts(text);
  const byte = (value: number): string => value.toString(16).toUpperCase().padStart(2, '0');
  return parts
    .map((part, at) => {
      const digits = hex(part);
      const lines = Array.from(
        { length: Math.ceil(digits.length / LINE) },
        (_, line) =>
          `Text${String(line).padStart(2, '0')} = ${digits.slice(line * LINE, (line + 1) * LINE)}`,
      );
      return [
        `[SMSBackup${String(at).padStart(3, '0')}]`,
        'PDU = Submit',
        'State = UnSent',
        `Number = "${number}"`,
        `NumberUnicode = ${hex(number)}`,
        ...(parts.length === 1
          ? []
          : [`UDH = 050003${byte(reference)}${byte(parts.length)}${byte(at + 1)}`]),
        ...lines,
        'Coding = Unicode_No_Compression',
        'Folder = 1',
        `Length = ${part.length}`,
        'Class = -1',
        '',
        '',
      ].join('\n');
    })
    .join('');
}

/** A message of an inbox file, its parts put together. */
export interface BackupMessage {
  readonly number: string;
  readonly text: string;
  /** True of what the network says of a message that was sent. */
  readonly report: boolean;
  /** As it was written, 20260301T140600Z: the clock of the network, whatever the letter says. */
  readonly time: string;
}

/** No message has more parts. */
const PARTS_MAX = 255;

/** The message that the file has; undefined when it is none, is not whole or is no text. */
export function parseBackup(content: string): BackupMessage | undefined {
  const sections = content.split(/^\[SMSBackup\d{3}\]\s*$/m).slice(1, PARTS_MAX + 2);
  const parts = sections.map((section) => {
    const fields = new Map<string, string>();
    for (const line of section.split(/\r?\n/)) {
      const match = /^([A-Za-z]+\d*) = ?(.*)$/.exec(line);
      if (match?.[1] !== undefined) fields.set(match[1], (match[2] ?? '').trim());
    }
    return fields;
  });
  const [first] = parts;
  if (first === undefined || parts.length > PARTS_MAX) return undefined;
  const texts = parts.map(textOf);
  if (texts.some((text) => text === undefined)) return undefined;
  const number = unhex(first.get('NumberUnicode') ?? '');
  if (number === undefined || number === '') return undefined;
  return {
    number,
    text: texts.join(''),
    report: first.get('PDU') === 'Status_Report',
    time: first.get('DateTime') ?? '',
  };
}

function unhex(digits: string): string | undefined {
  if (!/^([0-9A-Fa-f]{4})*$/.test(digits)) return undefined;
  return (digits.match(/.{4}/g) ?? [])
    .map((unit) => String.fromCharCode(Number.parseInt(unit, 16)))
    .join('');
}

function textOf(fields: ReadonlyMap<string, string>): string | undefined {
  if (fields.get('Coding')?.startsWith('8bit') === true) return undefined;
  const digits = [...fields]
    .filter(([name]) => /^Text\d\d$/.test(name))
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, value]) => value)
    .join('');
  const text = unhex(digits);
  // The length tells whether the whole of it has been written.
  return text !== undefined && text.length === Number(fields.get('Length')) ? text : undefined;
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { smsParts } from '../text/sms.ts';
import { backupFile, parseBackup } from './backup-file.ts';

/** What the daemon writes has the sections of what we write, with more fields. */
const asInbox = (file: string): string =>
  `; Saved 20260301T140600\n\n${file
    .replaceAll('PDU = Submit', 'SMSC = ""\nPDU = Deliver\nDateTime = 20260301T140600Z')
    .replaceAll('State = UnSent', 'State = UnRead')}`;

describe('files of messages', () => {
  it('say the encoding and the number of one message', () => {
    expect(backupFile('13800000001', '泵停A', 7).split('\n')).toEqual([
      '[SMSBackup000]',
      'PDU = Submit',
      'State = UnSent',
      'Number = "13800000001"',
      'NumberUnicode = 00310033003800300030003000300030003000300031',
      'Text00 = 6CF5505C0041',
      'Coding = Unicode_No_Compression',
      'Folder = 1',
      'Length = 3',
      'Class = -1',
      '',
      '',
    ]);
  });

  it('have a header in each part of a longer text', () => {
    const file = backupFile('10086', '字'.repeat(135), 0xd9);
    expect(file.match(/^UDH = .*$/gm)).toEqual([
      'UDH = 050003D90301',
      'UDH = 050003D90302',
      'UDH = 050003D90303',
    ]);
    expect(file.match(/^Length = \d+$/gm)).toEqual(['Length = 67', 'Length = 67', 'Length = 1']);
  });

  it.each([
    [70, 1],
    [71, 2],
    [134, 2],
    [135, 3],
  ])('of %d characters have %d parts', (length, parts) =>
    expect(smsParts('字'.repeat(length))).toHaveLength(parts),
  );

  it('are read again as they were written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1, maxLength: 300 }), (text) => {
        for (const part of smsParts(text)) {
          expect(part.length).toBeLessThanOrEqual(70);
          expect(part.isWellFormed()).toBe(text.isWellFormed());
        }
        const file = asInbox(backupFile('+8613800000001', text, 1));
        expect(parseBackup(file)).toEqual({
          number: '+8613800000001',
          text,
          report: false,
          time: '20260301T140600Z',
        });
      }),
    );
  });

  it('that are cut or no text say nothing', () => {
    const file = asInbox(backupFile('13800000001', '泵跳停'.repeat(40), 1));
    for (const end of [0, 40, 200, file.indexOf('Coding'), file.length - 60])
      expect(parseBackup(file.slice(0, end)), String(end)).toBeUndefined();
    expect(parseBackup(file.replace('Unicode_No_Compression', '8bit'))).toBeUndefined();
    expect(parseBackup(file.replace('Text00 = 6', 'Text00 = X'))).toBeUndefined();
    expect(parseBackup('泵跳停')).toBeUndefined();
  });
});

import { describe, expect, it } from 'vitest';
import { type AddressKind, canonicalAddress, comparableHost } from './address.ts';

describe('addresses', () => {
  it.each<[AddressKind, string, string[]]>([
    [
      'dev-eui',
      '24e124713b491234',
      [
        '24E124713B491234',
        '24-e1-24-71-3b-49-12-34',
        '24:E1:24:71:3B:49:12:34',
        ' 24e12471 3b491234',
        '0x24E124713B491234',
        '２４E124713B491234',
        'eui-24E124713B491234',
        '24\u2011E1\u201124\u201171\u20113B\u201149\u201112\u201134',
        '24–E1–24–71–3B–49–12–34',
        '24_e1_24_71_3b_49_12_34',
        '\u202a24e124713b491234\u200b',
      ],
    ],
    [
      'mac',
      '00:1b:44:11:3a:b7',
      ['\u200e00–1B–44–11–3A–B7', '001B44113AB7', '00-1B-44-11-3A-B7', '001b.4411.3ab7'],
    ],
    ['imei', '490154203237518', ['49-015420-323751-8', '490154203237518 ', '49 015420 323751 8']],
    ['mn', '01234A0000000000000000AB', ['01234a0000000000000000ab', ' 01234A0000000000000000AB']],
    ['serial', 'HB20-000117', ['hb20-000117', 'ＨＢ20-000117']],
    ['ip', '192.168.1.5', ['192.168.001.005', '::ffff:192.168.1.5', '::FFFF:c0a8:105']],
    ['ip', '2001:db8::1:0:0:1', ['2001:0DB8:0:0:1:0:0:1', '[2001:db8::1:0:0:1]']],
    ['ip', '::', ['0:0:0:0:0:0:0:0', '0::0']],
    ['ip', '1:2:3:4:5:6:7:8', ['01:02:03:04:05:06:07:08']],
  ])('of kind %s are %s in every spelling', (kind, one, others) => {
    for (const spelling of [one, ...others]) expect(canonicalAddress(kind, spelling)).toBe(one);
  });

  it.each<[AddressKind, string]>([
    ['dev-eui', '24e124713b49123'],
    ['dev-eui', '24e124713b491234ff'],
    ['dev-eui', 'bin-7'],
    ['dev-eui', 'eui24e124713b491234'],
    ['mac', '24e124713b491234'],
    ['imei', '49015420323751'],
    ['mn', 'a b'],
    ['ip', '256.1.1.1'],
    ['ip', '1.2.3'],
    ['ip', '1::2::3'],
    ['ip', '1:2:3:4:5:6:7'],
    ['ip', 'plc-1'],
  ])('that are no %s are told: %s', (kind, text) => {
    expect(canonicalAddress(kind, text)).toBeUndefined();
  });

  it('that a profile takes as they are differ by every character', () => {
    expect(canonicalAddress('exact', 'Site/A ')).toBe('Site/A ');
  });

  it('of hosts are compared by what they mean', () => {
    expect(comparableHost('PLC-1.Village.')).toBe(comparableHost('plc-1.village'));
    expect(comparableHost('[::1]')).toBe(comparableHost('0:0::1'));
    expect(comparableHost('192.168.001.005')).toBe('192.168.1.5');
    expect(comparableHost('plc-1')).not.toBe(comparableHost('plc-2'));
  });
});

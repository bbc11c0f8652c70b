import { OperationalError } from '@village/core';
import { decrypt, encrypt, getSignature } from '@wecom/crypto';
import { describe, expect, it } from 'vitest';
import {
  callbackSchema,
  callbackSignature,
  openCallback,
  proveCallback,
  xmlTexts,
} from './callback.ts';

/** The example of the vendor's documents (developer.work.weixin.qq.com/document/path/90307). */
const TOKEN = 'QDG6eK';
const KEY = 'jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C';
const CORP = 'wx5823bf96d3bd56c7';
const ENCRYPTED =
  'RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gsijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUax5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIGHBZZIs2pDBS8R07+qN+E7Q==';
const ECHO =
  'P9nAzCzyDtyTWESHep1vC5X9xho/qYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp+4RPcs8TgAE7OaBO+FZXvnaqQ==';

describe("the vendor's example", () => {
  it('is signed and opens', () => {
    expect(callbackSignature(TOKEN, '1409659813', '1372623149', ENCRYPTED)).toBe(
      '477715d11cdb4164915debcba66cb864d751f3e6',
    );
    const texts = xmlTexts(openCallback(KEY, CORP, ENCRYPTED));
    expect(Object.fromEntries(texts)).toEqual({
      ToUserName: CORP,
      FromUserName: 'mycreate',
      CreateTime: '1409659813',
      MsgType: 'text',
      Content: 'hello',
      MsgId: '4561255354251345929',
      AgentID: '218',
    });
  });

  it('has an echo that opens to digits', () => {
    expect(callbackSignature(TOKEN, '1409659589', '263014780', ECHO)).toBe(
      '5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3',
    );
    expect(openCallback(KEY, CORP, ECHO)).toBe('1616140317555161061');
  });
});

describe("the vendor's own library", () => {
  it.each([0, 1, 11, 12, 13, 27, 28, 500])('seals %d characters and we open them', (length) => {
    const text = '收'.repeat(length);
    const sealed = encrypt(KEY, text, CORP);
    expect(openCallback(KEY, CORP, sealed)).toBe(text);
    expect(decrypt(KEY, sealed)).toMatchObject({ message: text, id: CORP });
    expect(callbackSignature(TOKEN, '1', 'n', sealed)).toBe(getSignature(TOKEN, '1', 'n', sealed));
  });
});

describe('what is not the provider’s', () => {
  it('has another signature, or none', () => {
    const texts = [TOKEN, '1409659813', '1372623149', ENCRYPTED];
    expect(() => proveCallback('477715d11cdb4164915debcba66cb864d751f3e6', ...texts)).not.toThrow();
    for (const given of [undefined, '', '477715d11cdb4164915debcba66cb864d751f3e7', '汉'])
      expect(() => proveCallback(given, ...texts)).toThrow(OperationalError);
  });

  it.each([
    ['empty', ''],
    ['no Base64', '!!!!'],
    ['half a block', Buffer.alloc(24).toString('base64')],
    ['noise', Buffer.alloc(64, 7).toString('base64')],
    ['another corporation', encrypt(KEY, 'hello', 'wxother')],
    ['another key', encrypt(`A${KEY.slice(1)}`, 'hello', CORP)],
  ])('does not open: %s', (_name, sealed) => {
    expect(() => openCallback(KEY, CORP, sealed)).toThrow(
      expect.objectContaining({ code: 'not-ours' }),
    );
  });

  it.each([
    ['<xml><a>1</xml>'],
    ['hello'],
    [''],
    ['<xml><a>&secret;</a></xml>'],
    [`<xml><a>${'x'.repeat(70_000)}</a></xml>`],
  ])('is no event: %s', (xml) => {
    expect(() => xmlTexts(xml)).toThrow(expect.objectContaining({ code: 'not-ours' }));
  });

  it('has no entities of its own', () => {
    const xml = '<!DOCTYPE x [<!ENTITY e "boom">]><xml><a>&e;</a></xml>';
    expect(() => xmlTexts(xml)).toThrow(expect.objectContaining({ code: 'not-ours' }));
  });
});

it('reads the elements below the root, and nothing deeper', () => {
  const xml = '<xml><A><![CDATA[a]]></A> <B> 2 </B><C><D>no</D></C><A><![CDATA[<last>]]></A></xml>';
  expect(Object.fromEntries(xmlTexts(xml))).toEqual({ A: '<last>', B: '2', C: '' });
});

it('a key of another length is refused', () => {
  expect(callbackSchema.safeParse({ token: 't', encodingAesKey: KEY }).success).toBe(true);
  expect(callbackSchema.safeParse({ token: 't', encodingAesKey: `${KEY}=` }).success).toBe(false);
});

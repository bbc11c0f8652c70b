import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { docsFile, docsText } from './http-docs.ts';

describe('docs/http-api.md', () => {
  it('says what api/ says; else run node tools/http-docs.ts', () => {
    const text = readFileSync(docsFile, 'utf8');
    expect(text).toBe(docsText(text));
  });

  it('can differ: a changed line between the marks is made right again', () => {
    const text = readFileSync(docsFile, 'utf8');
    const changed = text.replace('`GET /areas/{code}`', '`GET /areas/{number}`');
    expect(changed).not.toBe(text);
    expect(docsText(changed)).toBe(text);
  });
});

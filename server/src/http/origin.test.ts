import { describe, expect, it } from 'vitest';
import { isSameOrigin } from './origin.ts';

describe('an origin', () => {
  it.each([
    ['https://x', 'x'],
    ['https://x', 'x:443'],
    ['https://x:443', 'x'],
    ['http://x', 'x:80'],
    ['http://x:80', 'x'],
    ['https://x:8443', 'x:8443'],
    ['https://Village.Example', 'village.EXAMPLE'],
    ['https://village.example', 'village.example.'],
    ['https://village.example.', 'village.example:443'],
    ['http://[::1]:8080', '[::1]:8080'],
    ['http://[::1]', '[0:0:0:0:0:0:0:1]:80'],
    ['https://[2001:db8::a]', '[2001:DB8:0::A]:443'],
    ['http://127.0.0.1:38080', '127.0.0.1:38080'],
    ['https://bücher.example', 'xn--bcher-kva.example'],
  ])('%s is that of the host %s', (origin, host) => {
    expect(isSameOrigin(origin, host, false)).toBe(true);
  });

  it.each([
    ['https://x', 'x:80'],
    ['http://x', 'x:443'],
    ['https://x:8443', 'x'],
    ['https://x', 'x:8443'],
    ['https://evil.example', 'x'],
    ['https://x.evil.example', 'x'],
    ['https://x', 'x.evil.example'],
    ['https://[::1]', '[::2]'],
    ['null', 'x'],
    ['', 'x'],
    ['file://x', 'x'],
    ['ftp://x', 'x'],
    ['https://x', ''],
    ['https://x', 'evil@x'],
    ['https://x', 'x/evil'],
    ['https://x', 'x?'],
    ['https://x', 'x\\evil'],
    ['https://x', 'x:99999'],
    ['https://x', 'x, y'],
  ])('%s is not that of the host %s', (origin, host) => {
    expect(isSameOrigin(origin, host, false)).toBe(false);
  });

  it('without encryption is another one where the request is known to be encrypted', () => {
    expect(isSameOrigin('http://x:443', 'x:443', true)).toBe(false);
    expect(isSameOrigin('https://x', 'x:443', true)).toBe(true);
  });
});

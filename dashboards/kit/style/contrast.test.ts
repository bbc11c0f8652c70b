import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const css = readFileSync(new URL('./base.css', import.meta.url), 'utf8');

type Colour = readonly [red: number, green: number, blue: number, alpha: number];

/** The custom properties of one theme; dark overrides light. */
function theme(name: 'light' | 'dark'): Map<string, Colour> {
  const blocks = [...css.matchAll(/:root(\[data-theme="dark"\])?\s*\{([^}]*)\}/g)];
  const properties = new Map<string, Colour>();
  for (const [, dark, body = ''] of blocks) {
    if (dark !== undefined && name === 'light') continue;
    for (const [, key = '', value = ''] of body.matchAll(/--([a-z-]+):\s*([^;]+);/g)) {
      const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/.exec(value);
      const rgb = /^rgb\((\d+) (\d+) (\d+) \/ (\d+)%\)$/.exec(value);
      if (hex !== null) {
        const [red = 0, green = 0, blue = 0] = hex
          .slice(1)
          .map((part) => Number.parseInt(part, 16));
        properties.set(key, [red, green, blue, 1]);
      } else if (rgb !== null) {
        const [red = 0, green = 0, blue = 0, percent = 0] = rgb.slice(1).map(Number);
        properties.set(key, [red, green, blue, percent / 100]);
      }
    }
  }
  return properties;
}

/** A colour laid over an opaque one. */
const over = (top: Colour, below: Colour): Colour => {
  const mix = (i: 0 | 1 | 2): number => top[i] * top[3] + below[i] * (1 - top[3]);
  return [mix(0), mix(1), mix(2), 1];
};

/** WCAG 2.2: relative luminance of an sRGB colour. */
function luminance(colour: Colour): number {
  const [red = 0, green = 0, blue = 0] = colour.slice(0, 3).map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: Colour, other: Colour): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

it('black on white is 21 to 1, and #767676 on white the known 4.54', () => {
  expect(contrast([0, 0, 0, 1], [255, 255, 255, 1])).toBeCloseTo(21, 5);
  expect(contrast([0x76, 0x76, 0x76, 1], [255, 255, 255, 1])).toBeCloseTo(4.54, 2);
});

describe.each(['light', 'dark'] as const)('%s', (name) => {
  const colours = theme(name);
  const colour = (key: string): Colour => {
    const found = colours.get(key);
    if (found === undefined) throw new Error(`no --${key}`);
    return found;
  };
  const texts = ['text', 'muted', 'accent', 'online', 'late', 'offline', 'never'];
  /** Rows turn `raised` under the pointer, so everything may stand on it. */
  const grounds = ['page', 'surface', 'raised'];

  it.each(texts.flatMap((text) => grounds.map((ground) => [text, ground] as const)))(
    '--%s can be read on --%s',
    (text, ground) => {
      expect(contrast(colour(text), colour(ground))).toBeGreaterThanOrEqual(4.5);
    },
  );
  it('what is chosen and what is pressed can be read', () => {
    const soft = over(colour('accent-soft'), colour('surface'));
    expect(contrast(colour('accent'), soft)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colour('text'), colour('chosen'))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colour('accent-text'), colour('accent'))).toBeGreaterThanOrEqual(4.5);
  });
  it('tiles of a map can be read', () => {
    for (const ground of ['map-none', 'map-few', 'map-some'])
      expect(contrast(colour('text'), colour(ground))).toBeGreaterThanOrEqual(4.5);
    expect(contrast(colour('map-many-text'), colour('map-many'))).toBeGreaterThanOrEqual(4.5);
  });
  it('text over a shaded gap of a chart can be read', () => {
    const gap = over(colour('gap'), colour('surface'));
    expect(contrast(colour('muted'), gap)).toBeGreaterThanOrEqual(4.5);
  });
});

it('no style asks for a custom property that there is not', () => {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const sheets = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => path.endsWith('.css') && !/(^|\/)(dist|node_modules)\//.test(path),
  );
  expect(sheets.length).toBeGreaterThan(10);
  const texts = sheets.map((path) => [path, readFileSync(join(root, path), 'utf8')] as const);
  const known = new Set(
    texts.flatMap(([, text]) => [...text.matchAll(/(--[a-z0-9-]+)\s*:/g)].map(([, name]) => name)),
  );
  const unknown = texts.flatMap(([path, text]) =>
    [...text.matchAll(/var\((--[a-z0-9-]+)/g)]
      .filter(([, name]) => !known.has(name))
      .map(([, name]) => `${path}: ${name}`),
  );
  expect(unknown).toEqual([]);
});

/** What may be said of a device or area beyond what its profile says: a closed list, so that rules and figures can rely on it. */

interface NumberAttribute {
  readonly type: 'number';
  readonly unit: string;
  readonly min: number;
  readonly max: number;
}

interface TextAttribute {
  readonly type: 'text';
  /** The only words there are; any short text where absent. */
  readonly words?: readonly string[];
}

export type Attribute = NumberAttribute | TextAttribute;

export const ATTRIBUTES: Readonly<Record<string, Attribute>> = {
  /** By what a sewage plant treats in a day: below 20 t, below 500 t, 500 t and more (DB33/973). */
  'facility-class': { type: 'text', words: ['small', 'medium', 'large'] },
  'design-capacity': { type: 'number', unit: 'm3/d', min: 0, max: 1_000_000 },
  /** A standard and its grade, as the tables of standards have them. */
  'discharge-standard': {
    type: 'text',
    words: ['GB 18918 1A', 'GB 18918 1B', 'GB 18918 2', 'DB33/973 1', 'DB33/973 2'],
  },
  /** The year in which a plant was built; GB 18918 has other limits before 2006. */
  'built-year': { type: 'number', unit: '1', min: 1950, max: 2100 },
  /** From its floor to the sensor above. */
  'bin-height': { type: 'number', unit: 'm', min: 0.1, max: 10 },
  'bin-volume': { type: 'number', unit: 'L', min: 1, max: 100_000 },
  'water-body': { type: 'text' },
  /** GB 3838 has limits of its own for lakes and reservoirs. */
  'water-kind': { type: 'text', words: ['river', 'lake'] },
  /** GB 3838, table 1. */
  'water-class': { type: 'text', words: ['I', 'II', 'III', 'IV', 'V'] },
  /** GB 3095 and GB 3096. */
  'function-zone': { type: 'text', words: ['0', '1', '2', '3', '4a', '4b'] },
  'sampling-height': { type: 'number', unit: 'm', min: 0, max: 300 },
  population: { type: 'number', unit: '1', min: 0, max: 10_000_000 },
  households: { type: 'number', unit: '1', min: 0, max: 10_000_000 },
};

const TEXT_MAX = 200;

/** Why a value can't be one of this attribute; null when it can. */
export function attributeFault(key: string, value: string | number): string | null {
  const attribute = Object.hasOwn(ATTRIBUTES, key) ? ATTRIBUTES[key] : undefined;
  if (attribute === undefined) return `is none of ${Object.keys(ATTRIBUTES).join(', ')}`;
  if (attribute.type === 'number') {
    const { min, max, unit } = attribute;
    const right = typeof value === 'number' && value >= min && value <= max;
    return right ? null : `must be a number from ${min} to ${max} (${unit})`;
  }
  if (typeof value !== 'string' || value === '' || value.length > TEXT_MAX)
    return `must be a text of 1 to ${TEXT_MAX} characters`;
  return attribute.words?.includes(value) === false
    ? `must be one of ${attribute.words.join(', ')}`
    : null;
}

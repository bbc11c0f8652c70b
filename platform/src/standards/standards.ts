/** All standards that a county is judged by: what ships, with what the county has put in the place of unverified values. */
import { bug, type Label, type QuantityId } from '@village/core';
import { type GradeAnswer, gradeIn } from './grades.ts';
import { type LimitAnswer, type LimitQuestion, limitIn, unknown } from './limit-for.ts';
import { type LimitStandard, WATERS } from './limits.ts';
import { type CountyMark, heldUntil, type Standard } from './standard.ts';
import { type AnyStandard, TABLES } from './tables/index.ts';

/** What of a device decides which limit holds, by the key of the attribute. */
const CIRCUMSTANCES = { water: 'water-kind', builtYear: 'built-year', facility: 'facility-class' };

export interface DeviceQuestion extends Pick<LimitQuestion, 'at' | 'period' | 'waterTemperature'> {
  /** What was said of the device at that time; undefined where nothing was. */
  attribute(key: string): string | number | undefined;
}

/** One version, for pages and documents. */
export interface VersionEntry {
  readonly version: string;
  /** Validity, ms; Infinity while none follows. */
  readonly from: number;
  readonly until: number;
  readonly source: Label;
  /** False while nobody has held it against the text of the standard. */
  readonly verified: boolean;
  /** What the county has put in its place. */
  readonly county: readonly CountyMark[];
}

export interface StandardEntry {
  readonly id: string;
  readonly title: Label;
  readonly kind: AnyStandard['kind'];
  /** In order of time. */
  readonly versions: readonly VersionEntry[];
}

function marksOf(standard: AnyStandard, n: number): CountyMark[] {
  const parts =
    standard.kind === 'limits'
      ? (standard.versions[n]?.data.rows ?? [])
      : standard.kind === 'grades'
        ? (standard.versions[n]?.data.scales.flatMap(({ grades }) => grades) ?? [])
        : (standard.versions[n]?.data.signals.flatMap(({ conditions }) => conditions) ?? []);
  return parts.flatMap(({ county }) => county ?? []);
}

function entryOf(standard: AnyStandard): StandardEntry {
  const { id, title, kind } = standard;
  const entry = (
    all: Standard<unknown>,
    version: Standard<unknown>['versions'][number],
    n: number,
  ): VersionEntry => ({
    version: version.version,
    from: version.from,
    until: heldUntil(all, version),
    source: version.source,
    verified: version.verified,
    county: marksOf(standard, n),
  });
  const all = standard as Standard<unknown>;
  return { id, title, kind, versions: all.versions.map((one, n) => entry(all, one, n)) };
}

export class Standards {
  readonly all: readonly AnyStandard[];
  readonly #byId: ReadonlyMap<string, AnyStandard>;

  constructor(all: readonly AnyStandard[] = TABLES) {
    this.all = all;
    this.#byId = new Map(all.map((one) => [one.id, one]));
    if (this.#byId.size !== all.length) bug('two standards have one id');
  }

  find(id: string): AnyStandard | undefined {
    return this.#byId.get(id);
  }

  /** The limit that a standard sets on a quantity; unknown with the reason where it can't be told. */
  limitFor(id: string, quantity: QuantityId, question: LimitQuestion): LimitAnswer {
    const standard = this.#byId.get(id);
    if (standard?.kind === 'limits') return limitIn(standard, quantity, question);
    return unknown('standard', `没有限值标准 ${id}`, `there is no standard of limits ${id}`);
  }

  /** The same for a device, whose attributes say class, kind of water, year of building and size. */
  limitForDevice(id: string, quantity: QuantityId, device: DeviceQuestion): LimitAnswer {
    const standard = this.#byId.get(id);
    if (standard?.kind !== 'limits') return this.limitFor(id, quantity, device);
    const { classBy } = standard;
    const said = device.attribute(classBy.attribute);
    if (said === undefined) return limitIn(standard, quantity, questionOf(device, undefined));
    const { words } = classBy;
    const known = Object.hasOwn(words, said) ? words[said] : undefined;
    if (known !== undefined) return limitIn(standard, quantity, questionOf(device, known));
    return unknown(
      'class',
      `登记的${classBy.name.zh}“${said}”不是 ${id} 的类别`,
      `the ${classBy.name.en} that was noted, "${said}", is no class of ${id}`,
    );
  }

  /** The same by the standard that an attribute of the device itself names, such as `discharge-standard`. */
  limitByAttribute(key: string, quantity: QuantityId, device: DeviceQuestion): LimitAnswer {
    const said = device.attribute(key);
    const candidates = this.all.filter(
      (one): one is LimitStandard => one.kind === 'limits' && one.classBy.attribute === key,
    );
    const [first] = candidates;
    if (first === undefined) bug(`no standard goes by the attribute ${key}`);
    const { zh, en } = first.classBy.name;
    if (said === undefined) return unknown('class', `没有登记${zh}`, `nobody said the ${en}`);
    const named = candidates.find(({ classBy }) => Object.hasOwn(classBy.words, said));
    if (named !== undefined) return this.limitForDevice(named.id, quantity, device);
    return unknown(
      'class',
      `登记的${zh}“${said}”没有收录`,
      `the ${en} that was noted, "${said}", is none of those that are here`,
    );
  }

  /** The grade of a value on a scale of wind or rain; null where there is none. */
  gradeOf(id: string, value: number, asked: Parameters<typeof gradeIn>[2]): GradeAnswer | null {
    const standard = this.#byId.get(id);
    return standard?.kind === 'grades' ? gradeIn(standard, value, asked) : null;
  }

  /** Every standard with its versions, for pages and documents. */
  list(): StandardEntry[] {
    return this.all.map(entryOf);
  }
}

function questionOf(device: DeviceQuestion, key: string | undefined): LimitQuestion {
  const { at, period, waterTemperature } = device;
  const water = device.attribute(CIRCUMSTANCES.water);
  const builtYear = device.attribute(CIRCUMSTANCES.builtYear);
  const facility = device.attribute(CIRCUMSTANCES.facility);
  return {
    ...{ at, period, waterTemperature, class: key },
    water: WATERS.find((one) => one === water),
    builtYear: typeof builtYear === 'number' ? builtYear : undefined,
    facility: typeof facility === 'string' ? facility : undefined,
  };
}

/** What ships, as it ships. */
export const builtinStandards = new Standards();

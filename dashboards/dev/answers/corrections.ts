/** Statements of the fixture: some of every kind and state, and what proposing, trying, approving and undoing answers. */
import type * as api from '@village/api';
import { HOUR } from '@village/core';
import { type FixtureDevice, type FixtureMetric, reports, valueAt } from '../county.ts';
import { Problem } from '../problem.ts';

type Correction = api.corrections.Correction;

const iso = (at: number): string => new Date(at).toISOString();
/** Evidence that is older needs a second person. */
const SECOND_AFTER = 168 * HOUR;

const SEEDED: readonly Pick<Correction, 'kind' | 'value' | 'state' | 'reason' | 'secondPerson'>[] =
  [
    { kind: 'invalid', value: null, state: 'active', reason: '探头结垢', secondPerson: false },
    { kind: 'offset', value: -2.5, state: 'waiting', reason: '标液核对后偏高', secondPerson: true },
    { kind: 'factor', value: 0.1, state: 'undone', reason: '量程写错一位', secondPerson: true },
    {
      kind: 'shift-clock',
      value: -28_800_000,
      state: 'active',
      reason: '设备时钟用了世界时，比北京时间早八小时',
      secondPerson: false,
    },
    { kind: 'reassign', value: null, state: 'withdrawn', reason: '两台装反了', secondPerson: true },
    {
      kind: 'accept',
      value: null,
      state: 'active',
      reason: '校准期间的数据已由人工采样证实，与实验室结果相差不到百分之五，可以采用',
      secondPerson: false,
    },
  ];
const PEOPLE = ['admin', 'zhoumin', 'wuhaifeng'] as const;

export class FixtureCorrections {
  readonly #items: Correction[];
  readonly #devices: readonly FixtureDevice[];
  readonly #now: number;

  constructor(devices: readonly FixtureDevice[], now: number, more: number) {
    this.#devices = devices;
    this.#now = now;
    const evidence = devices.filter(({ id }) => id.startsWith('sewage'));
    this.#items =
      evidence.length === 0
        ? []
        : Array.from({ length: SEEDED.length + more }, (_, index) =>
            this.#seeded(evidence, index),
          ).reverse();
  }

  #seeded(devices: readonly FixtureDevice[], index: number): Correction {
    const seed = SEEDED[index % SEEDED.length] as (typeof SEEDED)[number];
    const device = devices[index % devices.length] as FixtureDevice;
    const from = this.#now - (200 + 3 * index) * HOUR;
    const by = PEOPLE[(index + 1) % PEOPLE.length] ?? 'admin';
    const other = PEOPLE[(index + 2) % PEOPLE.length] ?? 'admin';
    const clock = seed.kind === 'shift-clock';
    return {
      id: index + 1,
      ...seed,
      device: device.id,
      deviceName: device.name,
      profile: device.profile.id,
      metric: clock ? null : (device.profile.metrics[index % 4]?.key ?? null),
      from: iso(from),
      to: iso(from + 5 * HOUR),
      target: seed.kind === 'reassign' ? (devices.at(-1)?.id ?? null) : null,
      targetName: seed.kind === 'reassign' ? (devices.at(-1)?.name ?? null) : null,
      by,
      at: iso(from + 30 * HOUR),
      activated:
        seed.state === 'active' || seed.state === 'undone'
          ? { by: seed.secondPerson ? other : by, at: iso(from + 31 * HOUR) }
          : null,
      undone:
        seed.state === 'undone' || seed.state === 'withdrawn'
          ? {
              by: other,
              at: iso(from + 40 * HOUR),
              why: seed.state === 'undone' ? '核对后无误' : null,
            }
          : null,
    };
  }

  /** The page that is asked for, newest first. */
  list(query: URLSearchParams): { items: Correction[]; next: string | null } {
    const area = query.get('area');
    const inArea = (id: string): boolean =>
      area === null ||
      this.#devices.some(
        (one) => one.id === id && one.area.code.startsWith(area.replace(/0+$/, '')),
      );
    const matching = this.#items.filter(
      (one) =>
        (query.get('state') ?? one.state) === one.state &&
        (query.get('by') ?? one.by) === one.by &&
        [one.device, one.target].includes(query.get('device') ?? one.device) &&
        inArea(one.device),
    );
    const start = Number(query.get('cursor') ?? 0);
    const end = start + Number(query.get('limit') ?? 100);
    return {
      items: matching.slice(start, end),
      next: end < matching.length ? String(end) : null,
    };
  }

  #deviceOf(id: unknown): FixtureDevice {
    const device = this.#devices.find((one) => one.id === id);
    if (device === undefined) throw new Problem(404, 'not-found', 'no such device');
    return device;
  }

  /** What somebody says, held against the rest. @throws Problem */
  #saying(body: Record<string, unknown>) {
    const { kind, metric = null, value = null, target = null } = body as Partial<Correction>;
    const device = this.#deviceOf(body['device']);
    if (target !== null) this.#deviceOf(target);
    if (kind === 'factor' && (value === 1 || value === 0))
      throw new Problem(422, 'bad-statement', 'value: a factor is neither 0 nor 1');
    const from = Date.parse(String(body['from']));
    const to = Date.parse(String(body['to']));
    if (!(from < to)) throw new Problem(422, 'bad-time');
    const other = this.#items.find(
      (one) =>
        one.device === device.id &&
        one.kind === kind &&
        one.value === value &&
        one.metric === metric &&
        one.from === iso(from) &&
        ['active', 'waiting'].includes(one.state),
    );
    return { kind: kind as Correction['kind'], device, metric, value, target, from, to, other };
  }

  #preview(body: Record<string, unknown>): api.corrections.CorrectionPreview {
    const { device, kind, metric, value, from, to, other } = this.#saying(body);
    const metrics: readonly FixtureMetric[] = device.profile.metrics;
    const of = metrics.find((one) => one.key === metric) ?? metrics[0];
    if (of === undefined) throw new Error('BUG: a profile without metrics');
    const after = (was: number): number =>
      kind === 'offset' ? was + (value ?? 0) : kind === 'factor' ? was * (value ?? 1) : was;
    const samples = reports(device, from, to, this.#now).map((at) => {
      const before = valueAt(device.id, of, at);
      return {
        device: device.id,
        metric: of.key,
        at: iso(at),
        before: { value: before, quality: 'good' as const },
        after: {
          value: after(before),
          quality: kind === 'invalid' ? ('invalid' as const) : ('good' as const),
        },
      };
    });
    const figures = samples.slice(0, 3).map(({ at, before }) => ({
      figure: `hourly-mean:${of.quantity}`,
      device: device.id,
      at,
      before: before.value,
      after: kind === 'invalid' ? null : after(before.value),
      completeness: { before: 1, after: kind === 'invalid' ? 0 : 1 },
    }));
    const quantity = `hourly-mean:${of.quantity}`;
    const whole = { completeness: 1, valid: 4, expected: 4 };
    const { code, name } = device.area;
    const areas = [{ code, name }].flatMap((area) =>
      figures.map((one) => ({
        ...{ figure: `area-${quantity}`, area, at: one.at },
        before: { ...whole, value: one.before },
        after:
          one.after === null
            ? { value: one.before, completeness: 0.75, valid: 3, expected: 4 }
            : { ...whole, value: (one.before * 3 + one.after) / 4 },
      })),
    );
    const { unit } = of;
    const hour = { span: 'hour' as const, keep: 'computed' as const, unit };
    const definitions = [
      {
        ...{ ...hour, figure: quantity },
        title: { zh: `${of.name.zh}小时均值`, en: `${of.name.en}, hourly mean` },
      },
      {
        ...{ ...hour, figure: `area-${quantity}` },
        title: { zh: `${of.name.zh}区域小时均值`, en: `${of.name.en}, hourly mean of the area` },
      },
    ];
    return {
      secondPerson: this.#now - from > SECOND_AFTER,
      contradicts: other?.id ?? null,
      readings: samples.length,
      changed: samples.length,
      complete: true,
      samples: samples.slice(0, 50),
      hours: [],
      days: [],
      ...{ figures, areas, definitions },
      more: { hours: 0, days: 0, figures: 0, areas: 0 },
      unseen: { days: 0, areas: 0 },
      reports: [],
    };
  }

  #propose(body: Record<string, unknown>, by: string): Correction {
    const { device, other, from, to, ...said } = this.#saying(body);
    if (other !== undefined)
      throw new Problem(409, 'contradicts', `contradicts correction ${other.id}, which waits`);
    const secondPerson = this.#now - from > SECOND_AFTER;
    const made: Correction = {
      ...said,
      id: this.#items.length + 1,
      device: device.id,
      deviceName: device.name,
      profile: device.profile.id,
      targetName: this.#devices.find(({ id }) => id === said.target)?.name ?? null,
      from: iso(from),
      to: iso(to),
      reason: String(body['reason']),
      by,
      at: iso(this.#now),
      secondPerson,
      state: secondPerson ? 'waiting' : 'active',
      activated: secondPerson ? null : { by, at: iso(this.#now) },
      undone: null,
    };
    this.#items.unshift(made);
    return made;
  }

  /** The answer to a POST. @throws Problem */
  post(path: string, body: Record<string, unknown>, by: string): object {
    const [, , id, action] = path.split('/');
    if (id === undefined) return this.#propose(body, by);
    if (id === 'preview') return this.#preview(body);
    const place = this.#items.findIndex((one) => one.id === Number(id));
    const one = this.#items[place];
    if (one === undefined) throw new Problem(404, 'not-found');
    const deed = { by, at: iso(this.#now) };
    if (action === 'approve' && one.state !== 'waiting') throw new Problem(409, 'not-waiting');
    if (action === 'undo' && !['waiting', 'active'].includes(one.state))
      throw new Problem(409, 'already-undone');
    const why = (body['why'] as string | undefined) ?? null;
    const next: Correction =
      action === 'approve'
        ? { ...one, state: 'active', activated: deed }
        : {
            ...one,
            state: one.state === 'active' ? 'undone' : 'withdrawn',
            undone: { ...deed, why },
          };
    this.#items[place] = next;
    return next;
  }
}

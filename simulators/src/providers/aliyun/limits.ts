/**
 * How often Aliyun sends to one number (help.aliyun.com, documents 44335 and 2881383). Minutes and hours are those of the clock in
 * UTC+8; a day is 24 hours from the first message on. What was taken counts, whatever becomes of it.
 */
import { BoundedMap, DAY, HOUR, MINUTE } from '@village/core';

export interface Limited {
  /** As the vendor's message names it. */
  readonly window: '分钟' | '小时' | '天';
  readonly permits: number;
}

/** Begin of a window and what was counted in it. */
interface Window {
  begin: number;
  count: number;
}

interface Rule extends Limited {
  readonly key: string;
  readonly begin: (now: number, old: Window | undefined) => number;
}

/** Numbers and templates at once; the one that was used longest ago is forgotten. */
const WINDOWS_MAX = 200_000;

/** The offset of UTC+8 is whole hours, so that its minutes and hours begin where those of UTC do. */
const clockWindow =
  (ms: number) =>
  (now: number): number =>
    Math.floor(now / ms) * ms;
const rolling = (now: number, old: Window | undefined): number =>
  old !== undefined && now < old.begin + DAY ? old.begin : now;

export class SmsLimits {
  readonly #windows = new BoundedMap<string, Window>(WINDOWS_MAX);

  /** Counts one message, unless a limit holds it back: that one is returned, and nothing is counted. */
  count(
    type: 'notice' | 'code' | 'promotion',
    sign: string,
    template: string,
    number: string,
    now: number,
  ): Limited | undefined {
    const rules = this.#rules(type, sign, template, number);
    const next = rules.map((rule) => {
      const old = this.#windows.get(rule.key);
      const begin = rule.begin(now, old);
      return { rule, begin, count: old?.begin === begin ? old.count + 1 : 1 };
    });
    const over = next.find(({ rule, count }) => count > rule.permits);
    if (over !== undefined) return { window: over.rule.window, permits: over.rule.permits };
    for (const { rule, begin, count } of next) this.#windows.set(rule.key, { begin, count });
    return undefined;
  }

  #rules(type: string, sign: string, template: string, number: string): Rule[] {
    if (type === 'notice')
      return [
        { key: `d|${sign}|${template}|${number}`, window: '天', permits: 50, begin: rolling },
      ];
    if (type === 'promotion')
      return [{ key: `p|${number}`, window: '天', permits: 50, begin: rolling }];
    const pair = `${sign}|${number}`;
    return [
      { key: `cm|${pair}`, window: '分钟', permits: 1, begin: clockWindow(MINUTE) },
      { key: `ch|${pair}`, window: '小时', permits: 5, begin: clockWindow(HOUR) },
      { key: `cd|${pair}`, window: '天', permits: 10, begin: rolling },
      { key: `ca|${number}`, window: '天', permits: 40, begin: rolling },
    ];
  }
}

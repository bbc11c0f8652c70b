/** Answers of the stand-in about labels and attributes; what a page says of them is kept. */
import type * as api from '@village/api';
import { DAY, HOUR } from '@village/core';
import { Problem } from '../problem.ts';
import { iso } from './places.ts';

type Item = api.shapes.Properties['items'][number];
type Change = Record<string, string | number | null>;

export class FixtureProperties {
  readonly #now: number;
  readonly #said = new Map<string, Item[]>();
  #version = 1;

  constructor(now: number) {
    this.#now = now;
  }

  /** Sewage stations have some from the beginning, as the county registered them. */
  of(owner: string): api.shapes.Properties {
    const begin = Math.floor((this.#now - 40 * DAY) / HOUR) * HOUR;
    const changed = iso(begin + 20 * DAY);
    const first = { since: iso(begin), until: null, by: '吴敏' };
    const sewage: Item[] = [
      { kind: 'attribute', key: 'design-capacity', value: 120, ...first },
      { kind: 'attribute', key: 'facility-class', value: 'small', ...first, until: changed },
      {
        ...{ kind: 'attribute', key: 'facility-class', value: 'medium' },
        ...{ since: changed, until: null, by: 'admin' },
      },
      // Noted before there was a list of them.
      { kind: 'attribute', key: 'discharge-standard', value: '一级A标准', ...first },
      { kind: 'label', key: 'owner', value: '新农村污水运维有限公司', ...first },
    ];
    const items = this.#said.get(owner) ?? (owner.startsWith('sewage') ? sewage : []);
    return { version: `state-${this.#version}`, items };
  }

  /** Says some; refused where somebody else has said something since. */
  describe(
    owner: string,
    body: Record<string, unknown>,
    meanwhile: boolean,
  ): api.shapes.Properties {
    if (meanwhile || body['version'] !== `state-${this.#version}`)
      throw new Problem(409, 'changed-meanwhile');
    this.#version++;
    const since = iso(Math.floor(Date.parse(String(body['since'])) / HOUR) * HOUR);
    let { items } = this.of(owner);
    for (const [kind, said] of [
      ['label', body['labels']],
      ['attribute', body['attributes']],
    ] as const)
      for (const [key, value] of Object.entries((said ?? {}) as Change)) {
        items = items.map((one) =>
          one.kind === kind && one.key === key && one.until === null
            ? { ...one, until: since }
            : one,
        );
        if (value !== null)
          items = [...items, { kind, key, value, since, until: null, by: 'admin' }];
      }
    this.#said.set(owner, items);
    return this.of(owner);
  }
}

/** Which role holds which right: one table, made of what the modules list. */
import type { Endpoint } from '@village/api';
import { ROLES, type Role } from '@village/core';
import type { Module } from './module.ts';

const WORD = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/;

export class RightsTable {
  readonly #roles = new Map<string, ReadonlySet<Role>>();

  /** Dies of a right that two modules list, that is no `noun.verb`, or that a role is given which does not exist. */
  constructor(modules: readonly Pick<Module, 'name' | 'rights'>[]) {
    for (const { name, rights } of modules)
      for (const [right, { roles }] of Object.entries(rights ?? {})) {
        const fault = !WORD.test(right)
          ? 'is no noun.verb'
          : this.#roles.has(right)
            ? 'is listed twice'
            : roles.some((role) => !ROLES.includes(role))
              ? 'is given to a role that does not exist'
              : null;
        if (fault !== null) throw new Error(`BUG: the right ${right} of module ${name} ${fault}`);
        this.#roles.set(right, new Set(roles));
      }
  }

  /** All rights that modules list. */
  get words(): readonly string[] {
    return [...this.#roles.keys()].sort();
  }

  /** The rights of a role, sorted. */
  of(role: Role): readonly string[] {
    return this.words.filter((word) => this.#roles.get(word)?.has(role) === true);
  }

  /** Dies of an endpoint whose right nobody lists: it would shut out everybody. */
  check({ path, right }: Pick<Endpoint, 'path' | 'right'>): void {
    if (right !== 'public' && right !== 'signed-in' && !this.#roles.has(right))
      throw new Error(`BUG: ${path} wants the right ${right}, which no module lists`);
  }

  /** Whether somebody of that role, whose area is at the top or not, may call the endpoint. */
  allows(endpoint: Pick<Endpoint, 'right' | 'at'>, role: Role, top: boolean): boolean {
    const { right, at } = endpoint;
    if (at === 'top' && !top) return false;
    return (
      right === 'public' || right === 'signed-in' || this.#roles.get(right)?.has(role) === true
    );
  }
}

/** Which role holds which right: one table, made of what the modules list. */
import type { Endpoint } from '@village/api';
import { ROLES, type Role } from '@village/core';

export interface RightDefinition {
  readonly title: { readonly zh: string; readonly en: string };
  /** Roles that hold it. */
  readonly roles: readonly Role[];
}

/** A module as far as its rights go. */
interface ListsRights {
  readonly name: string;
  readonly title?: RightDefinition['title'];
  readonly rights?: Readonly<Record<string, RightDefinition>>;
}

const WORD = /^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*$/;

/** The rights of a module as people read them. */
export interface ListedRights {
  readonly module: string;
  readonly title: RightDefinition['title'];
  readonly rights: readonly (RightDefinition & {
    readonly right: string;
    /** Of use at the top of the areas alone. */
    readonly top: boolean;
  })[];
}

export class RightsTable {
  readonly #roles = new Map<string, ReadonlySet<Role>>();
  readonly #modules: ListsRights[] = [];
  /** Rights that are of use below the top; the others open calls at the top alone. */
  readonly #below = new Set<string>();
  readonly #atTop = new Set<string>();

  constructor(modules: readonly ListsRights[] = []) {
    for (const module of modules) this.add(module);
  }

  /** Dies of a right that two modules list, that is no `noun.verb`, or that a role is given which does not exist. */
  add(module: ListsRights): void {
    const { name, rights = {} } = module;
    this.#modules.push(module);
    for (const [right, { roles }] of Object.entries(rights)) {
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

  /** Names of the modules that have been added. */
  get modules(): readonly string[] {
    return this.#modules.map(({ name }) => name);
  }

  /** Modules that have rights, in the order in which they were added. */
  get listed(): readonly ListedRights[] {
    return this.#modules
      .filter(({ rights }) => rights !== undefined && Object.keys(rights).length > 0)
      .map(({ name, title = { zh: name, en: name }, rights = {} }) => ({
        module: name,
        title,
        rights: Object.entries(rights).map(([right, definition]) => ({
          right,
          ...definition,
          top: this.#onlyAtTop(right),
        })),
      }));
  }

  #onlyAtTop(right: string): boolean {
    return this.#atTop.has(right) && !this.#below.has(right);
  }

  /** All rights that modules list. */
  get words(): readonly string[] {
    return [...this.#roles.keys()].sort();
  }

  /** The rights of somebody of that role, whose area is at the top or not. */
  of(role: Role, top: boolean): readonly string[] {
    return this.words.filter(
      (word) => this.#roles.get(word)?.has(role) === true && (top || !this.#onlyAtTop(word)),
    );
  }

  /** Takes note of an endpoint that is served. Dies of one whose right nobody lists: it would shut out everybody. */
  serve({ path, right, at }: Pick<Endpoint, 'path' | 'right' | 'at'>): void {
    if (right === 'public' || right === 'signed-in') return;
    if (!this.#roles.has(right))
      throw new Error(`BUG: ${path} wants the right ${right}, which no module lists`);
    (at === 'top' ? this.#atTop : this.#below).add(right);
  }

  /** Whether somebody of that role, whose area is at the top or not, may call the endpoint. */
  allows({ right, at }: Pick<Endpoint, 'right' | 'at'>, role: Role, top: boolean): boolean {
    if (at === 'top' && !top) return false;
    return (
      right === 'public' || right === 'signed-in' || this.#roles.get(right)?.has(role) === true
    );
  }
}

/**
 * What the fake providers share: the time, the phones and what each shows, what goes wrong, and what is posted back. What one
 * vendor alone knows (its accounts, templates, quotas) is in the vendor's own folder.
 */
import type { Random, Timer } from '@village/core';
import { Faults } from './faults.ts';
import { Postman } from './postman.ts';

/** A message as a screen shows it. */
export interface Shown {
  readonly id: string;
  readonly provider: string;
  readonly form: 'sms' | 'call' | 'chat' | 'card' | 'mail' | 'post';
  /** Unix time, ms. */
  readonly at: number;
  /** Who it is from, as the screen says: a signature, a robot's name. */
  readonly from: string;
  readonly text: string;
  /** Messages that the carrier counts for it. */
  readonly segments: number | null;
  /** What a tap opens. */
  readonly link: string | null;
  readonly buttons: readonly { readonly key: string; readonly text: string }[];
}

/** What somebody did with a message. */
export type Reaction =
  | { readonly kind: 'reply'; readonly text: string }
  | { readonly kind: 'press'; readonly key: string };

type React = (reaction: Reaction) => void;

/** On; switched off or out of reach; no such number; or one that refuses all. */
export const PHONE_STATES = ['on', 'off', 'vacant', 'refusing'] as const;
export type PhoneState = (typeof PHONE_STATES)[number];

export interface Phone {
  /** A number, a user id, an openid, an address, a robot's key: how the provider knows whoever has it. */
  readonly id: string;
  /** What people call it; the id where nobody said. */
  name: string;
  state: PhoneState;
  /** Newest last; the oldest go first. */
  readonly messages: Shown[];
}

/** A phone shows its last messages; more are not of use to anybody. */
const SHOWN_MAX = 500;
const PHONES_MAX = 10_000;

export interface WorldOptions {
  readonly timer: Timer;
  readonly random: Random;
}

export class World {
  readonly timer: Timer;
  readonly random: Random;
  readonly faults = new Faults();
  readonly postman: Postman;
  readonly #phones = new Map<string, Phone>();
  readonly #reacts = new Map<string, React>();
  #made = 0;

  constructor({ timer, random }: WorldOptions) {
    this.timer = timer;
    this.random = random;
    this.postman = new Postman(timer, random);
  }

  get now(): number {
    return this.timer.now();
  }

  /** The phone of that id, which is there from now on. */
  phone(id: string): Phone {
    const known = this.#phones.get(id);
    if (known !== undefined) return known;
    const phone: Phone = { id, name: id, state: 'on', messages: [] };
    if (this.#phones.size >= PHONES_MAX) {
      for (const first of this.#phones.values()) {
        this.#forget(first.messages);
        this.#phones.delete(first.id);
        break;
      }
    }
    this.#phones.set(id, phone);
    return phone;
  }

  phones(): Phone[] {
    return [...this.#phones.values()];
  }

  /** Shows a message, whatever the phone's state: the provider looks at that first. */
  show(to: string, message: Omit<Shown, 'id' | 'at'>, react?: React): Shown {
    const shown: Shown = { ...message, id: this.newId('m'), at: this.now };
    const { messages } = this.phone(to);
    messages.push(shown);
    if (react !== undefined) this.#reacts.set(shown.id, react);
    if (messages.length > SHOWN_MAX) this.#forget(messages.splice(0, messages.length - SHOWN_MAX));
    return shown;
  }

  /** Puts what a provider changed in place of what was shown. False when it is no longer there. */
  change(id: string, to: Partial<Omit<Shown, 'id' | 'at'>>): boolean {
    for (const { messages } of this.#phones.values()) {
      const at = messages.findIndex((message) => message.id === id);
      const old = messages[at];
      if (old === undefined) continue;
      messages[at] = { ...old, ...to };
      return true;
    }
    return false;
  }

  /** Lets the owner of the phone do something with the message. False when nothing can be done with it. */
  react(id: string, reaction: Reaction): boolean {
    const react = this.#reacts.get(id);
    react?.(reaction);
    return react !== undefined;
  }

  /** Unique in this world. */
  newId(prefix: string): string {
    this.#made++;
    return `${prefix}${this.#made}`;
  }

  #forget(messages: readonly Shown[]): void {
    for (const { id } of messages) this.#reacts.delete(id);
  }
}

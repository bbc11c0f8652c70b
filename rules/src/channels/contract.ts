/**
 * What a channel is: it hands one notice for one person to a provider, once, and says how that went. It keeps nothing itself: what
 * waits, what is tried again and on which channel is decided by whoever sends, from the outcome alone.
 */
import type { Label, Severity, Timer } from '@village/core';

/** What a notice says. */
export const NOTICE_KINDS = [
  /** An alert began. */
  'active',
  /** It became worse. */
  'worse',
  /** It is over. */
  'clear',
  /** Nobody has taken it yet. */
  'reminder',
  /** Several alerts in one. */
  'summary',
  /** What happened in a day or in a flood. */
  'digest',
  /** Somebody wants to know whether the channel works. */
  'test',
] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** The parts that every channel makes its text of, each as a person says it; a channel cuts and spells them by its own limits. */
export interface NoticeParts {
  readonly kind: NoticeKind;
  readonly severity: Severity;
  /** Village or station by its place: 和平镇便民桥村. */
  readonly place: Label;
  /** The device or, of a roll-up, what it is of: 2 号污水站. */
  readonly device: Label;
  /** What is wrong, without figures: 氨氮过高, 提升泵跳停. */
  readonly what: Label;
  /** The value and the limit with their unit in the spelling of the quantity list (`mg/L`, `µg/m³`, `℃`); null where there is none. */
  readonly value: { readonly text: string; readonly unit: string } | null;
  readonly limit: { readonly text: string; readonly standard: string | null } | null;
  /** When it began by the device's clock, ms. */
  readonly since: number;
  /** When it ended, ms; of `clear` alone. */
  readonly until: number | null;
  /** What more is known, one short sentence each, the most important first: 约 40 分钟后溢流. */
  readonly notes: readonly Label[];
  /** What somebody does first. */
  readonly advice: Label | null;
  /** Of `summary` and `digest`: a line each. */
  readonly lines: readonly Label[];
}

/** One message for one person on one channel. */
export interface Outgoing {
  /** Unique for ever: the same key is never sent twice. At most 120 characters of `[A-Za-z0-9_@-]`. */
  readonly key: string;
  readonly parts: NoticeParts;
  /** How the person is known to this channel: a phone number, a WeCom user id, an openid, an address. */
  readonly to: string;
  readonly language: 'zh' | 'en';
  /** By which a reply by SMS names the alert: 4 to 6 of `[A-Z2-9]`; null where nothing is to be acknowledged. */
  readonly code: string | null;
  /** Page that shows the alert to this person; null where none is configured. */
  readonly url: string | null;
}

/** How handing a message over went. */
export type Outcome =
  /**
   * The provider has it. Receipts that come later name the id. With the card, where there is one, the message is changed later to say
   * who took it, as with that of a reply.
   */
  | { readonly kind: 'sent'; readonly id: string | null; readonly card?: string }
  /** Never for this person or this text: another channel may do. */
  | { readonly kind: 'rejected'; readonly code: string; readonly text: string }
  /** Never for anybody until somebody mends the configuration: key, address, balance, template. */
  | { readonly kind: 'fault'; readonly code: string; readonly text: string }
  /** Not before that moment, ms; for this person (`person`) or for the whole channel. */
  | {
      readonly kind: 'limited';
      readonly until: number;
      readonly of: 'person' | 'channel';
      readonly code: string;
    }
  /** It was surely not taken and may be tried again. */
  | { readonly kind: 'retry'; readonly code: string; readonly text: string }
  /**
   * It was written and nothing came back: it may have been taken. Never sent again on this channel. Receipts may name the id, where
   * we chose one; without it they may still name the key.
   */
  | { readonly kind: 'unknown'; readonly id: string | null; readonly text: string };

/** What a provider tells of a message later. */
export interface Receipt {
  /** The provider's id, as `sent` had it. */
  readonly id: string;
  /** Our own name of it, where the provider gives that back: the key, or the id that `unknown` had. */
  readonly ours: string | null;
  /** What tells it from another receipt of the same message; the same receipt may come many times. */
  readonly state: 'delivered' | 'failed' | 'read';
  readonly at: number;
  /** The provider's word. */
  readonly code: string;
}

/** What a person answered: a code by SMS, a press on a card. */
export interface Reply {
  /** The provider's id of the answer: the same answer may come many times. */
  readonly id: string;
  readonly from: string;
  readonly at: number;
  /** The text of an SMS, or the key of the button. */
  readonly text: string;
  /** The message that it answers, where the provider says so. */
  readonly key: string | null;
  /** With which a card is changed to say who took it; null where there is none. */
  readonly card: string | null;
}

/** A request of a provider to us. */
export interface Inbound {
  readonly method: string;
  /** Behind the channel's own address. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
}

/** What a provider told. */
export interface Told {
  readonly receipts: readonly Receipt[];
  readonly replies: readonly Reply[];
}

/** What a request of a provider was found to say, and what is answered once that is kept. */
export interface Heard extends Told {
  readonly answer: { readonly status: number; readonly type: string; readonly body: string };
}

/** How a channel stands, for the page. No secrets. */
export interface ChannelHealth {
  /** Age of what signs in for us, and when it ends, ms; null without one. */
  readonly token: { readonly since: number; readonly until: number } | null;
  readonly lastSuccess: number | null;
  readonly lastFault: { readonly at: number; readonly code: string; readonly text: string } | null;
}

export interface Channel {
  /** As the configuration names it. */
  readonly id: string;
  /** @throws nothing: what the world does wrong is an outcome. The signal and the channel's own time-out end it. */
  send(message: Outgoing, signal: AbortSignal): Promise<Outcome>;
  /** Reads what a provider posted. @throws OperationalError `not-ours` when it can't be proved to be the provider's */
  hear?(request: Inbound): Heard;
  /**
   * Takes in what comes over the channel's own connection or folder until the signal ends it; whoever sends runs it once. What was
   * told is acknowledged to the provider, or taken from the folder, when `keep` has resolved. @throws nothing but what `keep` throws
   */
  listen?(keep: (told: Told) => Promise<void>, signal: AbortSignal): Promise<void>;
  /** Asks the provider what became of messages it has told nothing of; for sites that nobody can reach from outside. */
  ask?(
    sent: readonly { id: string | null; key: string; to: string; at: number }[],
    signal: AbortSignal,
  ): Promise<Receipt[]>;
  /** Changes the card of a message to say who took it. */
  taken?(card: string, by: string, signal: AbortSignal): Promise<Outcome>;
  health(): ChannelHealth;
  /** Ends what lasts: a session, a connection. */
  close?(): Promise<void>;
}

/** What every channel is made with. */
export interface ChannelTools {
  readonly timer: Timer;
  /** Bytes nobody can foretell: nonces. */
  readonly random: (bytes: number) => Uint8Array;
}

/** A kind of channel: what it is called, what it needs, and how one is made. */
export interface ChannelKind<Options> {
  /** Kebab-case: `aliyun-sms`. */
  readonly kind: string;
  readonly title: Label;
  /** What of a person it reaches. */
  readonly reaches: 'phone' | 'wecom' | 'openid' | 'email' | 'url' | 'group' | 'account';
  /** Names of options that are secrets: never returned, never logged. */
  readonly secrets: readonly (keyof Options & string)[];
  /** What the provider allows, which we stay below: at most so many in so long a time, by person or in all. */
  readonly limits: readonly ChannelLimit[];
  /** Checks what somebody wrote. @throws OperationalError `bad-channel` with the place */
  options(given: unknown): Options;
  make(id: string, options: Options, tools: ChannelTools): Channel;
}

/** A kind whose options only it knows: what lists of kinds hold. Options are those that its own `options` returned. */
export interface AnyChannelKind {
  readonly kind: string;
  readonly title: Label;
  readonly reaches: ChannelKind<unknown>['reaches'];
  readonly secrets: readonly string[];
  readonly limits: readonly ChannelLimit[];
  options(given: unknown): unknown;
  make(id: string, options: unknown, tools: ChannelTools): Channel;
}

export interface ChannelLimit {
  readonly of: 'person' | 'channel';
  readonly most: number;
  readonly inMs: number;
}

/**
 * What was not taken of what clients and devices said, since the start, told on their pages: messages on topics that are
 * not theirs or nobody's, and parts of frames.
 */
import { BoundedMap } from '@village/core';
import type { Principal } from '@village/registry';

/** Clients remembered; of more, the one that was quiet for longest is forgotten. */
const CLIENTS_MAX = 10_000;
/** Topics told of one client; the rest is counted together, under the topic null. */
const TOPICS_MAX = 8;
/** Kinds of refused parts told of one device; the rest is counted together. */
const PARTS_MAX = 16;
/** Characters of a topic that are kept. */
const TOPIC_CHARACTERS = 256;

/** `acl-publish` not the client's topic or nobody's, `topic-levels` too deep, `packet-too-large`, `acl-will` a will that is not kept, `client-id-bound` a sign-in under another client id. */
export type Cause =
  | 'acl-publish'
  | 'topic-levels'
  | 'packet-too-large'
  | 'acl-will'
  | 'client-id-bound';

export interface NotTakenTopic {
  /** Cut to 256 characters; null for what came on further topics. The client id of a sign-in that was refused. */
  readonly topic: string | null;
  readonly cause: Cause;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

/** Parts of a device's frames that were refused for one reason, of one metric. */
export interface NotTakenPart {
  /** Why; null for further kinds together. */
  readonly cause: string | null;
  readonly metric: string | null;
  /** Where the newest stood. */
  readonly place: string;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

export class NotTaken {
  readonly #clients = new BoundedMap<string, Map<string, NotTakenTopic>>(CLIENTS_MAX);
  readonly #devices = new BoundedMap<string, Map<string, NotTakenPart>>(CLIENTS_MAX);

  note(principal: Principal, topic: string, cause: Cause, at: number): void {
    const client = keyOf(principal);
    const topics = this.#clients.get(client) ?? new Map<string, NotTakenTopic>();
    this.#clients.set(client, topics);
    const cut = topic.slice(0, TOPIC_CHARACTERS);
    const key = `${cause} ${cut}`;
    const known = topics.has(key) || topics.size < TOPICS_MAX;
    const place = known ? key : '';
    const { count, firstAt } = topics.get(place) ?? { count: 0, firstAt: at };
    // Set anew, so that the newest stands last.
    topics.delete(place);
    topics.set(place, { topic: known ? cut : null, cause, count: count + 1, firstAt, lastAt: at });
  }

  /** A part of a device's frame was refused. */
  notePart(
    device: string,
    { cause, metric, place }: { cause: string; metric: string | null; place: string },
    at: number,
  ): void {
    const parts = this.#devices.get(device) ?? new Map<string, NotTakenPart>();
    this.#devices.set(device, parts);
    const key = `${cause} ${metric ?? ''}`;
    const known = parts.has(key) || parts.size < PARTS_MAX;
    const own = known ? key : '';
    const { count, firstAt } = parts.get(own) ?? { count: 0, firstAt: at };
    parts.delete(own);
    const what = known ? { cause, metric, place } : { cause: null, metric: null, place: '' };
    parts.set(own, { ...what, count: count + 1, firstAt, lastAt: at });
  }

  /** Newest first. */
  partsOf(device: string): NotTakenPart[] {
    return [...(this.#devices.get(device)?.values() ?? [])].reverse();
  }

  /** Newest first. */
  of(principal: Principal): NotTakenTopic[] {
    const topics = this.#clients.get(keyOf(principal));
    return topics === undefined ? [] : [...topics.values()].reverse();
  }
}

const keyOf = ({ kind, id }: Principal): string => `${kind} ${id}`;

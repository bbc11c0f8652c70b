/** What clients said on topics that are not theirs or nobody's: acknowledged, not taken, and told on their pages. */
import { BoundedMap } from '@village/core';
import type { Principal } from '@village/registry';

/** Clients remembered; of more, the one that was quiet for longest is forgotten. */
const CLIENTS_MAX = 10_000;
/** Topics told of one client; the rest is counted together, under the topic null. */
const TOPICS_MAX = 8;
/** Characters of a topic that are kept. */
const TOPIC_CHARACTERS = 256;

/** `acl-publish` not the client's topic or nobody's, `topic-levels` too deep, `acl-will` a will that is not kept. */
export type Cause = 'acl-publish' | 'topic-levels' | 'acl-will';

export interface NotTakenTopic {
  /** Cut to 256 characters; null for what came on further topics. */
  readonly topic: string | null;
  readonly cause: Cause;
  readonly count: number;
  readonly firstAt: number;
  readonly lastAt: number;
}

export class NotTaken {
  readonly #clients = new BoundedMap<string, Map<string, NotTakenTopic>>(CLIENTS_MAX);

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

  /** Newest first. */
  of(principal: Principal): NotTakenTopic[] {
    const topics = this.#clients.get(keyOf(principal));
    return topics === undefined ? [] : [...topics.values()].reverse();
  }
}

const keyOf = ({ kind, id }: Principal): string => `${kind} ${id}`;

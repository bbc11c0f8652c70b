/** The route table: which topic's page an address shows, and which topics a session may see. Pure. */
import type { Label } from '@village/core';
import { mayUse, type Session } from '../session.ts';
import type { IconName, IconPath } from '../ui/icon.tsx';
import type { Route, Topic } from './topic.ts';

/** The page of an address. */
export interface Match {
  readonly topic: Topic;
  readonly route: Route;
  /** The named parts of the address, decoded. */
  readonly parameters: Readonly<Record<string, string>>;
}

const partsOf = (path: string): string[] => path.replace(/^\/|\/$/g, '').split('/');

/** The part of an address as it was before encoding; null when it is no valid encoding. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

function parametersOf(
  pattern: readonly string[],
  parts: readonly string[],
): Record<string, string> | null {
  if (pattern.length !== parts.length) return null;
  const parameters: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const part = parts[index] ?? '';
    if (!expected.startsWith(':')) {
      if (part !== expected) return null;
      continue;
    }
    const value = part === '' ? null : decoded(part);
    if (value === null) return null;
    parameters[expected.slice(1)] = value;
  }
  return parameters;
}

/** What an address shows; fixed parts go before named ones. Null when no topic knows the address. */
export function matchRoute(topics: readonly Topic[], path: string): Match | null {
  const parts = partsOf(path);
  let best: (Match & { named: number }) | null = null;
  for (const topic of topics)
    for (const route of topic.routes) {
      const parameters = parametersOf(partsOf(route.path), parts);
      if (parameters === null) continue;
      const named = Object.keys(parameters).length;
      if (best === null || named < best.named) best = { topic, route, parameters, named };
    }
  return best === null
    ? null
    : { topic: best.topic, route: best.route, parameters: best.parameters };
}

/** Two routes that the same address would fit, topics of one name, and navigation that leads nowhere, in words. */
export function faultsOf(topics: readonly Topic[]): string[] {
  const faults: string[] = [];
  const shapes = new Map<string, string>();
  const names = new Set<string>();
  for (const topic of topics) {
    if (names.has(topic.name)) faults.push(`two topics are named ${topic.name}`);
    names.add(topic.name);
    for (const { path } of topic.routes) {
      const shape = path.replace(/:[^/]+/g, ':');
      const other = shapes.get(shape);
      if (other !== undefined) faults.push(`${topic.name} and ${other} both claim ${path}`);
      shapes.set(shape, topic.name);
    }
    for (const href of [topic.nav?.href, topic.search?.href])
      if (href !== undefined && matchRoute([topic], href) === null)
        faults.push(`${topic.name} leads to ${href}, which is none of its routes`);
  }
  return faults;
}

/** One line of the navigation. */
export interface NavigationEntry {
  readonly topic: string;
  readonly href: string;
  readonly icon: IconName | IconPath;
  readonly title: Label;
}

/** The topics that a session may see: those of the modules it has and of the rights it holds. */
export function permitted(topics: readonly Topic[], session: Session): Topic[] {
  return topics.filter((topic) => mayUse(topic, session));
}

/** The navigation of a session, in the order that the topics ask for. */
export function navigation(topics: readonly Topic[], session: Session): NavigationEntry[] {
  return permitted(topics, session)
    .flatMap(({ name, title, nav }) => (nav === undefined ? [] : [{ name, title, nav }]))
    .sort((a, b) => a.nav.order - b.nav.order || a.name.localeCompare(b.name))
    .map(({ name, title, nav }) => ({ topic: name, href: nav.href, icon: nav.icon, title }));
}

/** Whether an entry stands for the page shown: its own topic's pages, and what lies below its address. */
export function isHere(entry: NavigationEntry, path: string, topic: string | null): boolean {
  return entry.topic === topic || (entry.href !== '/' && path.startsWith(`${entry.href}/`));
}

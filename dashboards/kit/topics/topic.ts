/** What a topic is: one folder of pages with their texts, styles and data, and what the frame around them needs to know. */
import type { Label } from '@village/core';
import type { FunctionComponent } from 'preact';
import type { IconName, IconPath } from '../ui/icon.tsx';

/** The named parts of an address: `/areas/:code` gives `code`. */
type Parameters<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Record<Name, string> & Parameters<Rest>
  : Path extends `${string}:${infer Name}`
    ? Record<Name, string>
    : unknown;

/** What every page is given besides the parts of its address. */
export interface PageProps {
  /** The topic's title in the language chosen. */
  readonly title: string;
}

/** A page whose file is already here. */
export type Page = FunctionComponent<PageProps & Record<string, string>>;

/** An address and the page that it shows. */
export interface Route {
  /** Fixed parts and `:named` ones, e.g. `/devices/:id`. */
  readonly path: string;
  /** Fetches the page's file; each topic comes in files of its own. */
  readonly load: () => Promise<Page>;
}

/** A route; the file at its end exports `Page`, which gets the named parts of the address as properties. */
export function route<Path extends string>(
  path: Path,
  load: () => Promise<{ Page: FunctionComponent<PageProps & Parameters<Path>> }>,
): Route {
  return { path, load: async () => (await load()).Page as Page };
}

/** What `topic.ts` of a topic's folder exports under the name `topic`. */
export interface Topic {
  readonly name: string;
  readonly title: Label;
  /** The server's module that it belongs to; a topic without one is always there. */
  readonly module?: string;
  /** The right that its pages need; none is needed when it names none. */
  readonly right?: string;
  /** Its entry in the navigation, in order of `order`; a topic without one is reached by links. */
  readonly nav?: {
    readonly href: string;
    readonly icon: IconName | IconPath;
    readonly order: number;
  };
  /** Where the key `/` leads and which field it then puts the cursor into. */
  readonly search?: { readonly href: string; readonly field: string };
  readonly routes: readonly Route[];
}

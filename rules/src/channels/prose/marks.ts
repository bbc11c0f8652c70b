/** Notices in markdown of which every dialect shows the same; names that people gave can't put marks into it. */
import type { Outgoing } from '../contract.ts';
import { fitLines } from './cut.ts';
import { moreOf, openOf, type Prose } from './prose.ts';

const wide: Readonly<Record<string, string>> = {
  '<': '＜',
  '>': '＞',
  '[': '［',
  ']': '］',
  '`': '｀',
  '*': '＊',
  '~': '～',
  '\\': '＼',
  '&': '＆',
};

/** The text with full-width signs where a sign would be a mark: no dialect of the robots has a way to escape them all. */
export const unmarked = (text: string): string =>
  text.replaceAll(/[<>[\]`*~\\&]/g, (sign) => wide[sign] ?? sign);

/** The address as it may stand in a link; null where there is none of http or https. */
export function linkOf(url: string | null): string | null {
  if (url === null || !URL.canParse(url)) return null;
  const { protocol, href } = new URL(url);
  return protocol === 'https:' || protocol === 'http:'
    ? href.replaceAll('(', '%28').replaceAll(')', '%29')
    : null;
}

export interface MarkdownStyle {
  readonly title: (text: string) => string;
  readonly line: (name: string, text: string) => string;
  readonly entry: (text: string) => string;
  /** Behind everything: who is called. Empty for nobody. */
  readonly mention: string;
}

/** The notice in markdown of at most so many bytes: entries of a list go first when there is no room. */
export function markdownOf(
  prose: Prose,
  message: Pick<Outgoing, 'url' | 'language'>,
  style: MarkdownStyle,
  bytesMost: number,
): string {
  const { url, language } = message;
  const link = linkOf(url);
  return fitLines(
    {
      head: [
        style.title(unmarked(prose.title)),
        ...prose.lines.map(({ name, text }) => style.line(name, unmarked(text))),
      ],
      list: prose.list.map((text) => style.entry(unmarked(text))),
      foot: [
        ...(link === null ? [] : [`[${openOf(language)}](${link})`]),
        ...(style.mention === '' ? [] : [style.mention]),
      ],
    },
    bytesMost,
    (count) => style.entry(moreOf(language)(count)),
  );
}

/** Whom a message to a group calls: `@zhang` one member by what the robot knows them by, `@all` everybody, anything else nobody. */
export function mentionOf(to: string): { readonly all: boolean; readonly id: string | null } {
  const id = /^@([\w.+-]{1,64})$/.exec(to)?.[1];
  if (id === undefined) return { all: false, id: null };
  return id === 'all' ? { all: true, id: null } : { all: false, id };
}

/** What a group's screen shows of a robot's markdown: no marks, and the first link as what a tap opens. */

export interface ShownMarkdown {
  readonly text: string;
  readonly link: string | null;
}

export function shownMarkdown(markdown: string): ShownMarkdown {
  const link = /\[[^\]]*\]\((https?:[^)\s]+)\)/.exec(markdown)?.[1] ?? null;
  const text = markdown
    .replaceAll(/<font color="[a-z]+">|<\/font>/g, '')
    .replaceAll(
      /<@([\w.+-]+)>|<at id=([\w.+-]+)><\/at>/g,
      (_mark, one, other) => `@${one ?? other}`,
    )
    .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll(/\*\*/g, '')
    .replaceAll(/^(?:#+ |> ?)/gm, '')
    .trim();
  return { text, link };
}

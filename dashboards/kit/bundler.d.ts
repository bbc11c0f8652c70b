/** What the bundler does that TypeScript does not know: style sheets are taken in for their effect, files are found by pattern. */
declare module '*.css';

interface ImportMeta {
  /** The named export of each file that the pattern finds, by the file's path. Pattern and options must be literals. */
  glob<T>(
    pattern: string | readonly string[],
    options: { eager: true; import?: string },
  ): Record<string, T>;
}

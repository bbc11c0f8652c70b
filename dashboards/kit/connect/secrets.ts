/** Secrets that the server has just made: shown on the page that follows, kept nowhere else, gone when the page is left for good. */
const made = new Map<string, string>();

/** Keeps one for the page that connects its device or gateway. */
export const keepSecret = (id: string, secret: string): void => {
  made.set(id, secret);
};

/** The one that was made for an id since the console was opened; null when it is known no more. */
export const secretOf = (id: string): string | null => made.get(id) ?? null;

/** Who has noted it need not see it again. */
export const forgetSecret = (id: string): void => {
  made.delete(id);
};

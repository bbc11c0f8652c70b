/** What was begun of a proposal and not submitted: it outlives a reload and a session that ends, in this window and for its author. */
import { user } from '#kit/state.ts';

/** Where it is kept; none where the browser forbids it. */
function storage(): Storage | null {
  try {
    return window.sessionStorage;
  } catch (error) {
    // Reading the property itself throws SecurityError where cookies are blocked.
    if (error instanceof DOMException) return null;
    throw error;
  }
}

const nameOf = (device: string): string => `correction ${user.value?.name ?? ''} ${device}`;

/** What was kept; undefined when there is none, or nothing readable. */
export function recallDraft(device: string): unknown {
  const text = storage()?.getItem(nameOf(device)) ?? null;
  if (text === null) return undefined;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Keeps a draft; null forgets it. */
export function keepDraft(device: string, draft: object | null): void {
  const place = storage();
  try {
    if (draft === null) place?.removeItem(nameOf(device));
    else place?.setItem(nameOf(device), JSON.stringify(draft));
  } catch (error) {
    // A full store forgets: what is typed stays on the page.
    if (!(error instanceof DOMException)) throw error;
  }
}

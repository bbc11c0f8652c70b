/** Texts to be taken along: a secret that is shown this once, a line for a shell, and the button that copies them. */
import type { RefObject } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { t } from '../text/language.ts';
import './copy.css';

const TOLD_MS = 3_000;

/** A button that copies a text, or chooses it where it stands. */
export function Copy({ text, place }: { text: string; place: RefObject<HTMLElement> }) {
  const [told, setTold] = useState<'copy.done' | 'copy.chosen' | null>(null);
  useEffect(() => {
    if (told !== 'copy.done') return;
    const timer = setTimeout(() => setTold(null), TOLD_MS);
    return () => clearTimeout(timer);
  }, [told]);
  async function copy(): Promise<void> {
    // Without https, and beside this machine, browsers give pages no clipboard: the text is chosen then, for the keys.
    if (place.current !== null) getSelection()?.selectAllChildren(place.current);
    const clipboard = navigator.clipboard as Clipboard | undefined;
    const copied = await clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setTold(copied === true ? 'copy.done' : 'copy.chosen');
  }
  return (
    <span class="copy">
      <span role="status" class="small muted">
        {told === null ? '' : t(told)}
      </span>
      <button type="button" class="button" onClick={() => void copy()}>
        {t('copy')}
      </button>
    </span>
  );
}

/** A text of one line under its name, with that button. */
export function CopyText({ label, text }: { label: string; text: string }) {
  const id = useId();
  const place = useRef<HTMLOutputElement>(null);
  return (
    <div class="copy-text">
      <span id={id} class="small muted">
        {label}
      </span>
      <div>
        <output ref={place} aria-labelledby={id}>
          {text}
        </output>
        <Copy text={text} place={place} />
      </div>
    </div>
  );
}

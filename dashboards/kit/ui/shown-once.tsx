/** What is shown this once: a secret or a line with one, and a button that copies it. */
import { useRef, useState } from 'preact/hooks';
import { t } from '../text/language.ts';
import './shown-once.css';

export function ShownOnce({ label, text }: { label: string; text: string }) {
  const place = useRef<HTMLOutputElement>(null);
  const [told, setTold] = useState('');
  async function copy(): Promise<void> {
    // Beside https and this machine browsers give pages no clipboard: the text is chosen then, for the keys.
    const node = place.current;
    if (node !== null) getSelection()?.selectAllChildren(node);
    const clipboard = navigator.clipboard as Clipboard | undefined;
    const copied = await clipboard?.writeText(text).then(
      () => true,
      () => false,
    );
    setTold(t(copied === true ? 'copy.done' : 'copy.chosen'));
  }
  return (
    <div class="shown-once">
      <span class="small muted">{label}</span>
      <output ref={place}>{text}</output>
      <span class="shown-once-foot">
        <button type="button" class="button" onClick={() => void copy()}>
          {t('copy')}
        </button>
        <span role="status" class="small muted">
          {told}
        </span>
      </span>
    </div>
  );
}

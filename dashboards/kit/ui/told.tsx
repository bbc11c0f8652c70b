/** What a button did. It is gone then: the focus goes to what is said. */
import { useEffect, useRef } from 'preact/hooks';

export function Told({ text }: { text: string | null }) {
  const place = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (text !== null) place.current?.focus();
  }, [text]);
  return (
    <p ref={place} role="status" tabIndex={-1}>
      {text}
    </p>
  );
}

/** A dialog over the page that its owner shows and takes away. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export function Modal({
  title,
  close,
  held = false,
  children,
}: {
  title: string;
  close: () => void;
  /** Escape does not close it: a request is under way, or something is shown this once. */
  held?: boolean;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="modal-heading"
      onCancel={(event) => {
        event.preventDefault();
        if (!held) close();
      }}
    >
      <h2 id="modal-heading">{title}</h2>
      {children}
    </dialog>
  );
}

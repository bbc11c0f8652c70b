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
    const shown = dialog.current;
    shown?.showModal();
    // Closing gives the focus back to what had it; as long as it is shown nothing beneath can take it.
    return () => shown?.close();
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

/** Small building blocks: dialog, menu, empty and loading states, figures. */
import { useEffect, useId, useRef, useState, type ReactNode } from "react";
import { Close } from "./icons";

interface DialogProps {
  title: string;
  children: ReactNode;
  actions: ReactNode;
  onClose: () => void;
}

/** A modal on the browser's own <dialog>: focus is kept inside, Escape closes, focus returns. */
export function Dialog({ title, children, actions, onClose }: DialogProps): ReactNode {
  const ref = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = ref.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog
      ref={ref}
      className="dialog"
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === ref.current) onClose();
      }}
    >
      <div className="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" className="ghost square" aria-label="Close this dialog" onClick={onClose}>
            <Close />
          </button>
        </header>
        {children}
        <footer>{actions}</footer>
      </div>
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  children: ReactNode;
  action: string;
  danger?: boolean;
  disabled?: boolean;
  onConfirm: () => Promise<boolean>;
  onClose: () => void;
}

export function Confirm({ title, children, action, danger, disabled, onConfirm, onClose }: ConfirmProps): ReactNode {
  const [busy, setBusy] = useState(false);
  const confirm = async (): Promise<void> => {
    setBusy(true);
    const done = await onConfirm();
    setBusy(false);
    if (done) onClose();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="button"
            className={danger ? "button danger" : "button primary"}
            disabled={busy || disabled === true}
            onClick={() => void confirm()}
          >
            {busy ? "One moment…" : action}
          </button>
        </>
      }
    >
      {children}
    </Dialog>
  );
}

/** A button that opens a small panel below it. */
export function Menu({ label, icon, children }: { label: string; icon: ReactNode; children: ReactNode }): ReactNode {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const outside = (event: PointerEvent): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    addEventListener("pointerdown", outside);
    addEventListener("keydown", escape);
    return () => {
      removeEventListener("pointerdown", outside);
      removeEventListener("keydown", escape);
    };
  }, [open]);
  return (
    <div className="menu" ref={root}>
      <button ref={button} type="button" className="chip-button" aria-expanded={open} onClick={() => setOpen(!open)}>
        {icon}
        <span>{label}</span>
      </button>
      {open && <div className="menu-panel">{children}</div>}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }): ReactNode {
  return (
    <div className="empty">
      <strong>{title}</strong>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Skeleton({ rows = 4 }: { rows?: number }): ReactNode {
  return (
    <div className="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

export function Figure({ label, value, tone, hint }: { label: string; value: string; tone?: string; hint?: string }): ReactNode {
  return (
    <div className="figure" title={hint}>
      <dt>{label}</dt>
      <dd className={tone}>{value}</dd>
      {hint && <small>{hint}</small>}
    </div>
  );
}

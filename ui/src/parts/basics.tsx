/** Small building blocks: buttons, fields, dialogs, a menu, a table, empty and loading states. */
import { useEffect, useId, useRef, useState, type ComponentProps, type ReactNode } from "react";
import { Icon, type IconName } from "./icons";

/** Whether work goes on, and how to begin some; what begins it is disabled meanwhile. */
export function useBusy(): [busy: boolean, run: (work: () => Promise<unknown>) => void] {
  const [busy, setBusy] = useState(false);
  const run = async (work: () => Promise<unknown>): Promise<void> => {
    setBusy(true);
    await work().finally(() => setBusy(false));
  };
  return [busy, (work) => void run(work)];
}

type ButtonProps = ComponentProps<"button">;

export const Button = ({ look = "", ...rest }: ButtonProps & { look?: string }): ReactNode => (
  <button type="button" className={`button ${look}`} {...rest} />
);

export const SmallButton = (props: ButtonProps): ReactNode => <Button look="small" {...props} />;

export const IconButton = ({ icon, label, ...rest }: ButtonProps & { icon: IconName; label: string }): ReactNode => (
  <button type="button" className="ghost" aria-label={label} {...rest}>
    <Icon name={icon} />
  </button>
);

interface CheckboxProps {
  on: boolean;
  onChange: (on: boolean) => void;
  children: ReactNode;
  look?: string;
  /** What stands behind its words. */
  after?: ReactNode;
}

export const Checkbox = ({ on, onChange, children, look = "", after }: CheckboxProps): ReactNode => (
  <label className={`check row ${look}`}>
    <input type="checkbox" checked={on} onChange={(event) => onChange(event.target.checked)} />
    <span className="grow">{children}</span>
    {after}
  </label>
);

export const Labelled = ({ label, look = "", children }: { label: string; look?: string; children: ReactNode }): ReactNode => (
  <label className={`field ${look}`}>
    <span>{label}</span>
    {children}
  </label>
);

export const ErrorText = ({ text, id }: { text: string | null | undefined; id?: string }): ReactNode =>
  text && (
    <p className="error" id={id} role="alert">
      {text}
    </p>
  );

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
      className="dialog sheet"
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
        <header className="row">
          <h2 id={id} className="grow">
            {title}
          </h2>
          <IconButton icon="close" label="Close this dialog" onClick={onClose} />
        </header>
        {children}
        <footer className="row end">{actions}</footer>
      </div>
    </dialog>
  );
}

interface ConfirmProps extends Omit<DialogProps, "actions"> {
  action: string;
  danger?: boolean;
  disabled?: boolean;
  /** Says whether it was done; the dialog is closed then. */
  onConfirm: () => Promise<boolean>;
}

export function Confirm({ action, danger, disabled, onConfirm, ...dialog }: ConfirmProps): ReactNode {
  const [busy, run] = useBusy();
  const confirm = async (): Promise<void> => {
    if (await onConfirm()) dialog.onClose();
  };
  const actions = (
    <>
      <Button onClick={dialog.onClose}>Cancel</Button>
      <Button look={danger ? "danger" : "primary"} disabled={busy || disabled === true} onClick={() => run(confirm)}>
        {busy ? "One moment…" : action}
      </Button>
    </>
  );
  return <Dialog {...dialog} actions={actions} />;
}

/** What was looked at or done, one after the other, each with a tick or a cross. */
export const Mark = ({ passed, words }: { passed: boolean; words: [yes: string, no: string] }): ReactNode => (
  <span className={`mark ${passed ? "good" : "bad"}`}>
    <Icon name={passed ? "check" : "close"} size={12} />
    <span className="hidden">{words[passed ? 0 : 1]}</span>
  </span>
);

/** A button that opens a small panel below it. */
export function Menu({ label, icon, children }: { label: string; icon: ReactNode; children: ReactNode }): ReactNode {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const end = new AbortController();
    const outside = (event: PointerEvent): void => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    addEventListener("pointerdown", outside, end);
    addEventListener("keydown", escape, end);
    return () => end.abort();
  }, [open]);
  return (
    <div className="menu" ref={root}>
      <Button ref={button} look="chip" aria-label={label} aria-expanded={open} onClick={() => setOpen(!open)}>
        {icon}
        <span>{label}</span>
      </Button>
      {open && <div className="menu-panel sheet">{children}</div>}
    </div>
  );
}

export interface Column<T> {
  head: ReactNode;
  cell: (row: T) => ReactNode;
  /** Classes of its cells; its head is aligned as they are. */
  look?: string;
  tone?: (row: T) => string;
  title?: (row: T) => string | null;
}

interface TableProps<T> {
  columns: readonly Column<T>[];
  rows: readonly T[];
  /** The row that stands out. */
  current?: string | null;
}

export function Table<T extends { id: string }>({ columns, rows, current }: TableProps<T>): ReactNode {
  return (
    <div className="table-wrap">
      <table>
        <thead>
          <tr>
            {columns.map(({ head, look = "" }, i) => (
              <th key={i} scope="col" className={look.includes("right") ? "right" : ""}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.id} aria-current={row.id === current}>
              {columns.map(({ look = "", tone, title, cell }, i) => (
                <td key={i} className={tone ? `${look} ${tone(row)}` : look} title={title?.(row) ?? undefined}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
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

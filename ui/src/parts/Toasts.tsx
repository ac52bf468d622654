/** Short messages at the edge of the page; errors stay until dismissed by time or hand. */
import { useEffect, type ReactNode } from "react";
import { dismiss, model } from "../data/client";
import type { Toast } from "../data/model";
import { useStore } from "../data/store";
import { IconButton } from "./basics";

const STAY = { info: 4000, good: 6000, warn: 9000, bad: 9000 } as const;

function One({ toast }: { toast: Toast }): ReactNode {
  useEffect(() => {
    const timer = setTimeout(() => dismiss(toast.key), STAY[toast.level]);
    return () => clearTimeout(timer);
  }, [toast]);
  return (
    <div className={`toast sheet row top ${toast.level}`}>
      <div className="grow">
        <strong>{toast.title}</strong>
        <p>{toast.text}</p>
      </div>
      <IconButton icon="close" label="Dismiss" onClick={() => dismiss(toast.key)} />
    </div>
  );
}

export function Toasts(): ReactNode {
  const toasts = useStore(model, (m) => m.toasts);
  return (
    <div className="toasts" role="status" aria-live="polite">
      {toasts.map((toast) => (
        <One key={toast.key} toast={toast} />
      ))}
    </div>
  );
}

/** The kill switch: asked for, thrown, and what each part of Triplane did, step by step. */
import { useState, type ReactNode } from "react";
import { killSwitch } from "../data/client";
import type { KillReport } from "../data/types";
import { words } from "../lib/format";
import { Dialog } from "./basics";
import { Check, Close } from "./icons";

export function KillDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [flatten, setFlatten] = useState(false);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [report, setReport] = useState<KillReport | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const kill = async (): Promise<void> => {
    setBusy(true);
    setFailed(null);
    try {
      setReport(await killSwitch(flatten, reason.trim() || "Stopped by hand"));
    } catch (error) {
      setFailed(error instanceof Error ? error.message : String(error));
    }
    setBusy(false);
  };
  if (report) return <Report report={report} onClose={onClose} />;
  return (
    <Dialog
      title="Stop all trading?"
      onClose={onClose}
      actions={
        <>
          <button type="button" className="button" onClick={onClose}>
            Cancel
          </button>
          <button type="button" className="button danger" disabled={busy} onClick={() => void kill()}>
            {busy ? "One moment…" : flatten ? "Stop and close positions" : "Stop trading"}
          </button>
        </>
      }
    >
      <p>
        Waiting entry orders are cancelled and every session halts, also after a restart, until you resume it. Stops and
        targets of open positions stay in place.
      </p>
      <label className="check">
        <input type="checkbox" checked={flatten} onChange={(event) => setFlatten(event.target.checked)} />
        <span>Also close every open position at market</span>
      </label>
      <label className="field">
        <span>Reason, kept in the log</span>
        <input
          type="text"
          value={reason}
          maxLength={200}
          placeholder="Stopped by hand"
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
      {failed && (
        <p className="error" role="alert">
          {failed}
        </p>
      )}
    </Dialog>
  );
}

function Report({ report, onClose }: { report: KillReport; onClose: () => void }): ReactNode {
  const all = report.steps.every((step) => step.done);
  return (
    <Dialog
      title={all ? "Trading is stopped" : "Trading is being stopped"}
      onClose={onClose}
      actions={
        <button type="button" className="button primary" onClick={onClose}>
          Close
        </button>
      }
    >
      <ol className="steps" role="status">
        {report.steps.map((step) => (
          <li key={step.name} className={step.done ? "passed" : "failed"}>
            <span className="mark">
              {step.done ? <Check /> : <Close />}
              <span className="hidden">{step.done ? "done" : "not done"}</span>
            </span>
            <div>
              <strong>{words(step.name)}</strong>
              <p>{step.text}</p>
            </div>
          </li>
        ))}
      </ol>
    </Dialog>
  );
}

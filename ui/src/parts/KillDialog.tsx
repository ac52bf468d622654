/** The kill switch: asked for, thrown, and what each part of Triplane did, step by step. */
import { useState, type ReactNode } from "react";
import { killSwitch } from "../data/client";
import { sentence } from "../data/rest";
import type { KillReport } from "../data/types";
import { words } from "../lib/format";
import { Button, Checkbox, Confirm, Dialog, ErrorText, Labelled, Mark } from "./basics";

export function KillDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [flatten, setFlatten] = useState(false);
  const [reason, setReason] = useState("");
  const [report, setReport] = useState<KillReport | null>(null);
  const [failed, setFailed] = useState<string | null>(null);
  const kill = async (): Promise<boolean> => {
    setFailed(null);
    await killSwitch(flatten, reason.trim() || "Stopped by hand").then(setReport, (e: unknown) => setFailed(sentence(e)));
    return false; // what was done is shown first
  };
  if (report) return <Report report={report} onClose={onClose} />;
  return (
    <Confirm
      title="Stop all trading?"
      action={flatten ? "Stop and close positions" : "Stop trading"}
      danger
      onClose={onClose}
      onConfirm={kill}
    >
      <p>
        Waiting entry orders are cancelled and every session halts, also after a restart, until you resume it. Stops and
        targets of open positions stay in place.
      </p>
      <Checkbox on={flatten} onChange={setFlatten}>
        Also close every open position at market
      </Checkbox>
      <Labelled label="Reason, kept in the log">
        <input
          type="text"
          value={reason}
          maxLength={200}
          placeholder="Stopped by hand"
          onChange={(event) => setReason(event.target.value)}
        />
      </Labelled>
      <ErrorText text={failed} />
    </Confirm>
  );
}

function Report({ report, onClose }: { report: KillReport; onClose: () => void }): ReactNode {
  const all = report.steps.every((step) => step.done);
  const close = (
    <Button look="primary" onClick={onClose}>
      Close
    </Button>
  );
  return (
    <Dialog title={all ? "Trading is stopped" : "Trading is being stopped"} onClose={onClose} actions={close}>
      <ol className="steps" role="status">
        {report.steps.map((step) => (
          <li key={step.name} className="row top">
            <Mark passed={step.done} words={["done", "not done"]} />
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

/** Which thing is wrong, for as long as it is; and a note of its age on everything that is old because of it. */
import { useState, type ReactNode } from "react";
import { model, pulse, resume } from "../data/client";
import { faults, staleness, type Shown, type Staleness } from "../data/health";
import { useStore } from "../data/store";
import { formatDuration } from "../lib/format";
import { Confirm } from "./basics";
import { Close, Warning } from "./icons";

const since = (age_s: number | null): string => (age_s === null ? "" : formatDuration(age_s * 1000));

/** A session that ended with an error stays in the list for long, so a person may put it away. */
const DISMISSIBLE = "session_failed";

export function FaultBar(): ReactNode {
  const told = useStore(pulse, (p) => p);
  const session = useStore(model, (m) => m.session);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState<string | null>(null);
  const list = faults(told, session).filter((fault) => !dismissed.has(fault.key));
  if (list.length === 0) return null;
  const target = asking === null ? undefined : list.find((fault) => fault.key === asking);
  return (
    <div className="faults">
      {list.map((fault) => (
        <div key={fault.key} className={`fault ${fault.level}`} role={fault.level === "bad" ? "alert" : "status"}>
          <Warning />
          <div>
            <p>{fault.text}</p>
            {fault.detail && <code>{fault.detail}</code>}
          </div>
          {fault.age_s !== null && (
            <span className="num age" aria-hidden="true">
              {since(fault.age_s)}
            </span>
          )}
          {fault.resumable && (fault.session_id ?? session) !== null && (
            <button type="button" className="button small" onClick={() => setAsking(fault.key)}>
              Resume…
            </button>
          )}
          {fault.name === DISMISSIBLE && (
            <button
              type="button"
              className="ghost square"
              aria-label="Dismiss"
              onClick={() => setDismissed(new Set([...dismissed, fault.key]))}
            >
              <Close />
            </button>
          )}
        </div>
      ))}
      {target && (
        <ResumeDialog fault={target} session={target.session_id ?? session ?? ""} onClose={() => setAsking(null)} />
      )}
    </div>
  );
}

export function ResumeDialog({ fault, session, onClose }: { fault: Shown; session: string; onClose: () => void }): ReactNode {
  const [read, setRead] = useState(false);
  return (
    <Confirm title="Resume trading?" action="Resume" disabled={!read} onClose={onClose} onConfirm={() => resume(session)}>
      <p>
        <strong>{fault.text}</strong>
      </p>
      {fault.detail && <code>{fault.detail}</code>}
      <p>Session {session} warms up again, then looks for signals. The kill switch is taken off.</p>
      <label className="check">
        <input type="checkbox" checked={read} onChange={(event) => setRead(event.target.checked)} />
        <span>I know why it stopped and want it to trade again</span>
      </label>
    </Confirm>
  );
}

/** How old what it stands on is; nothing while it is fresh. */
export function AgeNote({ of }: { of: keyof Staleness }): ReactNode {
  const session = useStore(model, (m) => m.session);
  const told = useStore(pulse, (p) => p);
  const stale = staleness(told, session)[of];
  if (!stale) return null;
  return <p className="age-note num">{stale.age_s === null ? "Not up to date" : `As it was ${since(stale.age_s)} ago`}</p>;
}

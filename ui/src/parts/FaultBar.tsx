/** Which thing is wrong, for as long as it is; and a note of its age on everything that is old because of it. */
import { useState, type ReactNode } from "react";
import { model, pulse, resumeAll } from "../data/client";
import { grouped, staleness, type Shown, type Staleness } from "../data/health";
import { useStore } from "../data/store";
import { formatDuration } from "../lib/format";
import { Checkbox, Confirm, Labelled, IconButton, SmallButton } from "./basics";
import { Icon } from "./icons";

const since = (age_s: number): string => formatDuration(age_s * 1000);

/** A session that ended with an error stays in the list for long, so a person may put it away. */
const DISMISSIBLE = "session_failed";

export function FaultBar(): ReactNode {
  const told = useStore(pulse, (p) => p);
  const session = useStore(model, (m) => m.session);
  const [dismissed, setDismissed] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState<string | null>(null);
  const list = grouped(told, session).filter((fault) => !dismissed.has(fault.key));
  if (list.length === 0) return null;
  const target = list.find((fault) => fault.key === asking);
  return (
    <div className="faults">
      {list.map((fault) => (
        <div key={fault.key} className={`fault row ${fault.level}`} role={fault.level === "bad" ? "alert" : "status"}>
          <Icon name="warning" />
          <div className="grow">
            <p>{fault.text}</p>
            {fault.detail && <code className="muted">{fault.detail}</code>}
          </div>
          {fault.age_s !== null && (
            <span className="num age strong nowrap" aria-hidden="true">
              {since(fault.age_s)}
            </span>
          )}
          {fault.resumable && (fault.sessions.length > 0 || session !== null) && (
            <SmallButton onClick={() => setAsking(fault.key)}>Resume…</SmallButton>
          )}
          {fault.name === DISMISSIBLE && (
            <IconButton icon="close" label="Dismiss" onClick={() => setDismissed(new Set([...dismissed, fault.key]))} />
          )}
        </div>
      ))}
      {target && <ResumeDialog fault={target} shown={session} onClose={() => setAsking(null)} />}
    </div>
  );
}

interface ResumeProps {
  fault: Shown;
  /** What is resumed after a kill switch that halted no session. */
  shown: string | null;
  onClose: () => void;
}

export function ResumeDialog({ fault, shown, onClose }: ResumeProps): ReactNode {
  const [read, setRead] = useState(false);
  const sessions = fault.sessions.length > 0 ? fault.sessions : shown === null ? [] : [shown];
  const [only, setOnly] = useState("");
  const wanted = only === "" ? sessions : [only];
  const several = wanted.length > 1;
  return (
    <Confirm
      title="Resume trading?"
      action={several ? `Resume all ${wanted.length}` : "Resume"}
      disabled={!read}
      onClose={onClose}
      onConfirm={() => resumeAll(wanted)}
    >
      <strong>{fault.text}</strong>
      {fault.detail && <code>{fault.detail}</code>}
      {sessions.length > 1 && (
        <Labelled label="Which">
          <select value={only} onChange={(event) => setOnly(event.target.value)}>
            <option value="">All {sessions.length} sessions</option>
            {sessions.map((one) => (
              <option key={one} value={one}>
                {one === shown ? `${one} (shown)` : one}
              </option>
            ))}
          </select>
        </Labelled>
      )}
      <p>
        {several ? `${wanted.length} sessions warm` : `Session ${wanted[0] ?? ""} warms`} up again, then{" "}
        {several ? "look" : "looks"} for signals. The kill switch is taken off.
      </p>
      <Checkbox on={read} onChange={setRead}>
        I know why it stopped and want it to trade again
      </Checkbox>
    </Confirm>
  );
}

/** How old what it stands on is; nothing while it is fresh. */
export function AgeNote({ of }: { of: keyof Staleness }): ReactNode {
  const session = useStore(model, (m) => m.session);
  const told = useStore(pulse, (p) => p);
  const stale = staleness(told, session)[of];
  if (!stale) return null;
  return (
    <p className="age-note badge strong warn num">
      {stale.age_s === null ? "Not up to date" : `As it was ${since(stale.age_s)} ago`}
    </p>
  );
}

/** The log of decisions, newest first, each as a sentence with its reasons. */
import { memo, useState, type ReactNode } from "react";
import { model } from "../data/client";
import { useStore } from "../data/store";
import type { LogEntry } from "../data/types";
import { formatTime, pair, words } from "../lib/format";
import { Empty, Skeleton } from "../parts/basics";

const One = memo(function One({ decision }: { decision: LogEntry }): ReactNode {
  return (
    <li className={`decision ${decision.level === "info" && decision.kind !== "signal" ? "" : decision.level}`}>
      <time className="num faint small nowrap" dateTime={new Date(decision.time).toISOString()}>
        {formatTime(decision.time)}
      </time>
      <span className="tag">{words(decision.kind)}</span>
      <div>
        <p>{decision.text}</p>
        {decision.reasons.length > 0 && <p className="muted small">{decision.reasons.join(" ")}</p>}
      </div>
      <span className="where faint small nowrap">{decision.symbol ? pair(decision.symbol) : ""}</span>
    </li>
  );
});

const SHOWN = 150;

export function Decisions(): ReactNode {
  const decisions = useStore(model, (m) => m.decisions);
  const loading = useStore(model, (m) => m.loading);
  const [kind, setKind] = useState("");
  if (decisions.length === 0 && loading) return <Skeleton />;
  if (decisions.length === 0)
    return <Empty title="No decision yet">Each signal, refusal, order and fill is told here, with its reasons.</Empty>;
  const kinds = [...new Set(decisions.map((d) => d.kind))].sort();
  const list = (kind ? decisions.filter((d) => d.kind === kind) : decisions).slice(0, SHOWN);
  return (
    <>
      <div className="filters row small" role="group" aria-label="Show">
        {["", ...kinds].map((name) => (
          <button key={name} type="button" aria-pressed={kind === name} onClick={() => setKind(name)}>
            {name ? words(name) : "All"}
          </button>
        ))}
      </div>
      <ol>
        {list.map((decision) => (
          <One key={decision.seq} decision={decision} />
        ))}
      </ol>
    </>
  );
}

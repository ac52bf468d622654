/** All sessions of this installation: what runs, what is over, and how another one is started. */
import { useState, type ReactNode } from "react";
import { chooseSession, model, pulse, stopSession } from "../data/client";
import { faults, sessionsOf, type Shown } from "../data/health";
import { get } from "../data/rest";
import { useStore } from "../data/store";
import type { Session } from "../data/types";
import { DASH, formatMoney, formatTime, pair, shortId, tone, words } from "../lib/format";
import { Confirm, Empty, Skeleton } from "../parts/basics";
import { ResumeDialog } from "../parts/FaultBar";
import { StartDialog } from "../parts/StartDialog";
import { useResource } from "../parts/useResource";

export function Sessions(): ReactNode {
  const current = useStore(model, (m) => m.session);
  const told = useStore(pulse, (p) => p);
  const [starting, setStarting] = useState(false);
  const known = sessionsOf(told.health);
  const { data, error } = useResource(() => get("/api/sessions", { limit: 50 }), {
    key: known.map((one) => `${one.session_id}${one.status}${one.halted}`).join(),
    every: 10_000,
  });
  const halts = faults(told, null).filter((fault) => fault.resumable);
  return (
    <>
      <div className="actions">
        <button type="button" className="button small primary" onClick={() => setStarting(true)}>
          Start a session…
        </button>
      </div>
      {starting && <StartDialog onClose={() => setStarting(false)} />}
      {!data && (error ? <Empty title="The sessions could not be read">{error}</Empty> : <Skeleton />)}
      {data?.items.length === 0 && <Empty title="No session yet" />}
      {data && data.items.length > 0 && (
        <div className="table-wrap">
          <table>
            <thead>
              <tr>
                <th scope="col">Session</th>
                <th scope="col">Status</th>
                <th scope="col">Mode</th>
                <th scope="col">Strategy</th>
                <th scope="col">Symbols</th>
                <th scope="col">Source</th>
                <th scope="col">Started (UTC)</th>
                <th scope="col">Ended</th>
                <th scope="col" className="right">Net P&amp;L</th>
                <th scope="col">Decisions</th>
                <th scope="col">
                  <span className="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((session) => (
                <Line
                  key={session.id}
                  session={session}
                  current={session.id === current}
                  readable={known.some((one) => one.session_id === session.id)}
                  halt={halts.find((fault) => fault.session_id === session.id)}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}

interface LineProps {
  session: Session;
  current: boolean;
  /** The server holds all of it, so it can be shown. */
  readable: boolean;
  halt: Shown | undefined;
}

function Line({ session, current, readable, halt }: LineProps): ReactNode {
  const [asking, setAsking] = useState<"stop" | "resume" | null>(null);
  const runs = session.status === "running" || session.status === "loading";
  return (
    <tr aria-current={current}>
      <td className="mono" title={session.id}>
        {shortId(session.id)}
        {current && <span className="count">this one</span>}
      </td>
      <td title={session.error ?? ""}>
        {words(session.status)}
        {halt && <span className="down"> halted</span>}
      </td>
      <td className="caps">{session.mode}</td>
      <td>
        {session.strategy} <span className="muted">{session.timeframe}</span>
      </td>
      <td>{session.symbols.map(pair).join(", ")}</td>
      <td className="clip" title={session.source}>
        {session.source}
      </td>
      <td className="num">{formatTime(session.started_at)}</td>
      <td className="num">{session.ended_at === null ? DASH : formatTime(session.ended_at)}</td>
      <td className={`num right strong ${tone(session.net_pnl)}`}>{formatMoney(session.net_pnl, true)}</td>
      <td className="mono muted" title={session.decisions_sha256 ?? ""}>
        {session.decisions_sha256?.slice(0, 12) ?? DASH}
      </td>
      <td className="right">
        {readable && !current && (
          <button type="button" className="button small" onClick={() => chooseSession(session.id)}>
            Show
          </button>
        )}{" "}
        {halt && (
          <button type="button" className="button small" onClick={() => setAsking("resume")}>
            Resume…
          </button>
        )}{" "}
        {runs && (
          <button type="button" className="button small" onClick={() => setAsking("stop")}>
            Stop…
          </button>
        )}
        {asking === "resume" && halt && (
          <ResumeDialog fault={halt} shown={session.id} onClose={() => setAsking(null)} />
        )}
        {asking === "stop" && (
          <Confirm
            title={`Stop session ${session.id}?`}
            action="Stop the session"
            danger
            onClose={() => setAsking(null)}
            onConfirm={() => stopSession(session.id)}
          >
            <p>
              It decides nothing more. An open position stays open: stops and targets that rest at an exchange stay
              there, on paper nothing watches them until the session is started again with the same settings.
            </p>
          </Confirm>
        )}
      </td>
    </tr>
  );
}

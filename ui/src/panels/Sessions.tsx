/** All sessions that this installation has run. */
import type { ReactNode } from "react";
import { model } from "../data/client";
import { get } from "../data/rest";
import { useStore } from "../data/store";
import type { Session } from "../data/types";
import { DASH, formatMoney, formatTime, pair, shortId, tone, words } from "../lib/format";
import { Empty, Skeleton } from "../parts/basics";
import { useResource } from "../parts/useResource";

export function Sessions(): ReactNode {
  const current = useStore(model, (m) => m.status?.session_id);
  const state = useStore(model, (m) => m.status?.state);
  const { data, error } = useResource(() => get<{ items: Session[] }>("/api/sessions", { limit: 50 }), {
    key: `${current}${state === "HALTED"}`,
    every: 10_000,
  });
  if (!data) return error ? <Empty title="The sessions could not be read">{error}</Empty> : <Skeleton />;
  if (data.items.length === 0) return <Empty title="No session yet" />;
  return (
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
          </tr>
        </thead>
        <tbody>
          {data.items.map((session) => (
            <tr key={session.id} aria-current={session.id === current}>
              <td className="mono" title={session.id}>
                {shortId(session.id)}
                {session.id === current && <span className="count">this one</span>}
              </td>
              <td>{words(session.status)}</td>
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
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

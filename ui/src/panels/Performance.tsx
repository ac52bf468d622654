/** The session's figures, with the equity curve; a figure that can not be told says why. */
import type { ReactNode } from "react";
import { model } from "../data/client";
import { get } from "../data/rest";
import { useStore } from "../data/store";
import type { Performance as Figures } from "../data/types";
import { formatMoney, formatNumber, formatPercent, formatTime, num, tone, words } from "../lib/format";
import { Empty, Skeleton } from "../parts/basics";
import { Spark } from "../parts/Spark";
import { useResource } from "../parts/useResource";

type Kind = "gain" | "money" | "percent" | "share" | "count";
type Name = Exclude<keyof Figures, "reasons" | "session_id">;
const KNOWN: readonly [name: Name, label: string, kind: Kind, toned?: boolean][] = [
  ["net_pnl", "Net P&L", "gain", true],
  ["return_pct", "Return", "percent", true],
  ["max_drawdown_pct", "Largest drawdown", "percent"],
  ["win_rate", "Win rate", "share"],
  ["profit_factor", "Profit factor", "money"],
  ["expectancy_r", "Expectancy (R)", "money", true],
  ["sharpe", "Sharpe", "money"],
  ["sortino", "Sortino", "money"],
  ["calmar", "Calmar", "money"],
  ["trades", "Trades", "count"],
  ["fees", "Fees paid", "money"],
];

function show(value: unknown, kind: Kind): string {
  if (kind === "percent") return formatPercent(value);
  if (kind === "share") return formatPercent(num(value) * 100, false, 1);
  return kind === "count" ? formatNumber(value, 0) : formatMoney(value, kind === "gain");
}

/** Figures whose name in words is not what people call them. */
const LABELS: Partial<Record<Name, string>> = {
  cagr_pct: "Yearly growth (CAGR)",
  average_mae_pct: "Average adverse excursion",
  average_mfe_pct: "Average favourable excursion",
  exposure_pct: "Time in the market",
  average_notional_pct: "Mean notional of equity",
  max_drawdown_bars: "Longest drawdown, bars",
};

/** Everything else that is told, with a unit guessed from its name. */
function others({ reasons: _reasons, session_id: _session, ...figures }: Figures): [Name, string, Kind][] {
  const known = new Set<string>(KNOWN.map(([name]) => name));
  const names = (Object.keys(figures) as Name[]).filter((name) => !known.has(name));
  return names.map((name) => {
    const kind = name.endsWith("_pct") ? "percent" : Number.isInteger(figures[name]) ? "count" : "money";
    return [name, LABELS[name] ?? words(name.replace(/_pct$/, "")), kind];
  });
}

export function Performance(): ReactNode {
  const version = useStore(model, (m) => m.trades);
  const session = useStore(model, (m) => m.session);
  const equity = useStore(model, (m) => m.equity);
  const { data, error } = useResource(() => get("/trades/performance", { session }), { key: session, version });
  if (!data) return error ? <Empty title="The figures could not be read">{error}</Empty> : <Skeleton />;
  const { reasons } = data;
  const first = equity[0];
  const last = equity.at(-1);
  return (
    <div className="performance">
      <dl className="figures">
        {[...KNOWN, ...others(data)].map(([name, label, kind, toned]) => {
          const value = data[name];
          const reason = value === null ? reasons[name] : undefined;
          return (
            <div key={name} title={reason}>
              <dt>{label}</dt>
              <dd className={`num ${toned === true ? tone(value) : ""}`}>{show(value, kind)}</dd>
              {reason && <small>{reason}</small>}
            </div>
          );
        })}
      </dl>
      <figure>
        <figcaption className="row apart muted small">
          <span>Equity</span>
          {first && last && (
            <span className="num">
              {formatTime(first.time)} – {formatTime(last.time)}
            </span>
          )}
        </figcaption>
        {equity.length < 2 ? (
          <Empty title="The curve begins with the first candles" />
        ) : (
          <Spark curve={equity} height={150} label="Equity curve of the session" />
        )}
      </figure>
    </div>
  );
}

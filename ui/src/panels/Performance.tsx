/** The session's figures, with the equity curve and what became of the signals; a figure that can not be told says why. */
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
type Name = Exclude<keyof Figures, "reasons" | "session_id" | "halts" | "funnel">;
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
  halted_pct: "Time halted",
};

/** Everything else that is told, with a unit guessed from its name. */
function others({ reasons: _reasons, session_id: _session, halts: _halts, funnel: _funnel, ...figures }: Figures): [Name, string, Kind][] {
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
  const { data, error } = useResource(() => get("/trades/performance", { session }), {
    key: session,
    version,
    every: 3000,
  });
  if (!data) return error ? <Empty title="The figures could not be read">{error}</Empty> : <Skeleton />;
  const { reasons } = data;
  const first = equity[0];
  const last = equity.at(-1);
  return (
    <div className="performance">
      <dl className="figures">
        {[...KNOWN, ...others(data)].map(([name, label, kind, toned]) => {
          const value = data[name];
          const reason = reasons[name];
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
      <Conduct funnel={data.funnel} halts={data.halts} />
    </div>
  );
}

type Line = [name: string, count: number, kind?: "lost" | "part"];

/** Every step of a signal's way, with what ended there. */
function lines(funnel: Figures["funnel"]): Line[] {
  const lost = (by: string, counts: Record<string, number>): Line[] =>
    Object.entries(counts).map(([why, count]) => [`${by}: ${words(why).toLowerCase()}`, count, "lost"]);
  const all: Line[] = [
    ["Asked for by the strategy", funnel.signals],
    ...lost("Refused by a gate", funnel.gate),
    ...lost("Refused by a check", funnel.check),
    ["Expired while waiting for a person", funnel.not_executed, "lost"],
    ["Ordered", funnel.orders],
    ["Made smaller by a limit", funnel.capped, "part"],
    ...lost("Order", funnel.not_filled),
    ["Filled", funnel.filled],
    ["Closed", funnel.trades],
  ];
  return all.filter(([, count, kind]) => kind === undefined || count > 0);
}

function Conduct({ funnel, halts }: Pick<Figures, "funnel" | "halts">): ReactNode {
  const share = (count: number): string => `${(100 * count) / Math.max(funnel.signals, count, 1)}%`;
  return (
    <section className="funnel">
      <h3 className="muted small">Signals: what became of them</h3>
      <dl>
        {lines(funnel).map(([name, count, kind = ""]) => (
          <div key={name} className={`row apart ${kind}`}>
            <dt>{name}</dt>
            <dd className="num">{formatNumber(count, 0)}</dd>
            <i style={{ width: share(count) }} aria-hidden="true" />
          </div>
        ))}
      </dl>
      <h3 className="muted small">Halts</h3>
      {halts.length === 0 && <p className="faint">It was never halted.</p>}
      <dl>
        {halts.map(({ reason, at, until }) => (
          <div key={at} className="row apart">
            <dt>{words(reason)}</dt>
            <dd className={`num ${until === null ? "down" : ""}`}>
              {formatTime(at)} – {until === null ? "now" : formatTime(until)}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

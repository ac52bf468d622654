/** Why no trade? Each gate's verdict at this moment. */
import type { ReactNode } from "react";
import { model } from "../data/client";
import { get } from "../data/rest";
import { useStore } from "../data/store";
import { formatNumber, formatTime, pair, words } from "../lib/format";
import { Empty, Mark, Skeleton } from "../parts/basics";
import { useResource } from "../parts/useResource";

/** Gates are named for when they are closed; what they look at reads better beside a verdict. */
const NAMES: Record<string, string> = {
  halted: "Session",
  stale_feed: "Feed",
  not_reconciled: "Reconciliation",
  operator_pause: "Pause",
  news_blackout: "News",
  funding_guard: "Funding",
  kill_zone: "Trading hours",
  guard: "Own guards",
};

export function WhyNot(): ReactNode {
  const session = useStore(model, (m) => m.session);
  const symbol = useStore(model, (m) => m.symbol);
  const { data, error } = useResource(() => get("/system/debug/signal-check", { session, symbol }), {
    key: `${session}${symbol}`,
    every: 3000,
  });
  if (!data) return error ? <Empty title="The verdicts could not be read">{error}</Empty> : <Skeleton />;
  const failed = data.checks.filter((check) => !check.passed).length;
  return (
    <div className="why">
      <p className={`verdict ${data.would_trade ? "up" : ""}`}>
        <strong>
          {data.would_trade
            ? `A signal on ${pair(data.symbol)} would be traded now.`
            : `No trade on ${pair(data.symbol)} now: ${failed} of ${data.checks.length} conditions ${failed === 1 ? "is" : "are"} not met.`}
        </strong>{" "}
        <small className="muted num">{formatTime(data.time)} UTC</small>
      </p>
      {data.would_trade && (
        <p className="muted">
          Nothing stands in the way: the strategy itself has given no signal to enter. It decides at the close of each bar.
        </p>
      )}
      <ul>
        {data.checks.map((check) => (
          <li key={check.name} className={`row top ${check.passed ? "" : "failed"}`}>
            <Mark passed={check.passed} words={["met", "not met"]} />
            <div className="grow">
              <strong>{NAMES[check.name] ?? words(check.name)}</strong>
              <p className="muted">{check.text}</p>
            </div>
            {check.value !== null && (
              <span className="num muted small">
                {formatNumber(check.value, 4)}
                {check.limit !== null && <em> / {formatNumber(check.limit, 4)}</em>}
              </span>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The right side: what the account is worth, what is open, what waits. */
import { useState, type ReactNode } from "react";
import { cancelOrder, closePosition, executeOrder, executeSignal, expireSignal, model, pulse } from "../data/client";
import { staleness } from "../data/health";
import { useStore } from "../data/store";
import type { Order, Portfolio, Position, Signal } from "../data/types";
import {
  DASH,
  distancePercent,
  formatMoney,
  formatNumber,
  formatPercent,
  formatPrice,
  formatQuantity,
  formatTime,
  num,
  pair,
  pricePrecision,
  rowName,
  tone,
  words,
} from "../lib/format";
import { Button, Confirm, Empty, Skeleton, SmallButton, useBusy } from "../parts/basics";
import { Icon } from "../parts/icons";
import { Spark } from "../parts/Spark";
import { NearZones } from "./NearZones";

export function Account(): ReactNode {
  const loading = useStore(model, (m) => m.loading && m.portfolio === null);
  const portfolio = useStore(model, (m) => m.portfolio);
  const signals = useStore(model, (m) => m.signals);
  if (loading) return <Skeleton rows={9} />;
  if (!portfolio) return <Empty title="No account yet">It appears when the session has started.</Empty>;
  return (
    <>
      <Balance portfolio={portfolio} />
      <Section title="Open positions" of={portfolio.open_positions} none="No open position.">
        {(position) => <PositionCard key={position.id} position={position} />}
      </Section>
      {signals.length > 0 && (
        <Section title="Waiting for you" of={signals}>
          {(signal) => <SignalCard key={signal.id} signal={signal} />}
        </Section>
      )}
      <Section title="Orders" of={portfolio.pending_orders} none="No order is working.">
        {(order) => <OrderLine key={order.order_id} order={order} />}
      </Section>
      <NearZones />
    </>
  );
}

interface SectionProps<T> {
  title: string;
  of: readonly T[];
  none?: string;
  children: (one: T) => ReactNode;
}

function Section<T>({ title, of, none, children }: SectionProps<T>): ReactNode {
  return (
    <section className="side-section">
      <h2>
        {title} {of.length > 0 && <span className="tag count">{of.length}</span>}
      </h2>
      {of.length === 0 && <p className="faint">{none}</p>}
      {of.map(children)}
    </section>
  );
}

function Balance({ portfolio }: { portfolio: Portfolio }): ReactNode {
  const equity = useStore(model, (m) => m.equity);
  const { today, unrealized_pnl: open } = portfolio;
  const result = `${today.closed} closed${today.closed > 0 ? `, ${today.won} with a gain` : ""}`;
  return (
    <section className="side-section balance">
      <h2>Equity</h2>
      <div className="equity row baseline">
        <b className="num">{formatMoney(portfolio.total_equity)}</b>
        <small>USDT</small>
      </div>
      <p className={`num day ${tone(today.pnl)}`}>
        {formatMoney(today.pnl, true)} ({formatPercent(today.pnl_pct, true)}) <small>today</small>
      </p>
      <Spark curve={equity} height={56} label="Equity curve" />
      <dl className="pairs">
        <Row label="Balance" value={formatMoney(portfolio.wallet_balance)} />
        <Row label="Available" value={formatMoney(portfolio.available_balance)} />
        <Row label="Unrealised" value={formatMoney(open, true)} tone={tone(open)} />
        <Row label="Trades today" value={result} />
      </dl>
    </section>
  );
}

interface RowProps {
  label: string;
  value: string;
  tone?: string;
  note?: string;
  /** A target that was reached: it is struck out. */
  filled?: boolean;
}

function Row({ label, value, tone: color = "", note, filled }: RowProps): ReactNode {
  return (
    <div className={`row apart ${filled ? "filled" : ""}`}>
      <dt>
        {label}
        {filled && (
          <em className="up">
            <Icon name="check" size={12} /> filled
          </em>
        )}
      </dt>
      <dd className={`num ${color}`}>
        {value}
        {note && <small>{note}</small>}
      </dd>
    </div>
  );
}

function PositionCard({ position }: { position: Position }): ReactNode {
  const [closing, setClosing] = useState(false);
  const old = useStore(pulse, (p) => staleness(p, position.session_id).all !== null);
  const { current_price: now, entry_price: entry, stop_loss: stop, liquidation_price: liquidation } = position;
  const digits = pricePrecision([now, entry, stop]);
  const at = (price: string | null): string => formatPrice(price, digits);
  const away = (price: string | null): string => formatPercent(distancePercent(now, price), true);
  const color = tone(position.current_pnl);
  const margin = num(position.margin_ratio);
  return (
    <article className="card position">
      <header className="row">
        <span className={`tag ${position.side === "LONG" ? "good" : "bad"}`}>{position.side}</span>
        <strong className="grow">{pair(rowName(position))}</strong>
        <span className="muted num small">
          {formatQuantity(position.size)} · {formatNumber(position.leverage, 1)}×
        </span>
      </header>
      <div className="pnl row baseline">
        <b className={`num ${color}`}>{formatMoney(position.current_pnl, true)}</b>
        <span className={`num ${color}`}>{formatPercent(position.current_pnl_pct, true)}</span>
      </div>
      <Ladder position={position} />
      <dl className="pairs">
        <Row label="Entry" value={at(entry)} />
        <Row label="Price now" value={at(now)} />
        <Row label="Stop" value={stop === null ? "none" : at(stop)} note={away(stop)} tone="down" />
        {position.take_profits.map(({ price, filled }, i) => {
          const note = filled ? "" : away(price);
          return <Row key={i} label={`Target ${i + 1}`} value={at(price)} note={note} tone="up" filled={filled} />;
        })}
        {num(liquidation) > 0 && <Row label="Liquidation" value={at(liquidation)} note={away(liquidation)} />}
        {margin > 0 && margin < 0.25 && (
          <Row label="Margin" value={formatPercent(margin * 100, false, 1)} tone={margin < 0.15 ? "down" : "warn"} />
        )}
      </dl>
      <footer className="row end">
        <span className="muted push small">since {formatTime(position.entry_time)}</span>
        <SmallButton onClick={() => setClosing(true)}>Close</SmallButton>
      </footer>
      {closing && (
        <Confirm
          title={`Close ${pair(rowName(position))}?`}
          action="Close at market"
          danger
          onClose={() => setClosing(false)}
          onConfirm={() => closePosition(position.id)}
        >
          <p>
            The whole {position.side.toLowerCase()} of {formatQuantity(position.size)} is closed at market, now about{" "}
            {at(now)}: <b className={color}>{formatMoney(position.current_pnl, true)}</b>.
            Its stop and targets are cancelled.
          </p>
          {old && <p>The engine does not answer, so it is restarted first; this takes up to half a minute.</p>}
        </Confirm>
      )}
    </article>
  );
}

/** Where the price stands between the stop and the last target. */
function Ladder({ position }: { position: Position }): ReactNode {
  const stop = num(position.stop_loss);
  const last = num(position.take_profits.at(-1)?.price);
  if (!(Number.isFinite(stop) && Number.isFinite(last)) || stop === last) return null;
  const place = (price: unknown): number => Math.min(100, Math.max(0, ((num(price) - stop) / (last - stop)) * 100));
  const entry = place(position.entry_price);
  const now = place(position.current_price);
  return (
    <div className="ladder" aria-hidden="true">
      <i
        className={now >= entry ? "good" : "bad"}
        style={{ left: `${Math.min(entry, now)}%`, width: `${Math.abs(now - entry)}%` }}
      />
      <em style={{ left: `${entry}%` }} />
      {position.take_profits.slice(0, -1).map((target, i) => (
        <em key={i} className="target" style={{ left: `${place(target.price)}%` }} />
      ))}
      <b style={{ left: `${now}%` }} />
    </div>
  );
}

function SignalCard({ signal }: { signal: Signal }): ReactNode {
  const [busy, run] = useBusy();
  const [asking, setAsking] = useState(false);
  const digits = pricePrecision([signal.price, signal.entry_price, signal.stop_loss]);
  const entry = formatPrice(signal.entry_price ?? signal.price, digits);
  const stop = formatPrice(signal.stop_loss, digits);
  const buy = signal.signal_type === "buy";
  return (
    <article className="card signal">
      <header className="row">
        <span className={`tag ${buy ? "good" : "bad"}`}>{buy ? "BUY" : "SELL"}</span>
        <strong className="grow">{pair(rowName(signal))}</strong>
        <span className="muted num small">confidence {formatPercent(signal.confidence * 100, false, 0)}</span>
      </header>
      <dl className="pairs">
        <Row label="Entry" value={entry} />
        <Row label="Stop" value={stop} tone="down" />
        <Row label="Reward : risk" value={formatNumber(signal.risk_reward_ratio, 1)} />
      </dl>
      {signal.reasons.length > 0 && <p className="muted small">{signal.reasons.join(" ")}</p>}
      <footer className="row end">
        <SmallButton disabled={busy} onClick={() => run(() => expireSignal(signal.id))}>
          Drop
        </SmallButton>
        <Button look="small primary" disabled={busy} onClick={() => setAsking(true)}>
          Execute
        </Button>
      </footer>
      {asking && (
        <Confirm
          title={`${buy ? "Buy" : "Sell"} ${pair(rowName(signal))}?`}
          action="Place the order"
          onClose={() => setAsking(false)}
          onConfirm={() => executeSignal(signal.id)}
        >
          <p>
            An order to {buy ? "buy" : "sell"} {formatQuantity(signal.position_size)} at {entry} is placed, with the stop
            at {stop}.
          </p>
        </Confirm>
      )}
    </article>
  );
}

const legName = (leg: string): string => words(leg.replace(/^tp/, "target "));

function OrderLine({ order }: { order: Order }): ReactNode {
  const [busy, run] = useBusy();
  const execute = (): void => run(() => executeOrder(order.order_id));
  const price = num(order.price) > 0 ? order.price : order.trigger_price;
  return (
    <article className="order row">
      <div className="grow">
        <strong className={order.side.toLowerCase() === "buy" ? "up" : "down"}>{words(order.side)}</strong>{" "}
        {pair(rowName(order))} <span className="muted">{legName(order.leg)}</span>
        <p className="num muted small">
          {words(order.type)} · {formatQuantity(order.quantity)} @{" "}
          {price === null ? "market" : formatPrice(price, pricePrecision([price]))}
          {order.expires_at ? ` · until ${formatTime(order.expires_at)}` : ""}
        </p>
      </div>
      {order.leg === "entry" ? (
        <>
          <SmallButton disabled={busy} title="Execute at market now" onClick={execute}>
            Market
          </SmallButton>
          <SmallButton disabled={busy} onClick={() => run(() => cancelOrder(order.order_id))}>
            Cancel
          </SmallButton>
        </>
      ) : (
        <span className="muted small">{order.reduce_only ? "protects" : DASH}</span>
      )}
    </article>
  );
}

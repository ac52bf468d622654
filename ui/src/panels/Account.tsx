/** The right side: what the account is worth, what is open, what waits. */
import { useState, type ReactNode } from "react";
import { cancelOrder, closePosition, executeOrder, executeSignal, expireSignal, model, pulse } from "../data/client";
import { staleness } from "../data/health";
import { useStore } from "../data/store";
import type { Order, Position, Signal } from "../data/types";
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
  tone,
  words,
} from "../lib/format";
import { Button, Confirm, Empty, Skeleton, useBusy } from "../parts/basics";
import { Icon } from "../parts/icons";
import { Spark } from "../parts/Spark";
import { NearZones } from "./NearZones";

export function Account(): ReactNode {
  const loading = useStore(model, (m) => m.loading && m.portfolio === null);
  const portfolio = useStore(model, (m) => m.portfolio);
  if (loading) return <Skeleton rows={9} />;
  if (!portfolio) return <Empty title="No account yet">It appears when the session has started.</Empty>;
  return (
    <>
      <Balance />
      <Section title="Open positions" count={portfolio.open_positions.length}>
        {portfolio.open_positions.length === 0 && <p className="none">No open position.</p>}
        {portfolio.open_positions.map((position) => (
          <PositionCard key={position.id} position={position} />
        ))}
      </Section>
      <Signals />
      <Orders orders={portfolio.pending_orders} />
      <NearZones />
    </>
  );
}

function Section({ title, count, children }: { title: string; count: number; children: ReactNode }): ReactNode {
  return (
    <section className="side-section">
      <h2>
        {title} {count > 0 && <span className="tag count">{count}</span>}
      </h2>
      {children}
    </section>
  );
}

function Balance(): ReactNode {
  const portfolio = useStore(model, (m) => m.portfolio);
  const equity = useStore(model, (m) => m.equity);
  if (!portfolio) return null;
  const { today } = portfolio;
  const result = `${today.closed} closed${today.closed > 0 ? `, ${today.won} with a gain` : ""}`;
  return (
    <section className="side-section balance">
      <h2>Equity</h2>
      <div className="equity baseline">
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
        <Row
          label="Unrealised"
          value={formatMoney(portfolio.unrealized_pnl, true)}
          tone={tone(portfolio.unrealized_pnl)}
        />
        <Row label="Trades today" value={result} />
      </dl>
    </section>
  );
}

interface RowProps {
  label: ReactNode;
  value: string;
  tone?: string;
  note?: string;
  /** It lies behind, and is struck out. */
  done?: boolean;
}

function Row({ label, value, tone: color = "", note, done }: RowProps): ReactNode {
  return (
    <div className={done ? "filled" : ""}>
      <dt>{label}</dt>
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
  const digits = pricePrecision([position.current_price, position.entry_price, position.stop_loss]);
  const color = tone(position.current_pnl);
  const away = (price: string | number | null): string =>
    formatPercent(distancePercent(position.current_price, price), true);
  const margin = num(position.margin_ratio);
  return (
    <article className="card position">
      <header className="row">
        <span className={`tag ${position.side === "LONG" ? "good" : "bad"}`}>{position.side}</span>
        <strong>{pair(position.symbol)}</strong>
        <span className="muted num">
          {formatQuantity(position.size)} · {formatNumber(position.leverage, 1)}×
        </span>
      </header>
      <div className="pnl baseline">
        <b className={`num ${color}`}>{formatMoney(position.current_pnl, true)}</b>
        <span className={`num ${color}`}>{formatPercent(position.current_pnl_pct, true)}</span>
      </div>
      <Ladder position={position} />
      <dl className="pairs">
        <Row label="Entry" value={formatPrice(position.entry_price, digits)} />
        <Row label="Price now" value={formatPrice(position.current_price, digits)} />
        <Row
          label="Stop"
          value={position.stop_loss === null ? "none" : formatPrice(position.stop_loss, digits)}
          note={away(position.stop_loss)}
          tone="down"
        />
        {position.take_profits.map((target, i) => (
          <Row
            key={i}
            label={<Target number={i + 1} filled={target.filled} />}
            value={formatPrice(target.price, digits)}
            note={target.filled ? "" : away(target.price)}
            tone="up"
            done={target.filled}
          />
        ))}
        {num(position.liquidation_price) > 0 && (
          <Row
            label="Liquidation"
            value={formatPrice(position.liquidation_price, digits)}
            note={away(position.liquidation_price)}
          />
        )}
        {margin > 0 && margin < 0.25 && (
          <Row label="Margin" value={formatPercent(margin * 100, false, 1)} tone={margin < 0.15 ? "down" : "warn"} />
        )}
      </dl>
      <footer className="row">
        <span className="muted push small">since {formatTime(position.entry_time)}</span>
        <Button look="small" onClick={() => setClosing(true)}>
          Close
        </Button>
      </footer>
      {closing && (
        <Confirm
          title={`Close ${pair(position.symbol)}?`}
          action="Close at market"
          danger
          onClose={() => setClosing(false)}
          onConfirm={() => closePosition(position.id)}
        >
          <p>
            The whole {position.side.toLowerCase()} of {formatQuantity(position.size)} is closed at market, now about{" "}
            {formatPrice(position.current_price, digits)}: <b className={color}>{formatMoney(position.current_pnl, true)}</b>.
            Its stop and targets are cancelled.
          </p>
          {old && <p>The engine does not answer, so it is restarted first; this takes up to half a minute.</p>}
        </Confirm>
      )}
    </article>
  );
}

const Target = ({ number, filled }: { number: number; filled: boolean }): ReactNode => (
  <>
    Target {number}
    {filled && (
      <em>
        <Icon name="check" size={12} /> filled
      </em>
    )}
  </>
);

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

function Signals(): ReactNode {
  const signals = useStore(model, (m) => m.signals);
  if (signals.length === 0) return null;
  return (
    <Section title="Waiting for you" count={signals.length}>
      {signals.map((signal) => (
        <SignalCard key={signal.id} signal={signal} />
      ))}
    </Section>
  );
}

function SignalCard({ signal }: { signal: Signal }): ReactNode {
  const [busy, run] = useBusy();
  const [asking, setAsking] = useState(false);
  const digits = pricePrecision([signal.price, signal.entry_price, signal.stop_loss]);
  const buy = signal.signal_type === "buy";
  return (
    <article className="card signal">
      <header className="row">
        <span className={`tag ${buy ? "good" : "bad"}`}>{buy ? "BUY" : "SELL"}</span>
        <strong>{pair(signal.symbol)}</strong>
        <span className="muted num">confidence {formatPercent(signal.confidence * 100, false, 0)}</span>
      </header>
      <dl className="pairs">
        <Row label="Entry" value={formatPrice(signal.entry_price ?? signal.price, digits)} />
        <Row label="Stop" value={formatPrice(signal.stop_loss, digits)} tone="down" />
        <Row label="Reward : risk" value={formatNumber(signal.risk_reward_ratio, 1)} />
      </dl>
      {signal.reasons.length > 0 && <p className="muted small">{signal.reasons.join(" ")}</p>}
      <footer className="row">
        <Button look="small" disabled={busy} onClick={() => run(() => expireSignal(signal.id))}>
          Drop
        </Button>
        <Button look="small primary" disabled={busy} onClick={() => setAsking(true)}>
          Execute
        </Button>
      </footer>
      {asking && (
        <Confirm
          title={`${buy ? "Buy" : "Sell"} ${pair(signal.symbol)}?`}
          action="Place the order"
          onClose={() => setAsking(false)}
          onConfirm={() => executeSignal(signal.id)}
        >
          <p>
            An order to {buy ? "buy" : "sell"} {formatQuantity(signal.position_size)} at{" "}
            {formatPrice(signal.entry_price ?? signal.price, digits)} is placed, with the stop at{" "}
            {formatPrice(signal.stop_loss, digits)}.
          </p>
        </Confirm>
      )}
    </article>
  );
}

const legName = (leg: string): string => words(leg.replace(/^tp/, "target "));

function Orders({ orders }: { orders: readonly Order[] }): ReactNode {
  const [busy, run] = useBusy();
  return (
    <Section title="Orders" count={orders.length}>
      {orders.length === 0 && <p className="none">No order is working.</p>}
      {orders.map((order) => {
        const price = num(order.price) > 0 ? order.price : order.trigger_price;
        return (
          <article className="order row" key={order.order_id}>
            <div className="grow">
              <strong className={order.side.toLowerCase() === "buy" ? "up" : "down"}>{words(order.side)}</strong>{" "}
              {pair(order.symbol)} <span className="muted">{legName(order.leg)}</span>
              <small className="num">
                {words(order.type)} · {formatQuantity(order.quantity)} @{" "}
                {price === null ? "market" : formatPrice(price, pricePrecision([price]))}
                {order.expires_at ? ` · until ${formatTime(order.expires_at)}` : ""}
              </small>
            </div>
            {order.leg === "entry" ? (
              <div className="row">
                <Button
                  look="small"
                  disabled={busy}
                  onClick={() => run(() => executeOrder(order.order_id))}
                  title="Execute at market now"
                >
                  Market
                </Button>
                <Button look="small" disabled={busy} onClick={() => run(() => cancelOrder(order.order_id))}>
                  Cancel
                </Button>
              </div>
            ) : (
              <span className="muted small">{order.reduce_only ? "protects" : DASH}</span>
            )}
          </article>
        );
      })}
    </Section>
  );
}

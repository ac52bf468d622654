/** A make-believe session over the mock market: signals, entries, ladder, exits, account; events in the wire's shapes. */
import { createHash } from "node:crypto";

const text = (value, digits = 2) => value.toFixed(digits);

export class Trader {
  constructor({ sessionId, manual, emit }) {
    Object.assign(this, { sessionId, manual, emit });
    this.balance = 10_000;
    this.positions = new Map();
    this.orders = new Map();
    this.trades = [];
    this.markers = [];
    this.decisions = [];
    this.signals = [];
    this.equity = [];
    this.prices = new Map();
    this.states = new Map();
    this.haltReason = null;
    this.count = 0;
    this.seq = 0;
    this.now = 0;
    this.started = 0;
  }

  uuid(kind, n) {
    const h = createHash("sha256").update(`${this.sessionId}${kind}${n}`).digest("hex");
    return `${h.slice(0, 8)}-${h.slice(8, 12)}-4${h.slice(13, 16)}-8${h.slice(17, 20)}-${h.slice(20, 32)}`;
  }

  say(symbol, kind, words, reasons = [], level = "info") {
    this.seq += 1;
    const item = { seq: this.seq, time: this.now, symbol, kind, text: words, reasons, level };
    this.decisions.push(item);
    this.emit("decision", symbol, item);
  }

  mark(symbol, kind, side, price, label, decision, time) {
    const marker = { time, kind, side, price, text: label, decision };
    this.markers.push({ symbol, ...marker });
    this.emit("marker", symbol, marker);
  }

  state(symbol) {
    return this.haltReason ? "HALTED" : (this.states.get(symbol)?.name ?? "SCANNING");
  }

  go(symbol, name, reason, left = 0) {
    const from = this.state(symbol);
    this.states.set(symbol, { name, left });
    const p = [...this.positions.values()].find((x) => x.symbol === symbol);
    const o = [...this.orders.values()].find((x) => x.symbol === symbol && x.leg === "entry");
    this.emit("state_change", symbol, {
      from_state: from, to_state: name, reason, order_id: o?.order_id ?? null, position_id: p?.id ?? null,
    });
  }

  /** At the close of a candle: look for an entry at a touched zone. */
  onClose(market, candle) {
    const { symbol } = market;
    this.now = candle.time + market.stepMs;
    const st = this.states.get(symbol);
    if (st?.name === "COOLDOWN" && --st.left <= 0) this.go(symbol, "SCANNING", "cooldown_over");
    if (st?.name === "ENTRY_PENDING") this.expireEntry(symbol);
    this.equity.push({ time: this.now, equity: text(this.total()) });
    if (this.state(symbol) !== "SCANNING" || candle.indicators.ema200 === null) return;
    const zone = market.zones.find(
      (z) => z.valid && z.touches === 1 && candle.low <= z.price_hi && candle.high >= z.price_lo && z.kind !== "BREAKER",
    );
    if (!zone) return;
    const up = zone.side === "DEMAND";
    const trend = candle.indicators.ema50 > candle.indicators.ema200;
    this.count += 1;
    const side = up ? "buy" : "sell";
    const where = `${zone.kind === "OB" ? "order block" : "fair value gap"} ${zone.price_lo}–${zone.price_hi}`;
    const reasons = [`First touch of the ${zone.side.toLowerCase()} ${where}.`, `EMA50 is ${trend ? "above" : "below"} EMA200.`];
    if (trend !== up) {
      this.mark(symbol, "reject", side, candle.close, "", this.count, candle.time);
      this.say(symbol, "reject", `Refused to ${side} ${symbol} at ${candle.close}: against the trend.`, reasons, "bad");
      return;
    }
    this.enter(market, candle, zone, up, reasons);
  }

  enter(market, candle, zone, up, reasons) {
    const { symbol, digits } = market;
    const side = up ? "buy" : "sell";
    const d = up ? 1 : -1;
    const edge = up ? zone.price_lo : zone.price_hi;
    const stop = edge - d * market.atr * 0.6;
    const entry = candle.close - d * market.atr * 0.15;
    const risk = Math.max(Math.abs(entry - stop), market.atr * 0.8);
    const size = Math.min((this.balance * 0.01) / risk, (this.balance * 0.5) / entry);
    const plan = {
      decision: this.count, side: up ? "LONG" : "SHORT", d, entry, stop: entry - d * risk, risk, size, zone,
      targets: [1, 2, 3].map((r) => entry + d * r * risk),
    };
    const signal = {
      id: this.uuid("signal", this.count), symbol, decision: this.count, signal_type: side,
      status: this.manual ? "pending" : "executed", confidence: 0.55 + zone.strength / 25, confidence_level: zone.strength > 7 ? "high" : "medium",
      price: candle.close, entry_price: Number(entry.toFixed(digits)), stop_loss: Number(plan.stop.toFixed(digits)),
      tp_levels: { tp1: plan.targets[0], tp2: plan.targets[1], tp3: plan.targets[2] }, position_size: Number(size.toFixed(3)),
      risk_reward_ratio: 3, indicators: { regime: "trend", regime_confidence: 0.71 }, reasons, generated_at: this.now, reject_reason: null,
    };
    this.signals.push(signal);
    this.emit("signal_generated", symbol, signal);
    this.mark(symbol, "signal", side, candle.close, "", this.count, candle.time);
    this.say(symbol, "signal", `Signal to ${side} ${symbol} at ${entry.toFixed(digits)}, stop ${plan.stop.toFixed(digits)}.`, reasons);
    signal.plan = plan;
    Object.defineProperty(signal, "plan", { enumerable: false });
    if (!this.manual) this.place(symbol, plan, digits);
  }

  place(symbol, plan, digits) {
    const id = `${this.sessionId.slice(0, 8)}-${plan.decision}-entry`;
    const order = {
      order_id: id, client_order_id: id, symbol, leg: "entry", type: "limit", side: plan.d > 0 ? "buy" : "sell",
      price: text(plan.entry, digits), trigger_price: null, quantity: text(plan.size, 3), status: "working",
      created_at: this.now, expires_at: this.now + 6 * 900_000, reduce_only: false,
    };
    Object.defineProperty(order, "plan", { value: plan });
    this.orders.set(id, order);
    this.emit("order_created", symbol, order);
    this.say(symbol, "place", `Placed a limit order to ${order.side} ${order.quantity} ${symbol} at ${order.price}.`);
    this.go(symbol, "ENTRY_PENDING", "entry_placed");
  }

  endOrder(order, status) {
    this.orders.delete(order.order_id);
    order.status = status;
    this.emit("order_updated", order.symbol, order);
  }

  expireEntry(symbol) {
    for (const order of [...this.orders.values()]) {
      if (order.symbol !== symbol || order.expires_at > this.now) continue;
      this.endOrder(order, "expired");
      this.say(symbol, "cancel", `The entry order for ${symbol} expired unfilled.`);
      this.go(symbol, "SCANNING", "entry_expired");
    }
  }

  fill(order, time) {
    const { plan, symbol } = order;
    this.endOrder(order, "filled");
    const position = {
      id: this.uuid("position", plan.decision), symbol, side: plan.side, status: "open", plan, left: plan.size, time,
      filled: [false, false, false], booked: 0,
    };
    this.positions.set(symbol, position);
    const side = plan.d > 0 ? "buy" : "sell";
    this.mark(symbol, "entry", side, plan.entry, plan.d > 0 ? "Long" : "Short", plan.decision, time);
    this.say(symbol, "fill", `Opened a ${plan.side.toLowerCase()} of ${order.quantity} ${symbol} at ${order.price}.`, [], "good");
    this.go(symbol, "IN_POSITION", "entry_filled");
    this.emit("position_update", symbol, this.wire(position));
  }

  /** With every tick: fills, stops, targets. */
  onTick(market, candle) {
    const { symbol, digits } = market;
    this.now = Math.max(this.now, candle.time);
    this.prices.set(symbol, { price: candle.close, digits });
    for (const order of [...this.orders.values()]) {
      if (order.symbol !== symbol) continue;
      if ((candle.close - Number(order.price)) * order.plan.d <= 0) this.fill(order, candle.time);
    }
    const p = this.positions.get(symbol);
    if (!p) return;
    const { plan } = p;
    plan.targets.forEach((target, i) => {
      if (p.filled[i] || (candle.close - target) * plan.d < 0 || i === 2) return;
      p.filled[i] = true;
      p.left -= plan.size / 3;
      p.booked += (plan.size / 3) * plan.risk * (i + 1);
      if (i === 0) plan.stop = plan.entry;
      this.say(symbol, "fill", `Target ${i + 1} of ${symbol} filled at ${target.toFixed(digits)}.`, i === 0 ? ["The stop moved to break-even."] : [], "good");
    });
    if ((candle.close - plan.stop) * plan.d <= 0) this.shut(symbol, p.filled[0] ? "break_even" : "stop", candle);
    else if ((candle.close - plan.targets[2]) * plan.d >= 0) this.shut(symbol, "target", candle);
  }

  shut(symbol, reason, candle) {
    const p = this.positions.get(symbol);
    const { price, digits } = this.prices.get(symbol);
    const gross = p.booked + (price - p.plan.entry) * p.plan.d * p.left;
    const fees = p.plan.size * price * 0.0008;
    const pnl = gross - fees;
    this.balance += pnl;
    this.positions.delete(symbol);
    const trade = {
      id: this.uuid("trade", p.plan.decision), position_id: p.id, symbol, side: p.side, quantity: text(p.plan.size, 3),
      entry_time: p.time, exit_time: candle.time, entry_price: text(p.plan.entry, digits), exit_price: text(price, digits),
      pnl: text(pnl), fees: text(fees), r_multiple: Number((pnl / (p.plan.risk * p.plan.size)).toFixed(2)), exit_reason: reason,
      mae: text(p.plan.risk * 0.4), mfe: text(p.plan.risk * 1.3),
    };
    this.trades.push(trade);
    const label = `${pnl >= 0 ? "+" : "−"}${Math.abs(trade.r_multiple)}R`;
    this.mark(symbol, "exit", p.plan.d > 0 ? "sell" : "buy", price, label, p.plan.decision, candle.time);
    this.say(symbol, "trade", `Closed the ${p.side.toLowerCase()} of ${symbol} at ${trade.exit_price} (${reason.replace("_", " ")}): ${trade.pnl} USDT.`, [], pnl >= 0 ? "good" : "bad");
    this.emit("position_closed", symbol, trade);
    this.go(symbol, "COOLDOWN", reason, 4);
  }

  unrealized(p) {
    return p.booked + (this.prices.get(p.symbol).price - p.plan.entry) * p.plan.d * p.left;
  }

  total() {
    return this.balance + [...this.positions.values()].reduce((sum, p) => sum + this.unrealized(p), 0);
  }

  wire(p) {
    const { price, digits } = this.prices.get(p.symbol);
    const pnl = this.unrealized(p);
    return {
      id: p.id, symbol: p.symbol, side: p.side, status: "open", entry_price: text(p.plan.entry, digits), size: text(p.left, 3), leverage: "5",
      current_price: text(price, digits), current_pnl: text(pnl), current_pnl_pct: text((pnl / ((p.plan.entry * p.plan.size) / 5)) * 100),
      stop_loss: text(p.plan.stop, digits), margin_ratio: "0.62", liquidation_price: text(p.plan.entry * (1 - p.plan.d * 0.19), digits),
      take_profits: p.plan.targets.map((t, i) => ({ price: text(t, digits), quantity: text(p.plan.size / 3, 3), filled: p.filled[i] })),
      entry_time: p.time,
    };
  }

  portfolio() {
    const open = [...this.positions.values()];
    const unrealized = open.reduce((sum, p) => sum + this.unrealized(p), 0);
    const margin = open.reduce((sum, p) => sum + (p.plan.entry * p.left) / 5, 0);
    return {
      wallet_balance: text(this.balance), margin_balance: text(this.balance + unrealized), available_balance: text(this.balance + unrealized - margin),
      unrealized_pnl: text(unrealized), total_equity: text(this.balance + unrealized),
      open_positions: open.map((p) => this.wire(p)), pending_orders: [...this.orders.values()],
    };
  }
}

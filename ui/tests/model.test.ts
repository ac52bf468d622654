import { describe, expect, it } from "vitest";
import {
  addToast,
  applyMessages,
  dayChange,
  growEquity,
  INITIAL,
  MAX_CANDLES,
  MAX_ZONES,
  mergeCandles,
  mergeMarkers,
  mergeZones,
  prependHistory,
  type Model,
  type Series,
} from "../src/data/model";
import type { Candle, Marker, Message, Order, Portfolio, Position, Zone } from "../src/data/types";

const STEP = 900_000;

const candle = (i: number, close = 100 + i, is_closed = true): Candle => ({
  time: i * STEP, open: close, high: close, low: close, close, volume: 1, is_closed, indicators: {},
});

const series = (from: number, to: number): Series => ({
  symbol: "BTCUSDT",
  timeframe: "15m",
  candles: Array.from({ length: to - from }, (_, i) => candle(from + i)),
  epoch: 1,
  complete: false,
});

const marker = (time: number, decision: number, kind: Marker["kind"] = "entry"): Marker => ({
  time, kind, side: "buy", price: 100, text: "", decision,
});

const zone = (id: string, ended: number | null = null): Zone => ({
  id, kind: "OB", side: "DEMAND", price_lo: 1, price_hi: 2, formed_time: 0, confirmed_time: 0, ended_time: ended,
  end_reason: null, touches: 0, filled_percent: 0, strength: 5, valid: ended === null,
});

const position = (id: string, size = "1", status = "open"): Position => ({
  id, symbol: "BTCUSDT", side: "LONG", status, entry_price: "100", size, leverage: "1", current_price: "101",
  current_pnl: "1", current_pnl_pct: 1, stop_loss: "98", take_profits: [], margin_ratio: null, liquidation_price: null,
  entry_time: 0,
});

const order = (id: string, status = "working"): Order => ({
  order_id: id, client_order_id: id, symbol: "BTCUSDT", leg: "entry", type: "limit", side: "buy", price: "99",
  trigger_price: null, quantity: "1", status, created_at: 0, expires_at: null, reduce_only: false,
});

const portfolio = (positions: Position[] = [], orders: Order[] = []): Portfolio => ({
  wallet_balance: "10000", margin_balance: "10000", available_balance: "10000", unrealized_pnl: "0",
  total_equity: "10001.5", open_positions: positions, pending_orders: orders,
});

let id = 0;
const message = (type: Message["type"], data: unknown, symbol: string | null = "BTCUSDT"): Message =>
  ({ id: ++id, type, session_id: "s", symbol, timestamp: 5 * STEP, data }) as Message;

const model = (change: Partial<Model> = {}): Model => ({
  ...INITIAL, symbol: "BTCUSDT", series: series(0, 3), portfolio: portfolio(), ...change,
});

describe("candles", () => {
  it("grow at the end without a redraw", () => {
    const next = mergeCandles(series(0, 3), [candle(3, 1, false), candle(3, 2), candle(4)]);
    expect(next.candles.map((c) => c.close)).toEqual([100, 101, 102, 2, 104]);
    expect(next.epoch).toBe(1);
  });

  it("never open again, and stay the same object when nothing changes", () => {
    const before = series(0, 3);
    expect(mergeCandles(before, [candle(2, 7, false)])).toBe(before);
  });

  it("are corrected or filled in with a redraw, and ignored when older than all", () => {
    const gap: Series = { ...series(1, 3), candles: [candle(1), candle(3)] };
    const filled = mergeCandles(gap, [candle(2), candle(0)]);
    expect(filled.candles.map((c) => c.time / STEP)).toEqual([1, 2, 3]);
    expect(filled.epoch).toBe(2);
    expect(mergeCandles(series(0, 3), [candle(1, 55)]).epoch).toBe(2);
  });

  it("are bounded", () => {
    const next = mergeCandles(series(0, MAX_CANDLES), [candle(MAX_CANDLES)]);
    expect(next.candles.length).toBeLessThan(MAX_CANDLES);
    expect(next.candles.at(-1)?.time).toBe(MAX_CANDLES * STEP);
    expect(next.epoch).toBe(2);
  });

  it("take older history in front, once, and know when there is no more", () => {
    const older = { symbol: "BTCUSDT", timeframe: "15m", candles: series(0, 6).candles.slice(), zones: [], markers: [] };
    const next = prependHistory(model({ series: series(4, 8) }), older);
    expect(next.series.candles.map((c) => c.time / STEP)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(prependHistory(next, older).series.complete).toBe(true);
    expect(prependHistory(next, { ...older, symbol: "ETHUSDT" })).toBe(next);
  });
});

describe("messages", () => {
  it("of one frame are applied together and in order", () => {
    const next = applyMessages(model(), [
      message("market_data", { candle: candle(3, 1, false) }),
      message("market_data", { candle: candle(3, 9, true) }),
      message("zone_update", { zones: [zone("a")] }),
      message("zone_update", { zones: [zone("a", 4), zone("b")] }),
      message("marker", marker(STEP, 1)),
    ]);
    expect(next.series.candles.at(-1)?.close).toBe(9);
    expect(next.zones.get("a")?.ended_time).toBe(4);
    expect(next.zones.size).toBe(2);
    expect(next.markers).toHaveLength(1);
  });

  it("of another symbol leave the chart alone", () => {
    const before = model();
    const next = applyMessages(before, [
      message("market_data", { candle: candle(9) }, "ETHUSDT"),
      message("zone_update", { zones: [zone("x")] }, "ETHUSDT"),
    ]);
    expect(next).toBe(before);
  });

  it("keep orders and positions", () => {
    let next = applyMessages(model(), [
      message("order_created", order("o")),
      message("position_update", position("p")),
    ]);
    expect(next.portfolio?.pending_orders).toHaveLength(1);
    expect(next.portfolio?.open_positions).toHaveLength(1);
    next = applyMessages(next, [
      message("order_updated", order("o", "filled")),
      message("position_update", position("p", "0", "closed")),
    ]);
    expect(next.portfolio?.pending_orders).toEqual([]);
    expect(next.portfolio?.open_positions).toEqual([]);
  });

  it("of a closed trade remove its position and count it", () => {
    const next = applyMessages(model({ portfolio: portfolio([position("p")]) }), [
      message("position_closed", { id: "t", position_id: "p", symbol: "BTCUSDT", pnl: "1" }),
    ]);
    expect(next.portfolio?.open_positions).toEqual([]);
    expect(next.trades).toBe(1);
  });

  it("of the account extend the equity curve", () => {
    const next = applyMessages(model(), [message("account_update", portfolio(), null)]);
    expect(next.equity).toEqual([{ time: 5 * STEP, equity: 10001.5 }]);
  });

  it("of decisions are kept once, newest first", () => {
    const decision = (seq: number): unknown => ({ seq, time: 0, symbol: "", kind: "signal", text: "", reasons: [], level: "info" });
    const next = applyMessages(model(), [1, 3, 2, 3].map((n) => message("decision", decision(n))));
    expect(next.decisions.map((d) => d.seq)).toEqual([3, 2, 1]);
  });

  it("show a pending signal until it is decided", () => {
    const signal = (status: string): Message => message("signal_generated", { id: "s", status, symbol: "BTCUSDT" });
    const waiting = applyMessages(model(), [signal("pending")]);
    expect(waiting.signals).toHaveLength(1);
    expect(applyMessages(waiting, [signal("executed")]).signals).toEqual([]);
  });

  it("change the state of their own symbol only", () => {
    const start = model({ status: { state: "SCANNING" } as Model["status"] });
    const change = { from_state: "SCANNING", to_state: "HALTED", reason: "x", order_id: null, position_id: null };
    expect(applyMessages(start, [message("state_change", change, "ETHUSDT")]).status?.state).toBe("SCANNING");
    expect(applyMessages(start, [message("state_change", change)]).status?.state).toBe("HALTED");
  });

  it("of risk become a toast", () => {
    const alert = { alert_id: "1", severity: "CRITICAL", alert_type: "x", message: "Margin is low.", details: null };
    expect(applyMessages(model(), [message("risk_alert", alert)]).toasts[0]).toMatchObject({ level: "bad", text: "Margin is low." });
  });
});

describe("lists", () => {
  it("of markers are in order and without doubles", () => {
    const list = mergeMarkers([marker(2, 1)], [marker(1, 2), marker(2, 1), marker(2, 1, "exit")]);
    expect(list.map((m) => [m.time, m.kind])).toEqual([[1, "entry"], [2, "entry"], [2, "exit"]]);
  });

  it("of zones lose the oldest ended ones when long, never a living one", () => {
    const ended = Array.from({ length: MAX_ZONES }, (_, i) => zone(`e${i}`, i));
    const next = mergeZones(new Map(), [zone("living"), ...ended]);
    expect(next.size).toBeLessThan(MAX_ZONES);
    expect(next.has("living")).toBe(true);
    expect([next.has("e0"), next.has(`e${MAX_ZONES - 1}`)]).toEqual([false, true]);
  });

  it("of equity are replaced at the same time and thinned when long", () => {
    let points = growEquity([{ time: 1, equity: 1 }], { time: 1, equity: 2 });
    expect(points).toEqual([{ time: 1, equity: 2 }]);
    for (let i = 2; i < 5000; i += 1) points = growEquity(points, { time: i, equity: i });
    expect(points.length).toBeLessThanOrEqual(601);
    expect(points.at(-1)).toEqual({ time: 4999, equity: 4999 });
    expect(growEquity(points, { time: 9999, equity: Number.NaN })).toBe(points);
  });

  it("of toasts do not repeat one", () => {
    const toast = { level: "bad", title: "a", text: "b" } as const;
    expect(addToast(addToast(model(), toast), toast).toasts).toHaveLength(1);
  });
});

it("the day's change counts from 00:00 UTC", () => {
  const day = 86_400_000;
  const points = [
    { time: day - 3, equity: 90 },
    { time: day, equity: 100 },
    { time: day + 5, equity: 107 },
  ];
  expect(dayChange(points, 108)).toBe(8);
  expect(dayChange([{ time: day - 10, equity: 90 }, { time: day + 10, equity: 100 }], 100)).toBe(5);
  expect(dayChange([{ time: day + 10, equity: 100 }], 101)).toBe(1);
  expect(dayChange([], 1)).toBeNaN();
});

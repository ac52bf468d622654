import { describe, expect, it } from "vitest";
import {
  addToast,
  applyMessages,
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
import type { Candle, LogEntry, Marker, Message, Order, Position, Trade, Zone } from "../src/data/types";
import { all, but, first, recorded } from "./recorded";

const STEP = 900_000;
const { history, portfolio, status } = recorded;
const bar = history.candles[0] as Candle;

const candle = (i: number, close = 100 + i, is_closed = true): Candle => but(bar, { time: i * STEP, close, is_closed });

const series = (from: number, to: number): Series => ({
  symbol: status.symbol,
  timeframe: status.timeframe,
  candles: Array.from({ length: to - from }, (_, i) => candle(from + i)),
  epoch: 1,
  complete: false,
});

const marker = (time: number, decision: number, kind = "entry"): Marker =>
  but(first("marker").data, { time, decision, kind });

const zone = (id: string, ended_ts: number | null = null): Zone => but(history.zones[0] as Zone, { id, ended_ts });

let id = 0;
/** A recorded message of this kind with other data. */
function message<K extends Message["type"]>(type: K, data: Extract<Message, { type: K }>["data"], symbol?: string | null): Message {
  id += 1;
  const one = first(type);
  return { ...one, id, data, symbol: symbol === undefined ? one.symbol : symbol } as Message;
}

const model = (change: Partial<Model> = {}): Model => ({
  ...INITIAL,
  session: status.session_id,
  symbol: status.symbol,
  status,
  series: series(0, 3),
  portfolio: but(portfolio, { open_positions: [], pending_orders: [] }),
  ...change,
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
    const older = but(history, { candles: series(0, 6).candles.slice() });
    const next = prependHistory(model({ series: series(4, 8) }), older);
    expect(next.series.candles.map((c) => c.time / STEP)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(prependHistory(next, older).series.complete).toBe(true);
    expect(prependHistory(next, { ...older, symbol: "ETHUSDT" })).toBe(next);
  });
});

const market = (candle: Candle, symbol?: string): Message =>
  message("market_data", but(first("market_data").data, { candle }), symbol);

describe("messages", () => {
  it("of one frame are applied together and in order", () => {
    const next = applyMessages(model(), [
      market(candle(3, 1, false)),
      market(candle(3, 9, true)),
      message("zone_update", { zones: [zone("a")] }),
      message("zone_update", { zones: [zone("a", 4), zone("b")] }),
      message("marker", marker(STEP, 1)),
    ]);
    expect(next.series.candles.at(-1)?.close).toBe(9);
    expect(next.zones.get("a")?.ended_ts).toBe(4);
    expect(next.zones.size).toBe(2);
    expect(next.markers).toHaveLength(1);
  });

  it("of another symbol leave the chart alone", () => {
    const before = model();
    const next = applyMessages(before, [
      market(candle(9), "ETHUSDT"),
      message("zone_update", { zones: [zone("x")] }, "ETHUSDT"),
    ]);
    expect(next).toBe(before);
  });

  it("of another session leave everything alone", () => {
    const before = model({ session: "another" });
    expect(applyMessages(before, recorded.messages)).toBe(before);
  });

  it("of a whole recorded trade open a position with its orders, close it, and say so once", () => {
    const kinds = new Set(["order_created", "order_updated", "position_update", "position_closed"]);
    const trade = recorded.messages.filter((one) => kinds.has(one.type));
    const closed = trade.findIndex((one) => one.type === "position_closed");
    const during = applyMessages(model(), trade.slice(0, trade.findIndex((one) => one.type === "position_update") + 1));
    expect(during.portfolio?.open_positions).toHaveLength(1);
    expect(during.portfolio?.pending_orders.length).toBeGreaterThan(0);
    const after = applyMessages(during, trade.slice(closed));
    expect(closed).toBeGreaterThan(0);
    expect(after.portfolio?.open_positions).toEqual([]);
    expect(after.trades).toBe(1);
  });

  it("keep orders while they work, and positions while they are open", () => {
    const order = portfolio.pending_orders[0] as Order;
    const position = portfolio.open_positions[0] as Position;
    const before = applyMessages(model(), [message("order_created", order), message("position_update", position)]);
    expect(before.portfolio?.pending_orders).toEqual([order]);
    const partly = applyMessages(before, [message("order_updated", but(order, { status: "partially_filled" }))]);
    expect(partly.portfolio?.pending_orders).toHaveLength(1);
    const after = applyMessages(before, [
      message("order_updated", but(order, { status: "expired" })),
      message("position_update", but(position, { status: "closed" })),
    ]);
    expect([after.portfolio?.pending_orders, after.portfolio?.open_positions]).toEqual([[], []]);
  });

  it("of a closed trade remove its position and count it", () => {
    const position = portfolio.open_positions[0] as Position;
    const trade: Trade = but(first("position_closed").data, { position_id: position.id });
    const next = applyMessages(model({ portfolio }), [message("position_closed", trade)]);
    expect(next.portfolio?.open_positions).toEqual([]);
    expect(next.trades).toBe(1);
  });

  it("of the account extend the equity curve at their own market time", () => {
    const [account] = all("account_update");
    if (!account) throw new Error("No account was recorded.");
    const next = applyMessages(model(), [account]);
    expect(next.equity).toEqual([{ time: account.data.time, equity: Number(account.data.total_equity) }]);
    expect(next.portfolio).toBe(account.data);
  });

  it("of decisions are kept once, newest first", () => {
    const said = (seq: number): LogEntry => but(first("decision").data, { seq });
    const next = applyMessages(model(), [1, 3, 2, 3].map((n) => message("decision", said(n))));
    expect(next.decisions.map((d) => d.seq)).toEqual([3, 2, 1]);
  });

  it("show a pending signal until it is decided", () => {
    const signal = (status: string): Message => message("signal_generated", but(first("signal_generated").data, { status }));
    const waiting = applyMessages(model(), [signal("pending")]);
    expect(waiting.signals).toHaveLength(1);
    expect(applyMessages(waiting, [signal("executed")]).signals).toEqual([]);
  });

  it("change the state of their own symbol only", () => {
    const change = but(first("state_change").data, { to_state: "COOLDOWN" });
    expect(applyMessages(model(), [message("state_change", change, "ETHUSDT")]).status?.state).toBe(status.state);
    expect(applyMessages(model(), [message("state_change", change)]).status?.state).toBe("COOLDOWN");
  });
});

describe("toasts", () => {
  const alert = first("risk_alert");
  const killed = first("error");

  it("of a halt are one, with the reason that a person gave, whatever comes first", () => {
    const [halt, ...rest] = applyMessages(model(), [alert, killed]).toasts;
    expect(halt).toMatchObject({ level: "bad", title: "Trading is halted", text: "The kill switch: I saw something" });
    expect(rest).toEqual([]);
    expect(applyMessages(model(), [killed, alert]).toasts.map((t) => t.text)).toEqual([halt?.text]);
  });

  it("of a halt by a limit say which limit", () => {
    const limit = message("risk_alert", but(alert.data, { alert_type: "daily_loss", message: "Halted, too much." }));
    const symbols = [limit, message("risk_alert", but(alert.data, { symbol: "ETHUSDT" }))];
    expect(applyMessages(model(), symbols).toasts.map((t) => t.text)).toEqual(["Halted, too much."]);
  });

  it("of smaller risks have their level; of notes there are none", () => {
    const levels = ["WARNING", "INFO"].map(
      (severity) => applyMessages(model(), [message("risk_alert", but(alert.data, { severity }))]).toasts[0]?.level,
    );
    expect(levels).toEqual(["warn", "info"]);
    const note = message("error", but(killed.data, { code: "feed_gap", severity: "WARNING" }));
    expect(applyMessages(model(), [note]).toasts).toEqual([]);
  });

  it("do not repeat one", () => {
    const toast = { level: "bad", title: "a", text: "b" } as const;
    expect(addToast(addToast(model(), toast), toast).toasts).toHaveLength(1);
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
});

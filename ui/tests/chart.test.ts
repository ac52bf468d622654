import { describe, expect, it } from "vitest";
import { findIndicators, indicatorLabel, isOverlay, shownAtFirst } from "../src/chart/indicators";
import { levels, seriesMarkers, tradeLines } from "../src/chart/marks";
import type { Palette } from "../src/chart/palette";
import type { Candle, Marker, Order, Position } from "../src/data/types";
import { sparkShape } from "../src/parts/Spark";
import { but, first, recorded } from "./recorded";

const candle = (time: number, indicators: Candle["indicators"] = {}): Candle =>
  but(recorded.history.candles[0] as Candle, { time, close: 100, indicators });
const palette = { up: "#0f0", down: "#f00", text: "#999", faint: "#555", signal: "#ff0" } as Palette;
const marker = (change: Partial<Marker>): Marker =>
  but(first("marker").data, { time: 1000, kind: "entry", side: "buy", price: 100, decision: 1, ...change });

describe("indicators", () => {
  const candles = [candle(0, { rsi14: 50, mine: 101, spread: 3, ema200: null, ema20: 100 })];

  it("lie over the price by name or by value", () => {
    expect(isOverlay("ema20", candles)).toBe(true);
    expect(isOverlay("rsi14", [candle(0, { rsi14: 100 })])).toBe(false);
    expect(isOverlay("mine", candles)).toBe(true);
    expect(isOverlay("spread", candles)).toBe(false);
  });

  it("are listed overlays first, in the order of their numbers", () => {
    const found = findIndicators(candles);
    expect(found.map((i) => i.name)).toEqual(["ema20", "ema200", "mine", "rsi14", "spread"]);
    expect(found.filter(shownAtFirst).map((i) => i.name)).toEqual(["ema20", "ema200"]);
  });

  it("have readable names", () => {
    expect(["ema20", "bb_upper", "vwap", "macd"].map(indicatorLabel)).toEqual(["EMA 20", "BB upper", "VWAP", "MACD"]);
  });
});

describe("markers", () => {
  const candles = [candle(0), candle(60_000), candle(120_000)];

  it("sit on the candle that holds them, and show an entry instead of its signal", () => {
    const list = [
      marker({ time: 60_500 }),
      marker({ time: 60_000, kind: "signal" }),
      marker({ time: 120_000, kind: "exit", side: "sell", price: 102 }),
      marker({ time: 60_000, kind: "signal", decision: 2 }),
    ];
    expect(seriesMarkers(list, candles, palette).map((m) => [m.time, m.shape, m.text])).toEqual([
      [60, "arrowUp", "Long"],
      [60, "circle", undefined],
      [120, "square", "+2.00%"],
    ]);
  });

  it("are left out when older than the history", () => {
    expect(seriesMarkers([marker({ time: -5 })], candles, palette)).toEqual([]);
  });

  it("connect entry and exit of one decision", () => {
    const short = marker({ side: "sell", price: 100 });
    const lines = tradeLines([short, marker({ kind: "exit", time: 9, price: 103 }), marker({ kind: "exit", decision: 7 })]);
    expect(lines).toEqual([{ fromTime: 1000, fromPrice: 100, toTime: 9, toPrice: 103, good: false }]);
  });
});

it("levels are those of the symbol's position and entry order, without filled targets", () => {
  const { portfolio } = recorded;
  const known = portfolio.open_positions[0] as Position;
  const order = portfolio.pending_orders[0] as Order;
  const positions = [
    but(known, {
      symbol: "BTCUSDT", side: "LONG", entry_price: "100", stop_loss: "98",
      take_profits: [{ price: "102", quantity: "1", filled: true }, { price: "104", quantity: "1", filled: false }],
    }),
    but(known, { id: "q", symbol: "ETHUSDT" }),
  ];
  const orders = [
    but(order, { order_id: "o", symbol: "BTCUSDT", leg: "entry", side: "buy", price: null, trigger_price: "101" }),
    but(order, { order_id: "s", symbol: "BTCUSDT", leg: "stop", price: null, trigger_price: "98" }),
  ];
  const shown = but(portfolio, { open_positions: positions, pending_orders: orders });
  expect(levels(shown, "BTCUSDT", palette).map((l) => [l.title, l.price])).toEqual([
    ["Long", 100],
    ["Stop", 98],
    ["TP2", 104],
    ["Buy", 101],
  ]);
  expect(levels(null, "BTCUSDT", palette)).toEqual([]);
  const sleeves = but(portfolio, {
    open_positions: [but(known, { symbol: "BTCUSDT", sleeve: "fast", entry_price: "100", stop_loss: null, take_profits: [] }),
      but(known, { symbol: "BTCUSDT", sleeve: "slow", entry_price: "90", stop_loss: null, take_profits: [] })],
    pending_orders: [but(orders[0] as Order, { sleeve: "fast" })],
  });
  expect(levels(sleeves, "BTCUSDT:slow", palette).map((l) => l.price)).toContain(90);
  expect(levels(sleeves, "BTCUSDT:slow", palette).map((l) => l.price)).not.toContain(100);
  expect(levels(sleeves, "BTCUSDT:fast", palette).map((l) => l.title)).toContain("Buy");
});

describe("the equity curve", () => {
  it("needs two points and fills its box", () => {
    expect(sparkShape([{ time: 1, equity: 1 }], 10, 10)).toBeNull();
    const rising = [{ time: 1, equity: 1 }, { time: 5, equity: 3 }];
    expect(sparkShape(rising, 100, 26)).toMatchObject({ line: "M0.0 23.0L100.0 3.0", rising: true });
    const flat = [{ time: 1, equity: 2 }, { time: 5, equity: 2 }];
    expect(sparkShape(flat, 100, 26)?.line).toBe("M0.0 23.0L100.0 23.0");
  });

  it("stands at its times, not at its places in the list", () => {
    const curve = [{ time: 0, equity: 1 }, { time: 90, equity: 2 }, { time: 100, equity: 1 }];
    expect(sparkShape(curve, 100, 26)?.line).toBe("M0.0 23.0L90.0 3.0L100.0 23.0");
    expect(sparkShape(recorded.equity.points, 100, 26)).not.toBeNull();
  });
});

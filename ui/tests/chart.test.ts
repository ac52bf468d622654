import { describe, expect, it } from "vitest";
import { findIndicators, indicatorLabel, isOverlay, shownAtFirst } from "../src/chart/indicators";
import { levels, seriesMarkers, tradeLines } from "../src/chart/marks";
import type { Palette } from "../src/chart/palette";
import type { Candle, Marker, Portfolio } from "../src/data/types";
import { sparkShape } from "../src/parts/Spark";

const candle = (time: number, indicators: Candle["indicators"] = {}): Candle => ({
  time, open: 100, high: 101, low: 99, close: 100, volume: 1, is_closed: true, indicators,
});
const palette = { up: "#0f0", down: "#f00", text: "#999", faint: "#555", signal: "#ff0" } as Palette;
const marker = (change: Partial<Marker>): Marker => ({
  time: 1000, kind: "entry", side: "buy", price: 100, text: "Bought", decision: 1, ...change,
});

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
  const portfolio = {
    open_positions: [
      {
        id: "p", symbol: "BTCUSDT", side: "LONG", entry_price: "100", stop_loss: "98", liquidation_price: null,
        take_profits: [{ price: "102", quantity: "1", filled: true }, { price: "104", quantity: "1", filled: false }],
      },
      { id: "q", symbol: "ETHUSDT", side: "LONG", entry_price: "1", stop_loss: null, liquidation_price: null, take_profits: [] },
    ],
    pending_orders: [
      { order_id: "o", symbol: "BTCUSDT", leg: "entry", side: "buy", price: null, trigger_price: "101" },
      { order_id: "s", symbol: "BTCUSDT", leg: "stop", side: "sell", price: null, trigger_price: "98" },
    ],
  } as unknown as Portfolio;
  expect(levels(portfolio, "BTCUSDT", palette).map((l) => [l.title, l.price])).toEqual([
    ["Long", 100],
    ["Stop", 98],
    ["TP2", 104],
    ["Buy", 101],
  ]);
  expect(levels(null, "BTCUSDT", palette)).toEqual([]);
});

it("a spark needs two values and fills its box", () => {
  expect(sparkShape([1], 10, 10)).toBeNull();
  expect(sparkShape([1, 3], 100, 26)).toMatchObject({ line: "M0.0 23.0L100.0 3.0", rising: true });
  expect(sparkShape([2, 2], 100, 26)?.line).toBe("M0.0 23.0L100.0 23.0");
});

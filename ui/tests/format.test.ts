import { describe, expect, it } from "vitest";
import {
  DASH,
  distancePercent,
  formatClock,
  formatCompact,
  formatDuration,
  formatMoney,
  formatPercent,
  formatPrice,
  formatQuantity,
  formatTime,
  num,
  pair,
  pricePrecision,
  rowName,
  shortId,
  tone,
  words,
} from "../src/lib/format";

describe("numbers", () => {
  it("reads exact decimals and refuses what is none", () => {
    expect(num("12.50")).toBe(12.5);
    expect(num("")).toBeNaN();
    expect(num(null)).toBeNaN();
  });

  it("finds the decimals of prices without float noise", () => {
    expect(pricePrecision([43250.1, 43250])).toBe(1);
    expect(pricePrecision([0.1 + 0.2])).toBe(1);
    expect(pricePrecision(["87690.10"])).toBe(2);
    expect(pricePrecision([1e-9])).toBe(8);
    expect(pricePrecision([Number.NaN, null, undefined])).toBe(0);
  });

  it("writes money with a true minus and no minus zero", () => {
    expect(formatMoney("-1234.5")).toBe("−1,234.50");
    expect(formatMoney(12, true)).toBe("+12.00");
    expect(formatMoney(-0.001, true)).toBe("0.00");
    expect(formatMoney("abc")).toBe(DASH);
  });

  it("writes prices, percents, quantities and volumes", () => {
    expect(formatPrice(64250, 1)).toBe("64,250.0");
    expect(formatPercent(0.4, true)).toBe("+0.40%");
    expect(formatPercent(null)).toBe(DASH);
    expect(formatQuantity("0.01100000")).toBe("0.011");
    expect(formatCompact(1_234_567)).toBe("1.23M");
    expect(formatCompact(999)).toBe("999");
  });

  it("tells the tone and the distance", () => {
    expect([tone("1"), tone("-1"), tone("0"), tone(null)]).toEqual(["up", "down", "flat", "flat"]);
    expect(distancePercent("100", 97)).toBeCloseTo(-3);
    expect(distancePercent(null, 97)).toBeNaN();
  });
});

describe("times", () => {
  const at = Date.UTC(2026, 2, 14, 9, 5, 7);

  it("are UTC", () => {
    expect(formatTime(at)).toBe("14 Mar 09:05");
    expect(formatTime("2026-03-14T09:05:07Z")).toBe("14 Mar 09:05");
    expect(formatClock(at, true)).toBe("09:05:07");
    expect(formatTime(null)).toBe(DASH);
    expect(formatTime(0)).toBe(DASH); // before the first candle
  });

  it("have lengths", () => {
    expect(formatDuration(30_000)).toBe("30s");
    expect(formatDuration(61 * 60_000)).toBe("1h 1m");
    expect(formatDuration(3 * 86_400_000)).toBe("3d 0h");
    expect(formatDuration(-1)).toBe(DASH);
  });
});

describe("names", () => {
  it("become words and pairs", () => {
    expect(words("max_open_positions")).toBe("Max open positions");
    expect(shortId("5f0c2b7e-91aa-4c0e-8a57-2d3c6f1e7b90")).toBe("5f0c2b7e");
    expect(shortId("20260101-000000")).toBe("20260101-000000");
    expect(pair("BTCUSDT")).toBe("BTC/USDT");
    expect(pair("WHAT")).toBe("WHAT");
    expect(pair(rowName({ symbol: "BTCUSDT", sleeve: "fast" }))).toBe("BTC/USDT · fast");
    expect(pair(rowName({ symbol: "BTCUSDT", sleeve: "" }))).toBe("BTC/USDT");
    expect(pair("BTC/USDT:USDT")).toBe("BTC/USDT:USDT"); // a market of that name, no row
  });
});

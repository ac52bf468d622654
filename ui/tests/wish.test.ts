import { describe, expect, it } from "vitest";
import { wanted, type Wish } from "../src/parts/wish";

const nothing: Wish = { strategy: "", symbols: "", timeframe: "", source: "", mode: "", account: "", balance: "", parameters: "" };
const wish = (change: Partial<Wish>): ReturnType<typeof wanted> => wanted({ ...nothing, ...change });

describe("a new session", () => {
  it("inherits what was not said", () => {
    expect(wish({})).toEqual({ body: {} });
    expect(wish({ strategy: " ema_cross ", account: "second" })).toEqual({
      body: { strategy: "ema_cross", account: "second" },
    });
  });

  it("is told symbols and parameters as people write them", () => {
    expect(wish({ symbols: "btcusdt, ETHUSDT" })).toEqual({ body: { symbols: ["BTCUSDT", "ETHUSDT"] } });
    expect(wish({ parameters: "fast=9, slow=21.5" })).toEqual({ body: { parameters: { fast: 9, slow: 21.5 } } });
    expect(wish({ balance: "2500,5" })).toEqual({ body: { balance: 2500.5 } });
  });

  it("is refused in a sentence where that makes no sense", () => {
    expect(wish({ balance: "much", parameters: "fast" })).toEqual({
      errors: {
        balance: "The balance must be a number above 0.",
        parameters: "Parameters are written as name=value, with numbers.",
      },
    });
  });
});

import { describe, expect, it } from "vitest";
import { chosenZones, nearestZones, zoneBox, zoneLabel, type Projection } from "../src/chart/geometry";
import type { Candle, Zone } from "../src/data/types";
import { but, recorded } from "./recorded";

const STEP = 60_000;
const bar = recorded.history.candles[0] as Candle;
const candles = Array.from({ length: 10 }, (_, i) => but(bar, { time: (100 + i) * STEP }));

const zone = (change: Partial<Zone> = {}): Zone =>
  but(recorded.history.zones[0] as Zone, {
    kind: "OB",
    side: "DEMAND",
    price_lo: 40,
    price_hi: 60,
    created_ts: 102 * STEP,
    ended_ts: null,
    filled_percent: 0,
    valid: true,
    ...change,
  });

/** Ten pixels a bar, price 0..100 from bottom to top. */
const view: Projection = { x: (i) => i * 10 + 5, y: (p) => 100 - p, barWidth: 10, width: 200, height: 100 };

describe("zoneBox", () => {
  it("runs from the bar where the zone formed to the right edge", () => {
    expect(zoneBox(zone(), candles, view)).toEqual({ left: 20, top: 40, width: 180, height: 20, startsHere: true, open: true });
  });

  it("ends with the bar where the zone ended", () => {
    const box = zoneBox(zone({ ended_ts: 105 * STEP }), candles, view);
    expect(box).toMatchObject({ left: 20, width: 40, open: false });
  });

  it("begins at the left edge for a zone older than the history", () => {
    expect(zoneBox(zone({ created_ts: 3 * STEP }), candles, view)).toMatchObject({ left: 0, startsHere: false });
  });

  it("stays visible when the price range is thinner than a pixel", () => {
    expect(zoneBox(zone({ price_lo: 50, price_hi: 50 }), candles, view)).toMatchObject({ top: 49, height: 2 });
  });

  it("is nothing off the screen, without candles, or with a broken range", () => {
    const scrolled = { ...view, x: (i: number) => i * 10 - 500 };
    expect(zoneBox(zone({ ended_ts: 105 * STEP }), candles, scrolled)).toBeNull();
    expect(zoneBox(zone({ price_lo: 200, price_hi: 300 }), candles, view)).toBeNull();
    expect(zoneBox(zone(), [], view)).toBeNull();
    expect(zoneBox(zone({ price_lo: 61 }), candles, view)).toBeNull();
    expect(zoneBox(zone(), candles, { ...view, y: () => null })).toBeNull();
  });
});

describe("which zones", () => {
  const all = { OB: true, FVG: true, BREAKER: true };
  const list = [zone({ id: "a" }), zone({ id: "b", kind: "FVG" }), zone({ id: "c", ended_ts: 1, valid: false })];

  it("ended ones come first, so that they lie below", () => {
    expect(chosenZones(list, { kinds: all, ended: true }).map((z) => z.id)).toEqual(["c", "a", "b"]);
  });

  it("can be switched off by kind and by life", () => {
    expect(chosenZones(list, { kinds: { ...all, OB: false }, ended: false }).map((z) => z.id)).toEqual(["b"]);
  });

  it("the nearest are listed from above to below", () => {
    const at = (id: string, price_lo: number, price_hi: number): Zone => zone({ id, price_lo, price_hi });
    const near = nearestZones([at("far", 90, 95), at("up", 60, 65), at("in", 45, 55), at("down", 10, 20)], 50, 1);
    expect(near.map((n) => [n.zone.id, n.edge])).toEqual([["up", 60], ["in", 50]]);
  });

  it("are named", () => {
    expect(zoneLabel(zone())).toBe("OB ↑");
    expect(zoneLabel(zone({ kind: "FVG", side: "SUPPLY", filled_percent: 41.6 }))).toBe("FVG ↓ 42%");
    expect(zoneLabel(zone({ kind: "BREAKER", filled_percent: 41.6 }))).toBe("Breaker ↑");
  });
});

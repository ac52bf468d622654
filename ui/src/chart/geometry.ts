/** Where a zone lies on the screen. Pure, so that it can be tested without a canvas. */
import { indexAt } from "../data/model";
import type { Candle, Zone } from "../data/types";

/** How the chart maps bars and prices to pixels. */
export interface Projection {
  /** Bar number (may be outside of the screen) → x of its middle. */
  x: (index: number) => number | null;
  y: (price: number) => number | null;
  barWidth: number;
  width: number;
  height: number;
}

export interface Box {
  left: number;
  top: number;
  width: number;
  height: number;
  /** The box begins where the zone formed, not where the screen or the history does. */
  startsHere: boolean;
  /** It runs on to the right edge. */
  open: boolean;
}

const THINNEST = 2;

/** The zone's box in pixels, or null when no part of it is on the screen. */
export function zoneBox(zone: Zone, candles: readonly Candle[], view: Projection): Box | null {
  const first = candles[0];
  if (!first || !(zone.price_hi >= zone.price_lo)) return null;
  const from = view.x(indexAt(candles, zone.created_ts));
  const open = zone.ended_ts === null;
  const to = zone.ended_ts === null ? view.width : view.x(indexAt(candles, zone.ended_ts));
  const high = view.y(zone.price_hi);
  const low = view.y(zone.price_lo);
  if (from === null || to === null || high === null || low === null) return null;
  const half = view.barWidth / 2;
  const left = Math.max(from - half, 0);
  const right = Math.min(open ? to : Math.max(to + half, from + half), view.width);
  let top = Math.min(high, low);
  let height = Math.abs(low - high);
  if (height < THINNEST) {
    top -= (THINNEST - height) / 2;
    height = THINNEST;
  }
  if (right <= left || top > view.height || top + height < 0) return null;
  const startsHere = zone.created_ts >= first.time && from - half >= 0;
  return { left, top, width: right - left, height, startsHere, open };
}

/** "OB", "FVG", or "Breaker", and how far a gap is filled. */
export function zoneLabel(zone: Zone): string {
  const name = zone.kind === "BREAKER" ? "Breaker" : zone.kind;
  const filled = zone.kind === "FVG" && filledOf(zone) >= 1 ? ` ${filledOf(zone)}%` : "";
  return `${name}${zone.side === "DEMAND" ? " ↑" : " ↓"}${filled}`;
}

function filledOf(zone: Zone): number {
  return Math.round(Math.min(100, Math.max(0, zone.filled_percent)));
}

export interface ZoneFilter {
  kinds: Readonly<Record<string, boolean>>;
  ended: boolean;
}

/** The zones to draw: ended ones first, so that living ones lie above them. */
export function chosenZones(zones: Iterable<Zone>, filter: ZoneFilter): Zone[] {
  const chosen = [...zones].filter((zone) => filter.kinds[zone.kind] !== false && (filter.ended || zone.ended_ts === null));
  return chosen.sort((a, b) => Number(a.ended_ts === null) - Number(b.ended_ts === null));
}

export interface NearZone {
  zone: Zone;
  /** The edge that the price would reach first; the price itself when it is inside. */
  edge: number;
}

/** Up to `each` living zones above and below the price, from the highest down. */
export function nearestZones(zones: Iterable<Zone>, price: number, each: number): NearZone[] {
  const living = [...zones]
    .filter((zone) => zone.ended_ts === null && zone.valid)
    .map((zone) => ({ zone, edge: Math.min(Math.max(price, zone.price_lo), zone.price_hi) }));
  const above = living.filter((near) => near.edge > price).sort((a, b) => a.edge - b.edge);
  const below = living.filter((near) => near.edge <= price).sort((a, b) => b.edge - a.edge);
  return [...above.slice(0, each).reverse(), ...below.slice(0, each)];
}

/** The chart's colours, read from the page's CSS variables, so that both themes have one source. */
import type { Zone } from "../data/types";

export interface Palette {
  background: string;
  text: string;
  faint: string;
  grid: string;
  border: string;
  cross: string;
  up: string;
  down: string;
  volumeUp: string;
  volumeDown: string;
  entry: string;
  stop: string;
  target: string;
  liquidation: string;
  pending: string;
  signal: string;
  indicators: string[];
  zones: Record<ZoneName, string>;
  font: string;
}

export function readPalette(element: HTMLElement = document.documentElement): Palette {
  const style = getComputedStyle(element);
  const get = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  return {
    background: get("surface"),
    text: get("muted"),
    faint: get("faint"),
    grid: get("grid"),
    border: get("line"),
    cross: get("cross"),
    up: get("candle-up"),
    down: get("candle-down"),
    volumeUp: get("volume-up"),
    volumeDown: get("volume-down"),
    entry: get("accent"),
    stop: get("candle-down"),
    target: get("candle-up"),
    liquidation: get("liquidation"),
    pending: get("paper"),
    signal: get("signal"),
    indicators: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => get(`ind-${i}`)),
    zones: Object.fromEntries(ZONE_NAMES.map((name) => [name, get(`zone-${name}`)])) as Record<ZoneName, string>,
    font: getComputedStyle(document.body).fontFamily,
  };
}

/** `#rrggbb` with an opacity. */
export function alpha(hex: string, opacity: number): string {
  const value = Number.parseInt(hex.slice(1), 16);
  return `rgba(${(value >> 16) & 255}, ${(value >> 8) & 255}, ${value & 255}, ${opacity})`;
}

export type ZoneName = "ob-demand" | "ob-supply" | "fvg-demand" | "fvg-supply" | "breaker";
const ZONE_NAMES: readonly ZoneName[] = ["ob-demand", "ob-supply", "fvg-demand", "fvg-supply", "breaker"];

/** The name of a zone's colour. */
export function zoneName(zone: Zone): ZoneName {
  if (zone.kind === "BREAKER") return "breaker";
  return `${zone.kind === "OB" ? "ob" : "fvg"}-${zone.side === "DEMAND" ? "demand" : "supply"}`;
}

export function zoneColor(zone: Zone, palette: Palette): string {
  return palette.zones[zoneName(zone)];
}

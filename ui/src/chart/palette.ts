/** The chart's colours, read from the page's CSS variables, so that both themes have one source. */
import type { Zone } from "../data/types";

/** A variable holds text; what colour that is in this theme shows on an element, on a new one before any transition. */
function get(name: string): string {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

export function readPalette() {
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
    liquidation: get("liquidation"),
    pending: get("paper"),
    signal: get("signal"),
    indicators: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => get(`ind-${i}`)),
    zones: Object.fromEntries(ZONE_NAMES.map((name) => [name, get(`zone-${name}`)])),
    font: getComputedStyle(document.body).fontFamily,
  };
}

export type Palette = ReturnType<typeof readPalette>;

const ZONE_NAMES = ["ob-demand", "ob-supply", "fvg-demand", "fvg-supply", "breaker"] as const;

/** The name of a zone's colour. */
export function zoneName(zone: Zone): (typeof ZONE_NAMES)[number] {
  if (zone.kind === "BREAKER") return "breaker";
  return `${zone.kind === "OB" ? "ob" : "fvg"}-${zone.side === "DEMAND" ? "demand" : "supply"}`;
}

export const zoneColor = (zone: Zone, palette: Palette): string => palette.zones[zoneName(zone)] ?? palette.text;

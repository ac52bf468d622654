/** Markers and price lines: what the strategy did, and where its open position stands. */
import { LineStyle, type SeriesMarker, type Time, type UTCTimestamp } from "lightweight-charts";
import { indexAt } from "../data/model";
import type { Candle, Marker, Portfolio } from "../data/types";
import { formatPercent, num, rowName } from "../lib/format";
import type { Palette } from "./palette";
import type { TradeLine } from "./zones";

export const seconds = (ms: number): UTCTimestamp => Math.floor(ms / 1000) as UTCTimestamp;

/** The open time of the candle that holds this moment; markers must sit on a candle. */
function barTime(candles: readonly Candle[], time: number): number | null {
  const at = indexAt(candles, time);
  const exact = candles[at];
  if (exact?.time === time) return time;
  return candles[at - 1]?.time ?? null;
}

export function seriesMarkers(
  markers: readonly Marker[],
  candles: readonly Candle[],
  palette: Palette,
): SeriesMarker<Time>[] {
  const entries = new Map(markers.filter((m) => m.kind === "entry").map((m) => [m.decision, m]));
  const rows: SeriesMarker<Time>[] = [];
  for (const marker of markers) {
    // a signal that became an entry is shown by the entry
    if (marker.kind === "signal" && entries.has(marker.decision)) continue;
    const at = barTime(candles, marker.time);
    if (at === null) continue;
    rows.push(oneMarker(marker, entries.get(marker.decision), seconds(at), palette));
  }
  return rows.sort((a, b) => Number(a.time) - Number(b.time));
}

/** The whole sentence is in the legend and the log; on the chart there is room for a word. */
function oneMarker(marker: Marker, entry: Marker | undefined, time: UTCTimestamp, palette: Palette): SeriesMarker<Time> {
  const buy = marker.side === "buy";
  const side = buy ? palette.up : palette.down;
  const position = buy ? "belowBar" : "aboveBar";
  switch (marker.kind) {
    case "entry":
      return { time, position, shape: buy ? "arrowUp" : "arrowDown", color: side, text: buy ? "Long" : "Short", size: 1.2 };
    case "exit": {
      const gain = entry ? gainPercent(entry, marker) : Number.NaN;
      const color = Number.isFinite(gain) ? (gain >= 0 ? palette.up : palette.down) : palette.text;
      const text = Number.isFinite(gain) ? formatPercent(gain, true) : "Exit";
      return { time, position, shape: "square", color, text, size: 0.6 };
    }
    case "signal":
      return { time, position, shape: "circle", color: palette.signal, size: 0.7 };
    default:
      return { time, position, shape: "circle", color: palette.faint, size: 0.5 };
  }
}

/** What the price gained for the trade's side, percent. */
function gainPercent(entry: Marker, exit: Marker): number {
  if (entry.price === null || exit.price === null) return Number.NaN;
  return (exit.price / entry.price - 1) * (entry.side === "buy" ? 100 : -100);
}

/** Entry to exit of each decision whose both ends are known. */
export function tradeLines(markers: readonly Marker[]): TradeLine[] {
  const entries = new Map<number | null, Marker>();
  const lines: TradeLine[] = [];
  for (const marker of markers) {
    if (marker.kind === "entry") entries.set(marker.decision, marker);
    if (marker.kind !== "exit") continue;
    const entry = entries.get(marker.decision);
    if (!entry || entry.price === null || marker.price === null) continue;
    const good = gainPercent(entry, marker) >= 0;
    lines.push({ fromTime: entry.time, fromPrice: entry.price, toTime: marker.time, toPrice: marker.price, good });
  }
  return lines;
}

export interface Level {
  price: number;
  title: string;
  color: string;
  lineStyle: LineStyle;
}

/** The lines of the open position and the waiting entry of one row. */
export function levels(portfolio: Portfolio | null, row: string, palette: Palette): Level[] {
  const list: Level[] = [];
  const add = (at: unknown, title: string, color: string, style: LineStyle): void => {
    const price = num(at);
    if (Number.isFinite(price) && price > 0) list.push({ price, title, color, lineStyle: style });
  };
  for (const position of portfolio?.open_positions ?? []) {
    if (rowName(position) !== row) continue;
    const side = position.side === "LONG" ? "Long" : "Short";
    add(position.entry_price, side, palette.entry, LineStyle.Solid);
    add(position.stop_loss, "Stop", palette.down, LineStyle.Dashed);
    position.take_profits.forEach((target, i) => {
      if (!target.filled) add(target.price, `TP${i + 1}`, palette.up, LineStyle.Dashed);
    });
    add(position.liquidation_price, "Liq.", palette.liquidation, LineStyle.SparseDotted);
  }
  for (const order of portfolio?.pending_orders ?? []) {
    if (rowName(order) !== row || order.leg !== "entry") continue;
    const title = order.side.toLowerCase() === "buy" ? "Buy" : "Sell";
    add(num(order.price) > 0 ? order.price : order.trigger_price, title, palette.pending, LineStyle.Dotted);
  }
  return list;
}

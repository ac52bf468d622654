/** Which of a candle's indicators are lines over the price, and which need a scale of their own. */
import type { Candle } from "../data/types";

export interface Indicator {
  name: string;
  label: string;
  overlay: boolean;
  color: number;
}

const OVERLAY = /^(ema|sma|wma|dema|hma|vwap|bb_?(upper|middle|lower|mid|up|lo)|kc_|dc_|supertrend|psar|pivot)/i;
const OWN_SCALE = /^(rsi|adx|atr|stoch|macd|volume|obv|mfi|cci|roc|bb_?(width|percent|pct)|regime|confidence|score|z_?score|funding)/i;

/** By name where the name tells, else by whether the values lie near the price. */
export function isOverlay(name: string, candles: readonly Candle[]): boolean {
  if (OWN_SCALE.test(name)) return false;
  if (OVERLAY.test(name)) return true;
  let near = 0;
  let seen = 0;
  for (let i = candles.length - 1; i >= 0 && seen < 50; i -= 1) {
    const candle = candles[i] as Candle;
    const value = candle.indicators[name];
    if (typeof value !== "number") continue;
    seen += 1;
    if (value > candle.close * 0.7 && value < candle.close * 1.4) near += 1;
  }
  return seen > 0 && near >= seen * 0.9;
}

const ACRONYM = /^(ema|sma|rsi|atr|adx|bb|vwap|macd|obv|mfi|cci|roc)$/i;

/** "ema20" → "EMA 20", "bb_upper" → "BB upper". */
export function indicatorLabel(name: string): string {
  const match = /^([a-z]+)[_-]?(\d.*)?$/i.exec(name);
  const parts = match ? match.slice(1) : name.split("_");
  return parts
    .filter(Boolean)
    .map((part) => (ACRONYM.test(part) ? part.toUpperCase() : part))
    .join(" ");
}

/** All indicators of these candles, overlays first, each with its colour number. */
export function findIndicators(candles: readonly Candle[]): Indicator[] {
  const names = new Set<string>();
  for (let i = Math.max(0, candles.length - 50); i < candles.length; i += 1) {
    const { indicators } = candles[i] as Candle;
    for (const name in indicators) names.add(name);
  }
  const list = [...names].map((name) => ({ name, label: indicatorLabel(name), overlay: isOverlay(name, candles) }));
  list.sort((a, b) => Number(b.overlay) - Number(a.overlay) || a.name.localeCompare(b.name, "en", { numeric: true }));
  return list.map((indicator, color) => ({ ...indicator, color }));
}

/** Moving averages are shown from the start, the rest on demand. */
export function shownAtFirst(indicator: Indicator): boolean {
  return indicator.overlay && /^(ema|sma|wma)/i.test(indicator.name);
}

/** The settings as a form: names, units, limits. Fractions are shown in percent. Pure, so that it can be tested. */
import known from "../data/limits.json";
import type { TradingSettings } from "../data/types";
import { num } from "../lib/format";

export type Unit = "percent" | "money" | "count" | "ratio" | "switch";

export interface Field {
  name: keyof TradingSettings;
  label: string;
  hint: string;
  unit: Unit;
  group: string;
  /** Empty means off. */
  optional?: boolean;
}

const SIZE = "Size";
const STOPS = "Stops and targets";
const LIMITS = "Limits";
const GUARDS = "Guards and pace";

export const FIELDS: readonly Field[] = [
  { name: "risk_per_trade", label: "Risk per trade", hint: "Share of the balance lost at the stop.", unit: "percent", group: SIZE },
  { name: "max_position_share", label: "Largest position", hint: "Share of the balance.", unit: "percent", group: SIZE },
  { name: "max_position_quote", label: "Largest position, money", hint: "In quote currency; 0 is off.", unit: "money", group: SIZE },
  { name: "max_symbol_share", label: "One symbol's share", hint: "Of equity.", unit: "percent", group: SIZE },
  { name: "max_margin_use", label: "Margin in use", hint: "Of equity, at most.", unit: "percent", group: SIZE },
  { name: "default_stop", label: "Default stop", hint: "Distance where structure gives none.", unit: "percent", group: STOPS },
  { name: "reward_risk", label: "Reward : risk", hint: "Target distance in stop distances.", unit: "ratio", group: STOPS },
  { name: "break_even", label: "Break-even after target 1", hint: "The stop moves to the entry price.", unit: "switch", group: STOPS },
  { name: "daily_loss_share", label: "Daily loss", hint: "Halts the session; resets at 00:00 UTC.", unit: "percent", group: LIMITS },
  { name: "daily_loss_quote", label: "Daily loss, money", hint: "In quote currency; 0 is off.", unit: "money", group: LIMITS },
  { name: "max_drawdown", label: "Drawdown", hint: "From the equity peak, halts; 0 is off.", unit: "percent", group: LIMITS },
  { name: "max_open_positions", label: "Open positions", hint: "At once, at most.", unit: "count", group: LIMITS },
  { name: "max_trades_day", label: "Trades a day", hint: "At most.", unit: "count", group: LIMITS },
  { name: "cooldown_bars", label: "Cool-down", hint: "Closed candles after a trade.", unit: "count", group: GUARDS },
  { name: "signal_ttl_bars", label: "Signals wait", hint: "Candles until a pending signal expires.", unit: "count", group: GUARDS },
  { name: "volatility_ceiling", label: "Volatility ceiling", hint: "ATR14 as a share of the price; 0 is off.", unit: "percent", group: GUARDS },
  { name: "min_sharpe", label: "Minimum Sharpe", hint: "Of the session so far; empty is off.", unit: "ratio", group: GUARDS, optional: true },
  { name: "quality_gate", label: "Data-quality gate", hint: "No entries while the data is graded D or F.", unit: "switch", group: GUARDS },
];

export const GROUPS: readonly string[] = [SIZE, STOPS, LIMITS, GUARDS];

/** What stands in the input. */
export function toInput(field: Field, value: unknown): string {
  const n = num(value);
  if (!Number.isFinite(n)) return "";
  return String(field.unit === "percent" ? Number((n * 100).toPrecision(10)) : n);
}

/** What is sent: the value, or the sentence that is wrong with it. */
export function fromInput(field: Field, text: string): { value: number | null } | { error: string } {
  const trimmed = text.trim().replace(",", ".");
  if (trimmed === "") return field.optional === true ? { value: null } : { error: `${field.label} is missing.` };
  const shown = Number(trimmed);
  if (!Number.isFinite(shown)) return { error: `${field.label} must be a number.` };
  const value = field.unit === "percent" ? Number((shown / 100).toPrecision(12)) : shown;
  if (field.unit === "count" && !Number.isInteger(value)) return { error: `${field.label} must be a whole number.` };
  const wrong = outside(field, value);
  return wrong ? { error: `${field.label} must be ${wrong}.` } : { value };
}

/** Each kind of limit: what a value must be, in words and as a test. */
const BOUNDS = [
  ["minimum", "at least", (value: number, limit: number) => value >= limit],
  ["exclusiveMinimum", "more than", (value: number, limit: number) => value > limit],
  ["maximum", "at most", (value: number, limit: number) => value <= limit],
  ["exclusiveMaximum", "less than", (value: number, limit: number) => value < limit],
] as const;

/** What a value must be that is outside of the server's limits. */
function outside({ name, unit }: Field, value: number): string | null {
  const limits: Partial<Record<string, number>> = known[name];
  const [scale, sign] = unit === "percent" ? [100, " %"] : [1, ""];
  for (const [kind, words, holds] of BOUNDS) {
    const limit = limits[kind];
    if (limit !== undefined && !holds(value, limit)) return `${words} ${Number((limit * scale).toPrecision(6))}${sign}`;
  }
  return null;
}

/** The values that differ from what the server has. */
export function changes(before: TradingSettings, after: Partial<TradingSettings>): Partial<TradingSettings> {
  return Object.fromEntries(
    Object.entries(after).filter(([name, value]) => before[name as keyof TradingSettings] !== value),
  );
}

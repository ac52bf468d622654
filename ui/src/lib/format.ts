/** Numbers, prices and times as people read them. Times are UTC everywhere: that is when trading days begin. */

/** Exact on the wire (a text); a number only to be shown. */
type Decimal = number | string;

export const DASH = "–";
const MINUS = "−";

/** A wire value as a number, or NaN. */
export function num(value: unknown): number {
  if (typeof value === "number") return value;
  if (typeof value === "string" && value.trim() !== "") return Number(value);
  return Number.NaN;
}

/** How many decimals these prices use, at most 8: as written in a text, without float noise in a number. */
export function pricePrecision(values: readonly (Decimal | null | undefined)[]): number {
  let most = 0;
  for (const value of values) {
    if (value === null || value === undefined || !Number.isFinite(num(value))) continue;
    const text = typeof value === "string" ? value.trim() : String(Number(value.toPrecision(12)));
    if (text.includes("e-")) return 8;
    const dot = text.indexOf(".");
    if (dot >= 0) most = Math.max(most, text.length - dot - 1);
  }
  return Math.min(most, 8);
}

const formats = new Map<string, Intl.NumberFormat>();

function fixed(value: number, least: number, most: number): string {
  const key = `${least}:${most}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most });
    formats.set(key, format);
  }
  const text = format.format(Math.abs(value));
  return value < 0 && /[1-9]/.test(text) ? MINUS + text : text;
}

/** A number as text, or a dash where there is none. */
function written(value: unknown, write: (n: number) => string): string {
  const n = num(value);
  return Number.isFinite(n) ? write(n) : DASH;
}

/** With `signed` the plus is written too. */
function figure(value: unknown, digits: number, signed: boolean): string {
  return written(value, (n) => {
    const text = fixed(n, digits, digits);
    return signed && n > 0 && /[1-9]/.test(text) ? `+${text}` : text;
  });
}

export const formatPrice = (value: unknown, digits = 2): string => figure(value, digits, false);

/** Money of the account, two decimals. */
export const formatMoney = (value: unknown, signed = false): string => figure(value, 2, signed);

/** `value` is already in percent. */
export const formatPercent = (value: unknown, signed = false, digits = 2): string =>
  written(value, () => `${figure(value, digits, signed)}%`);

export const formatNumber = (value: unknown, digits = 2): string => written(value, (n) => fixed(n, 0, digits));

export const formatQuantity = (value: unknown): string => formatNumber(value, 8);

/** 1234567 → "1.23M", for volumes. */
export const formatCompact = (value: unknown): string =>
  written(value, (n) => {
    for (const [size, unit] of [[1e9, "B"], [1e6, "M"], [1e3, "K"]] as const)
      if (Math.abs(n) >= size) return fixed(n / size, 2, 2) + unit;
    return fixed(n, 0, Math.abs(n) < 10 ? 3 : 1);
  });

type Parts = Record<Intl.DateTimeFormatPartTypes, string>;

const moment = new Intl.DateTimeFormat("en-US", {
  timeZone: "UTC",
  dateStyle: "medium",
  timeStyle: "medium",
  hourCycle: "h23",
});

/** A moment, milliseconds or an ISO text, as text made of its parts, or a dash where there is none. */
function told(value: unknown, tell: (parts: Parts) => string): string {
  const ms = typeof value === "string" ? Date.parse(value) : num(value);
  if (!Number.isFinite(ms)) return DASH;
  return tell(Object.fromEntries(moment.formatToParts(ms).map((part) => [part.type, part.value])) as Parts);
}

export const formatClock = (value: unknown, seconds = false): string =>
  told(value, (at) => `${at.hour}:${at.minute}${seconds ? `:${at.second}` : ""}`);

export const formatDate = (value: unknown): string => told(value, (at) => `${at.day} ${at.month} ${at.year}`);

/** "14 Mar 09:45"; what happened before the first candle has the time 0, which is no time of the market. */
export const formatTime = (value: unknown): string =>
  Number(value) <= 0 ? DASH : told(value, (at) => `${at.day} ${at.month} ${at.hour}:${at.minute}`);

export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms) || ms < 0) return DASH;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return `${Math.floor(ms / 1000)}s`;
  if (minutes < 60) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return `${hours}h ${minutes % 60}m`;
  return `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** "entry_filled" → "Entry filled"; names of codes as words. */
export function words(name: string): string {
  const text = name.replace(/[_-]+/g, " ").trim();
  return text.charAt(0).toUpperCase() + text.slice(1).toLowerCase();
}

/** Signed distance from `from` to `to` in percent of `from`. */
export function distancePercent(from: Decimal | null, to: Decimal | null): number {
  const a = num(from);
  return a > 0 ? ((num(to) - a) / a) * 100 : Number.NaN;
}

/** The part of an id that a person can tell apart: eight characters of a UUID, else the whole. */
export function shortId(id: string): string {
  return /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(id) ? id.slice(0, 8) : id;
}

export function tone(value: unknown): "up" | "down" | "flat" {
  const n = num(value);
  return n > 0 ? "up" : n < 0 ? "down" : "flat";
}

/** The name of the row that something belongs to: its symbol, in a portfolio with the sleeve behind it. */
export const rowName = ({ symbol, sleeve }: { symbol: string; sleeve?: string }): string =>
  sleeve ? `${symbol}:${sleeve}` : symbol;

/** "BTCUSDT" → "BTC/USDT" where the quote currency is a known one; of a row "BTC/USDT · sleeve". */
export function pair(name: string): string {
  const [symbol = "", sleeve] = name.split(/:(.*)/s);
  const match = /^([A-Z0-9]+?)(USDT|USDC|BUSD|FDUSD|USD|EUR|BTC)$/.exec(symbol);
  if (!match) return name;
  return `${match[1]}/${match[2]}${sleeve ? ` · ${sleeve}` : ""}`;
}

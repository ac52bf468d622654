/** What the page knows, and how each message changes it. Pure: no clock, no network, so that it can be tested. */
import { num } from "../lib/format";
import type {
  Candle,
  EquityPoint,
  History,
  LogEntry,
  Marker,
  Message,
  Order,
  Portfolio,
  Position,
  Problem,
  RiskAlert,
  Signal,
  Status,
  Zone,
} from "./types";

export type Link = "connecting" | "live" | "reconnecting";
export type Auth = "unknown" | "ok" | "denied";

/** The candles on the chart. `epoch` rises when they changed otherwise than at the end: then everything is drawn anew. */
export const EMPTY_SERIES = { symbol: "", timeframe: "", candles: [] as readonly Candle[], epoch: 0, complete: false };
export type Series = typeof EMPTY_SERIES;

export interface Toast {
  key: number;
  level: "info" | "good" | "bad" | "warn";
  title: string;
  text: string;
  /** Of several toasts about the same thing one is shown. */
  about?: string;
}

export const INITIAL = {
  auth: "unknown" as Auth,
  link: "connecting" as Link,
  loading: true,
  /** The session that is shown; null until one is known. */
  session: null as string | null,
  status: null as Status | null,
  symbol: null as string | null,
  series: EMPTY_SERIES,
  zones: new Map() as ReadonlyMap<string, Zone>,
  markers: [] as readonly Marker[],
  portfolio: null as Portfolio | null,
  equity: [] as readonly EquityPoint[],
  decisions: [] as readonly LogEntry[],
  signals: [] as readonly Signal[],
  /** Rises with every closed trade; tables made of trades are read again. */
  trades: 0,
  toasts: [] as readonly Toast[],
};
export type Model = typeof INITIAL;

export const MAX_CANDLES = 12_000;
const KEEP_CANDLES = 9_000;
const MAX_DECISIONS = 300;
const MAX_MARKERS = 1_500;
export const MAX_ZONES = 2_500;
const KEEP_ZONES = 2_000;
const MAX_EQUITY = 600;
const MAX_TOASTS = 4;

/** First index whose time is not before `time`. */
export function indexAt(candles: readonly Candle[], time: number): number {
  let low = 0;
  let high = candles.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((candles[middle] as Candle).time < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** New candles at the end, corrections anywhere; a closed candle never goes back to open. */
export function mergeCandles(series: Series, incoming: readonly Candle[]): Series {
  if (incoming.length === 0) return series;
  let candles = series.candles.slice();
  let { epoch } = series;
  let changed = false;
  for (const candle of incoming) {
    const last = candles[candles.length - 1];
    if (!last || candle.time > last.time) {
      candles.push(candle);
      changed = true;
      continue;
    }
    const at = indexAt(candles, candle.time);
    const known = candles[at];
    if (known?.time === candle.time) {
      if (known.is_closed && !candle.is_closed) continue;
      candles[at] = candle;
    } else {
      if (at === 0) continue; // older than all that is loaded: it comes with the older history
      candles.splice(at, 0, candle);
    }
    if (at < candles.length - 1) epoch += 1;
    changed = true;
  }
  if (candles.length > MAX_CANDLES) {
    candles = candles.slice(-KEEP_CANDLES);
    return { ...series, candles, epoch: epoch + 1, complete: false };
  }
  return changed ? { ...series, candles, epoch } : series;
}

/** Older history goes in front. */
export function prependHistory(model: Model, history: History): Model {
  const { series } = model;
  if (history.symbol !== series.symbol) return model;
  const first = series.candles[0]?.time ?? Number.POSITIVE_INFINITY;
  const older = history.candles.filter((candle) => candle.time < first);
  if (older.length === 0) return { ...model, series: { ...series, complete: true } };
  return {
    ...model,
    series: { ...series, candles: [...older, ...series.candles], epoch: series.epoch + 1 },
    zones: mergeZones(model.zones, history.zones.filter((zone) => !model.zones.has(zone.id))),
    markers: mergeMarkers(history.markers, model.markers),
  };
}

export function mergeZones(zones: ReadonlyMap<string, Zone>, changed: readonly Zone[]): ReadonlyMap<string, Zone> {
  if (changed.length === 0) return zones;
  const next = new Map(zones);
  for (const zone of changed) next.set(zone.id, zone);
  if (next.size <= MAX_ZONES) return next;
  // the oldest ended ones go; they are read again with the older history
  const ended = [...next.values()].filter((zone) => zone.ended_ts !== null);
  ended.sort((a, b) => (a.ended_ts ?? 0) - (b.ended_ts ?? 0));
  for (const zone of ended.slice(0, Math.max(0, next.size - KEEP_ZONES))) next.delete(zone.id);
  return next;
}

const markerKey = (m: Marker): string => `${m.time}|${m.kind}|${m.decision}|${m.text}`;

/** In order of time, each once. */
export function mergeMarkers(markers: readonly Marker[], added: readonly Marker[]): readonly Marker[] {
  if (added.length === 0) return markers;
  const known = new Set(markers.map(markerKey));
  const fresh = added.filter((marker) => !known.has(markerKey(marker)) && known.add(markerKey(marker)));
  if (fresh.length === 0) return markers;
  return [...markers, ...fresh].sort((a, b) => a.time - b.time).slice(-MAX_MARKERS);
}

function putOrder(portfolio: Portfolio, order: Order): Portfolio {
  const working = order.status === "working" || order.status === "partially_filled";
  const rest = portfolio.pending_orders.filter((known) => known.order_id !== order.order_id);
  return { ...portfolio, pending_orders: working ? [...rest, order] : rest };
}

/** An open position in its place, or none where it is over. */
function putPosition(portfolio: Portfolio, id: string | null, position: Position | null): Portfolio {
  const open = position?.status === "open" ? [position] : [];
  const at = portfolio.open_positions.findIndex((known) => known.id === id);
  return { ...portfolio, open_positions: portfolio.open_positions.toSpliced(at < 0 ? Infinity : at, 1, ...open) };
}

export function putSignal(signals: readonly Signal[], signal: Signal): readonly Signal[] {
  const rest = signals.filter((known) => known.id !== signal.id);
  if (signal.status === "pending") return [signal, ...rest];
  return rest.length === signals.length ? signals : rest;
}

/** Newest first, each `seq` once. */
export function mergeDecisions(decisions: readonly LogEntry[], added: readonly LogEntry[]): readonly LogEntry[] {
  if (added.length === 0) return decisions;
  const all = new Map(decisions.map((decision) => [decision.seq, decision]));
  for (const decision of added) all.set(decision.seq, decision);
  return [...all.values()].sort((a, b) => b.seq - a.seq).slice(0, MAX_DECISIONS);
}

/** The curve grows at its end and is thinned out when it gets long. */
export function growEquity(points: readonly EquityPoint[], point: EquityPoint): readonly EquityPoint[] {
  const last = points[points.length - 1];
  if (!Number.isFinite(point.equity)) return points;
  if (last && point.time <= last.time) return [...points.slice(0, -1), { ...last, equity: point.equity }];
  const next = [...points, point];
  return next.length <= MAX_EQUITY ? next : next.filter((_, i) => i % 2 === 0 || i > next.length - 50);
}

let toastKey = 0;

export function addToast(model: Model, toast: Omit<Toast, "key">): Model {
  const same = (known: Toast): boolean =>
    toast.about ? known.about === toast.about : known.text === toast.text && known.title === toast.title;
  toastKey += 1;
  const rest = model.toasts.filter((known) => !same(known));
  return { ...model, toasts: [...rest, { ...toast, key: toastKey }].slice(-MAX_TOASTS) };
}

const HALT = "halt";
const HALTED = "Trading is halted";

/** One toast a halt: the alert, unless a fact beside it says more, what a person gave as the reason or what was raised. */
function alertToast(model: Model, alert: RiskAlert): Model {
  if (alert.severity !== "CRITICAL")
    return addToast(model, { level: alert.severity === "INFO" ? "info" : "warn", title: "Risk", text: alert.message });
  if (model.toasts.some((toast) => toast.about === HALT)) return model;
  return addToast(model, { level: "bad", title: HALTED, text: alert.message, about: HALT });
}

const REASONS: Record<string, string> = { kill_switch: "The kill switch: ", strategy_error: "The strategy raised: " };

function problemToast(model: Model, { code, message, severity }: Problem): Model {
  const begin = REASONS[code];
  if (begin !== undefined) return addToast(model, { level: "bad", title: HALTED, text: begin + message, about: HALT });
  return severity === "CRITICAL" ? addToast(model, { level: "bad", title: "Error", text: message }) : model;
}

/** One frame's messages at once: lists are copied once a frame, not once a message. */
export function applyMessages(model: Model, messages: readonly Message[]): Model {
  const waiting = nothing();
  let next = model;
  for (const message of messages) next = applyOne(next, message, waiting);
  const series = mergeCandles(next.series, waiting.candles);
  const zones = mergeZones(next.zones, waiting.zones);
  const markers = mergeMarkers(next.markers, waiting.markers);
  const decisions = mergeDecisions(next.decisions, waiting.decisions);
  if (series === next.series && zones === next.zones && markers === next.markers && decisions === next.decisions)
    return next;
  return { ...next, series, zones, markers, decisions };
}

const nothing = () => ({
  candles: [] as Candle[],
  zones: [] as Zone[],
  markers: [] as Marker[],
  decisions: [] as LogEntry[],
});

function applyOne(model: Model, message: Message, waiting: ReturnType<typeof nothing>): Model {
  if (message.session_id !== null && message.session_id !== model.session) return model;
  const here = message.symbol === null || message.symbol === model.symbol;
  const { portfolio } = model;
  switch (message.type) {
    case "market_data":
      if (here && message.symbol === model.series.symbol) waiting.candles.push(message.data.candle);
      return model;
    case "zone_update":
      if (here) waiting.zones.push(...message.data.zones);
      return model;
    case "marker":
      if (here) waiting.markers.push(message.data);
      return model;
    case "decision":
      waiting.decisions.push(message.data);
      return model;
    case "signal_generated": {
      const signals = putSignal(model.signals, message.data);
      return signals === model.signals ? model : { ...model, signals };
    }
    case "session_update":
      return here ? { ...model, status: message.data } : model;
    case "state_change":
      if (!here || !model.status) return model;
      return { ...model, status: { ...model.status, state: message.data.to_state } };
    case "risk_alert":
      return alertToast(model, message.data);
    case "error":
      return problemToast(model, message.data);
    case "account_update": {
      const { time, total_equity } = message.data;
      const equity = growEquity(model.equity, { time: time ?? message.timestamp, equity: num(total_equity) });
      return { ...model, portfolio: message.data, equity };
    }
    case "order_created":
    case "order_updated":
      return portfolio ? { ...model, portfolio: putOrder(portfolio, message.data) } : model;
    case "position_update":
      return portfolio ? { ...model, portfolio: putPosition(portfolio, message.data.id, message.data) } : model;
    case "position_closed": {
      const after = portfolio && putPosition(portfolio, message.data.position_id, null);
      return { ...model, trades: model.trades + 1, portfolio: after };
    }
    default:
      return model;
  }
}

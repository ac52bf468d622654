/** The shapes on the wire. A `Decimal` is exact on the wire (a string) and becomes a number only to be shown. */

export type Decimal = number | string;
export type State =
  "BOOTSTRAP" | "SCANNING" | "ENTRY_PENDING" | "IN_POSITION" | "COOLDOWN" | "HALTED";
export type Mode = "paper" | "testnet" | "live";
export type Side = "LONG" | "SHORT";

export interface Status {
  state: State;
  can_receive_signals: boolean;
  is_active_trade: boolean;
  cooldown_remaining: number;
  current_order_id: string | null;
  current_position_id: string | null;
  session_id: string;
  mode: Mode;
  strategy: string;
  symbols: string[];
  symbol: string;
  timeframe: string;
  source: string;
  speed: Decimal | null;
  halt_reason: string | null;
  data_grade: string | null;
  gates: string[];
  last_candle_time: number | null;
  started_at: number;
  finished: boolean;
  version: string;
}

export interface Candle {
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
  is_closed: boolean;
  indicators: Record<string, number | null>;
}

export interface Zone {
  id: string;
  kind: "OB" | "FVG" | "BREAKER";
  side: "DEMAND" | "SUPPLY";
  price_lo: number;
  price_hi: number;
  formed_time: number;
  confirmed_time: number;
  ended_time: number | null;
  end_reason: string | null;
  touches: number;
  filled_percent: number | null;
  strength: number | null;
  valid: boolean;
}

export interface Marker {
  time: number;
  kind: "signal" | "entry" | "exit" | "reject";
  side: "buy" | "sell";
  price: number | null;
  text: string;
  decision: number | null;
}

export interface History {
  symbol: string;
  timeframe: string;
  candles: Candle[];
  zones: Zone[];
  markers: Marker[];
}

export interface TakeProfit {
  price: Decimal;
  quantity: Decimal;
  filled: boolean;
}

export interface Position {
  id: string;
  symbol: string;
  side: Side;
  status: string;
  entry_price: Decimal;
  size: Decimal;
  leverage: Decimal;
  current_price: Decimal | null;
  current_pnl: Decimal;
  current_pnl_pct: Decimal | null;
  stop_loss: Decimal | null;
  take_profits: TakeProfit[];
  margin_ratio: Decimal | null;
  liquidation_price: Decimal | null;
  entry_time: number;
}

export interface Order {
  order_id: string;
  client_order_id: string;
  symbol: string;
  leg: string;
  type: string;
  side: string;
  price: Decimal | null;
  trigger_price: Decimal | null;
  quantity: Decimal;
  status: string;
  created_at: number;
  expires_at: number | null;
  reduce_only: boolean;
}

export interface Portfolio {
  wallet_balance: Decimal;
  margin_balance: Decimal;
  available_balance: Decimal;
  unrealized_pnl: Decimal;
  total_equity: Decimal;
  open_positions: Position[];
  pending_orders: Order[];
}

export interface Trade {
  id: string;
  position_id: string;
  symbol: string;
  side: string;
  quantity: Decimal;
  entry_time: number;
  exit_time: number;
  entry_price: Decimal;
  exit_price: Decimal;
  pnl: Decimal;
  fees: Decimal;
  r_multiple: Decimal | null;
  exit_reason: string;
  mae: Decimal | null;
  mfe: Decimal | null;
}

export interface Page<T> {
  items: T[];
  page: number;
  limit: number;
  total: number;
}

export interface Signal {
  id: string;
  symbol: string;
  decision: number;
  signal_type: "buy" | "sell" | "neutral";
  status: "generated" | "pending" | "executed" | "expired" | "rejected";
  confidence: number;
  confidence_level: "high" | "medium" | "low";
  price: number;
  entry_price: number | null;
  stop_loss: number | null;
  tp_levels: Record<string, number | null>;
  position_size: number | null;
  risk_reward_ratio: number | null;
  indicators: Record<string, unknown>;
  reasons: string[];
  generated_at: number | string;
  reject_reason: string | null;
}

export interface Decision {
  seq: number;
  time: number;
  symbol: string;
  kind: string;
  text: string;
  reasons: string[];
  level: "info" | "good" | "bad";
}

export interface EquityPoint {
  time: number;
  equity: number;
}

export type Performance = Record<string, unknown> & { reasons?: Record<string, string> };

export interface Check {
  name: string;
  passed: boolean;
  value: number | string | null;
  limit: number | string | null;
  text: string;
}

export interface SignalCheck {
  symbol: string;
  time: number;
  checks: Check[];
  would_trade: boolean;
}

export interface Session {
  id: string;
  status: string;
  mode: Mode;
  strategy: string;
  symbols: string[];
  timeframe: string;
  source: string;
  started_at: number | string;
  ended_at: number | string | null;
  decisions_sha256: string | null;
  net_pnl: Decimal | null;
}

export interface RiskAlert {
  alert_id: string;
  severity: "CRITICAL" | "WARNING" | "INFO";
  alert_type: string;
  message: string;
  details: unknown;
}

export interface StateChange {
  from_state: State;
  to_state: State;
  reason: string;
  order_id: string | null;
  position_id: string | null;
}

interface Envelope<K extends string, T> {
  id: number;
  type: K;
  session_id: string | null;
  symbol: string | null;
  timestamp: number;
  data: T;
}

/** Everything that arrives on `/ws`. */
export type Message =
  | Envelope<"market_data", { candle: Candle }>
  | Envelope<"zone_update", { zones: Zone[] }>
  | Envelope<"signal_generated", Signal>
  | Envelope<"order_created" | "order_updated", Order>
  | Envelope<"position_update", Position>
  | Envelope<"position_closed", Trade>
  | Envelope<"risk_alert", RiskAlert>
  | Envelope<"session_update", Status>
  | Envelope<"state_change", StateChange>
  | Envelope<"account_update", Portfolio>
  | Envelope<"decision", Decision>
  | Envelope<"marker", Marker>
  | Envelope<"heartbeat", unknown>
  | Envelope<"resync", { reason: string }>;

export const TOPICS: readonly Message["type"][] = [
  "market_data",
  "zone_update",
  "signal_generated",
  "order_created",
  "order_updated",
  "position_update",
  "position_closed",
  "risk_alert",
  "session_update",
  "state_change",
  "account_update",
  "decision",
  "marker",
];

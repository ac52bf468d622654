/**
 * The shapes on the wire, by the names that the page calls them. They are made from the description of the API
 * (`npm run types`); only what surrounds a message of the socket is written here.
 */
import type { components } from "./schema";

type Shapes = components["schemas"];

export type Candle = Shapes["CandleView"];
export type Marker = Shapes["Marker"];
export type Zone = Shapes["Zone"];
export type History = Shapes["History"];
export type Signal = Shapes["Signal"];
export type Order = Shapes["Order"];
export type Position = Shapes["PositionView"];
export type Trade = Shapes["Trade"];
export type Portfolio = Shapes["Portfolio"];
export type EquityPoint = Shapes["EquityPoint"];
export type Performance = Shapes["Performance"];
export type Status = Shapes["StatusView"];
export type Check = Shapes["Check"];
export type Session = Shapes["SessionView"];
export type SessionHealth = Shapes["SessionHealth"];
export type StartOptions = Shapes["StartOptions"];
export type StartSession = Shapes["StartSession"];
export type LogEntry = Shapes["LogEntry"];
export type RiskAlert = Shapes["RiskAlert"];
export type Problem = Shapes["Error"];
export type Fault = Shapes["Fault"];
export type Health = Shapes["PageHealth"];
export type KillReport = Shapes["KillReport"];
export type TradingSettings = Shapes["TradingSettings"];

interface Envelope<K, T> {
  id: number;
  type: K;
  session_id: string | null;
  symbol: string | null;
  timestamp: number;
  data: T;
}

type Topics = Shapes["SocketData"];

/** Everything that arrives on `/ws`. */
export type Message = { [K in keyof Topics]: Envelope<K, Topics[K]> }[keyof Topics];

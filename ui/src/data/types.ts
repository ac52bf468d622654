/**
 * The shapes on the wire, as the description of the API names them (`npm run types`). What is shown of a thing is called
 * as the thing itself here; only what surrounds a message of the socket is written here.
 */
import type { SocketData } from "./schema";

export type * from "./schema";
export type { CandleView as Candle, PositionView as Position, SessionView as Session, StatusView as Status } from "./schema";
export type { Error as Problem, PageHealth as Health } from "./schema";

interface Envelope<K, T> {
  id: number;
  type: K;
  session_id: string | null;
  symbol: string | null;
  timestamp: number;
  data: T;
}

/** Everything that arrives on `/ws`. */
export type Message = { [K in keyof SocketData]: Envelope<K, SocketData[K]> }[keyof SocketData];

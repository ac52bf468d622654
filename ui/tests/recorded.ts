/** What a real Triplane answered and said: `tests/browser/record.py` of the repository records it anew. */
import { readFileSync } from "node:fs";
import type {
  EquityPoint,
  Health,
  History,
  KillReport,
  LogEntry,
  Message,
  Portfolio,
  Status,
  TradingSettings,
} from "../src/data/types";

interface Recorded {
  health: Record<"ok" | "halted" | "frozen", Health>;
  status: Status;
  portfolio: Portfolio;
  settings: TradingSettings;
  history: History;
  equity: { points: EquityPoint[] };
  decisions: { items: LogEntry[] };
  kill: KillReport;
  messages: Message[];
}

export const recorded = JSON.parse(readFileSync(new URL("recorded.json", import.meta.url), "utf8")) as Recorded;

type Of<K extends Message["type"]> = Extract<Message, { type: K }>;

/** The recorded messages of a kind, in order. */
export function all<K extends Message["type"]>(type: K): Of<K>[] {
  return recorded.messages.filter((message): message is Of<K> => message.type === type);
}

export function first<K extends Message["type"]>(type: K): Of<K> {
  const [found] = all(type);
  if (!found) throw new Error(`No message ${type} was recorded.`);
  return found;
}

/** A recorded thing with some of it changed. */
export const but = <T extends object>(thing: T, change: Partial<T>): T => ({ ...thing, ...change });

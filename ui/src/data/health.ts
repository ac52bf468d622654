/**
 * What is wrong, and how old what is shown is. The server says how it is twice a second, so the page knows by itself
 * when it hears nothing any more. Pure: the clock is an argument.
 */
import type { Fault, Health, SessionHealth } from "./types";

/** Milliseconds without a message after which the connection counts as lost. */
export const LOST = 2500;

export interface Pulse {
  health: Health | null;
  /** Whole seconds since anything was heard once that is too long, else 0. */
  silent_s: number;
}

export const silence = (heardAt: number, now: number): number =>
  now - heardAt < LOST ? 0 : Math.floor((now - heardAt) / 1000);

export interface Shown extends Fault {
  key: string;
  /** A person may resume trading after it. */
  resumable: boolean;
  /** Of which sessions it is said. */
  sessions: string[];
}

const RESUMABLE = new Set(["halted", "kill_switch", "strategy_error"]);

const NO_CONNECTION =
  "The connection to Triplane is lost; the page keeps trying. What is shown is old, and nothing can be done from here meanwhile.";

/** What the bar says, the worst first; of another session with its name. */
export function faults({ health, silent_s }: Pulse, session: string | null): Shown[] {
  if (silent_s > 0) {
    const lost = { name: "link_lost", level: "bad", text: NO_CONNECTION, session_id: null, detail: null };
    return [{ ...lost, age_s: silent_s, key: "link_lost", resumable: false, sessions: [] }];
  }
  return (health?.faults ?? []).map((fault) => ({
    ...fault,
    text: nameOf(fault, health, session) + fault.text,
    key: `${fault.name} ${fault.session_id ?? ""}`,
    resumable: RESUMABLE.has(fault.name),
    sessions: fault.session_id === null ? [] : [fault.session_id],
  }));
}

/** The same, where what is said alike of several sessions, such as the halts of one kill switch, is said once. */
export function grouped(pulse: Pulse, session: string | null): Shown[] {
  const together = new Map<string, Shown>();
  const plain = pulse.health?.faults ?? [];
  faults(pulse, session).forEach((fault, index) => {
    const own = plain[index]?.text ?? fault.text;
    const key = fault.session_id === null ? fault.key : `${fault.name} ${own} ${fault.detail ?? ""}`;
    const first = together.get(key);
    if (!first) {
      together.set(key, fault);
      return;
    }
    const sessions = [...first.sessions, ...fault.sessions];
    const age_s = Math.max(first.age_s ?? 0, fault.age_s ?? 0) || null;
    together.set(key, { ...first, key, session_id: null, text: `${sessions.length} sessions: ${own}`, sessions, age_s });
  });
  return [...together.values()];
}

function nameOf(fault: Fault, health: Health | null, session: string | null): string {
  if (fault.session_id === null || fault.session_id === session) return "";
  const other = health?.told?.sessions.find((one) => one.session_id === fault.session_id);
  return `${other ? titleOf(other) : fault.session_id}: `;
}

/** How one tells sessions apart. */
export const titleOf = (session: SessionHealth): string =>
  `${session.mode.toUpperCase()} ${session.strategy} ${session.timeframe} ${session.symbols.slice(0, 3).join(", ")} · ${session.session_id}`;

const ON = new Set(["running", "loading"]);

export const goesOn = (session: { status: string }): boolean => ON.has(session.status);

/** The sessions that the engine tells of, those that run first, then the newest. */
export function sessionsOf(health: Health | null): SessionHealth[] {
  const sessions = [...(health?.told?.sessions ?? [])];
  return sessions.sort((a, b) => Number(goesOn(b)) - Number(goesOn(a)) || b.started_at - a.started_at);
}

export interface Stale {
  /** Seconds; null when it is not known. */
  age_s: number | null;
}

/** What is old: everything, or the market alone; null is fresh. */
export interface Staleness {
  all: Stale | null;
  market: Stale | null;
  /** Lists that are read from the database. */
  lists: Stale | null;
}

export function staleness({ health, silent_s }: Pulse, session: string | null): Staleness {
  const found = (...names: string[]): Stale | null => {
    const fault = health?.faults.find(
      ({ name, session_id }) => names.includes(name) && (session_id === null || session_id === session),
    );
    return fault ? { age_s: fault.age_s } : null;
  };
  const all = silent_s > 0 ? { age_s: silent_s } : found("engine_silent", "engine_dead", "engine_starting");
  return {
    all,
    market: all ?? found("feed_stale", "feed_down"),
    lists: all ?? found("store_error", "store_behind"),
  };
}

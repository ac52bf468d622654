import { describe, expect, it } from "vitest";
import { faults, goesOn, grouped, LOST, sessionsOf, silence, staleness, type Pulse } from "../src/data/health";
import type { Fault, Health } from "../src/data/types";
import { but, recorded } from "./recorded";

const { ok, halted, frozen } = recorded.health;
const session = recorded.status.session_id;
const pulse = (health: Health | null, silent_s = 0): Pulse => ({ health, silent_s });
const fault = halted.faults[0] as Fault;
const withFault = (name: string, session_id: string | null = null, age_s: number | null = 9): Health =>
  but(ok, { faults: [but(fault, { name, session_id, age_s })] });

describe("faults", () => {
  it("are none while all is well, and before anything was heard", () => {
    expect(faults(pulse(ok), session)).toEqual([]);
    expect(faults(pulse(null), session)).toEqual([]);
  });

  it("are told in the server's words; after a halt a person may resume", () => {
    const [shown] = faults(pulse(halted), session);
    expect(shown).toMatchObject({ name: "halted", level: "bad", resumable: true });
    expect(shown?.text).toContain("I saw something");
    expect(faults(pulse(frozen), session)[0]).toMatchObject({ name: "engine_silent", resumable: false });
  });

  it("of another session are told with its name", () => {
    const [shown] = faults(pulse(halted), "another");
    expect(shown?.text).toMatch(new RegExp(`^PAPER ict_blocks 15m BTCUSDT · ${session}: Trading is halted`));
  });

  it("that one kill switch brings to several sessions are one, which resumes all of them", () => {
    const several = ["a", "b", session].map((session_id) => but(fault, { session_id }));
    const all = but(halted, { faults: [...several, but(fault, { session_id: "c", text: "Another reason." })] });
    const [one, other, ...rest] = grouped(pulse(all), session);
    expect(one).toMatchObject({ text: `3 sessions: ${fault.text}`, sessions: ["a", "b", session], resumable: true });
    expect(other).toMatchObject({ text: "c: Another reason.", sessions: ["c"] });
    expect(rest).toEqual([]);
    expect(grouped(pulse(all, 4), session).map((shown) => shown.name)).toEqual(["link_lost"]);
  });

  it("give way to a lost connection, which the page knows by itself", () => {
    expect(silence(1000, 1000 + LOST - 1)).toBe(0);
    expect(silence(1000, 1000 + LOST)).toBe(2);
    const [shown, ...rest] = faults(pulse(halted, 4), session);
    expect(shown).toMatchObject({ name: "link_lost", level: "bad", age_s: 4 });
    expect(rest).toEqual([]);
  });
});

describe("what is old", () => {
  it("is nothing while all is well, nor when trading is only halted", () => {
    const fresh = { all: null, market: null, lists: null };
    expect(staleness(pulse(ok), session)).toEqual(fresh);
    expect(staleness(pulse(halted), session)).toEqual(fresh);
  });

  it("is everything when the engine or the connection is silent, with its age", () => {
    const age = { age_s: frozen.engine.heard_s };
    expect(staleness(pulse(frozen), session)).toEqual({ all: age, market: age, lists: age });
    expect(staleness(pulse(ok, 7), session).all).toEqual({ age_s: 7 });
  });

  it("is the market alone when its source is silent, and lists when the database is", () => {
    expect(staleness(pulse(withFault("feed_stale", session)), session)).toEqual({
      all: null,
      market: { age_s: 9 },
      lists: null,
    });
    expect(staleness(pulse(withFault("store_behind", null, null)), session)).toEqual({
      all: null,
      market: null,
      lists: { age_s: null },
    });
  });

  it("is nothing of this session when another one's market is silent", () => {
    expect(staleness(pulse(withFault("feed_stale", "another")), session).market).toBeNull();
  });
});

it("sessions that run come first, then the newest", () => {
  const told = ok.told as NonNullable<Health["told"]>;
  const [one] = told.sessions;
  if (!one) throw new Error("No session was recorded.");
  const sessions = [
    but(one, { session_id: "old", status: "finished", started_at: 1 }),
    but(one, { session_id: "new", status: "failed", started_at: 9 }),
    but(one, { session_id: "runs", started_at: 2 }),
    but(one, { session_id: "loads", status: "loading", started_at: 3 }),
  ];
  const sorted = sessionsOf(but(ok, { told: but(told, { sessions }) }));
  expect(sorted.map((s) => s.session_id)).toEqual(["loads", "runs", "new", "old"]);
  expect(sorted.map(goesOn)).toEqual([true, true, false, false]);
  expect(sessionsOf(null)).toEqual([]);
});

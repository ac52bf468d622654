/**
 * The one client of the page: a snapshot over REST, then the live channel; `resync` reads the snapshot again.
 * Components read `model` and call the functions below; nothing else talks to the network.
 */
import { formatMoney, num, pair, rowName, words } from "../lib/format";
import { LOST, silence, type Pulse } from "./health";
import { addToast, applyMessages, EMPTY_SERIES, INITIAL, prependHistory, type Model, type Series, type Toast } from "./model";
import { ApiError, get, onDenied, post, sentence } from "./rest";
import { Socket } from "./socket";
import { createBatcher, createStore, onFrame } from "./store";
import type { Health, History, KillReport, Message, Session, StartSession } from "./types";

export const model = createStore<Model>(INITIAL);
/** How it goes: apart from the model, so that what is drawn is not looked at twice a second. */
export const pulse = createStore<Pulse>({ health: null, silent_s: 0 });
const HISTORY = 500; // the most that the API gives at once
const INSIST = 30_000; // an engine that is silent is restarted first
const COMPILE = 125_000; // a strategy may have to be compiled first

export function toast(level: Toast["level"], title: string, text: string): void {
  model.update((m) => addToast(m, { level, title, text }));
}

export function dismiss(key: number): void {
  model.update((m) => ({ ...m, toasts: m.toasts.filter((t) => t.key !== key) }));
}

/** An error as a toast; signing out has its own view. */
export function complain(error: unknown, title = "That did not work"): void {
  if (error instanceof ApiError && error.status === 401) return;
  toast("bad", title, sentence(error));
}

const batcher = createBatcher<Message>((messages) => {
  model.update((m) => applyMessages(m, messages));
}, onFrame);

let loaded = false; // until the snapshot is there, messages wait
let held: Message[] = [];
let generation = 0;
let heardAt = performance.now();

function receive(message: Message): void {
  heardAt = performance.now();
  if (message.type === "heartbeat") return;
  if (message.type === "health") {
    hear(message.data);
    return;
  }
  if (message.session_id !== null && message.session_id !== model.get().session) return;
  if (message.type === "resync") {
    void load();
    return;
  }
  if (message.type === "position_closed") announce(rowName(message.data), num(message.data.pnl), message.data.exit_reason);
  if (message.type === "risk_alert" && message.data.severity === "CRITICAL") beep();
  if (loaded) batcher.push(message);
  else held.push(message);
}

/** What the server says of itself; when the engine is back, everything is read again. */
function hear(health: Health): void {
  const before = pulse.get().health?.engine.state;
  pulse.set({ health, silent_s: 0 });
  if (before !== undefined && before !== "ok" && health.engine.state === "ok") void load();
}

function tick(): void {
  const silent_s = silence(heardAt, performance.now());
  pulse.update((p) => (p.silent_s === silent_s ? p : { ...p, silent_s }));
}

let announced = 0;

/** One in three seconds: a fast replay closes more trades than anybody can read. */
function announce(row: string, pnl: number, reason: string): void {
  if (performance.now() - announced < 3000) return;
  announced = performance.now();
  toast(pnl >= 0 ? "good" : "bad", `${pair(row)} closed`, `${formatMoney(pnl, true)} USDT, ${words(reason).toLowerCase()}.`);
}

/** A short tone for critical alerts; browsers allow it once the user has touched the page. */
function beep(): void {
  if (!navigator.userActivation?.hasBeenActive) return;
  const context = new AudioContext();
  const tone = context.createOscillator();
  const gain = context.createGain();
  gain.gain.value = 0.08;
  tone.frequency.value = 880;
  tone.connect(gain).connect(context.destination);
  tone.start();
  tone.stop(context.currentTime + 0.35);
  tone.onended = () => void context.close();
}

const socket = new Socket({
  url: `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`,
  onMessage: receive,
  onLink: (link) => model.update((m) => (m.link === link ? m : { ...m, link })),
  mayRetry: () =>
    get("/health").then(
      () => true,
      () => model.get().auth !== "denied",
    ),
});

onDenied(() => {
  socket.stop();
  model.update((m) => ({ ...m, auth: "denied", loading: false }));
});

/** What to show: the chosen session and symbol, or what the server chooses when they are not there any more. */
async function choose(): Promise<{ session: string; symbol: string }> {
  const { session, symbol } = model.get();
  for (const query of [{ session, symbol }, { session }, {}]) {
    try {
      const status = await get("/system/status", query);
      return { session: status.session_id, symbol: status.symbol };
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }
  throw new ApiError(404, "There is no session.");
}

const seriesOf = ({ symbol, timeframe, candles }: History): Omit<Series, "epoch"> =>
  ({ symbol, timeframe, candles, complete: candles.length < HISTORY });

/** Everything that the page starts from. Parts that fail leave their panel empty; the status must come. */
export async function load(): Promise<void> {
  generation += 1;
  const mine = generation;
  loaded = false;
  held = [];
  batcher.clear();
  model.update((m) => ({ ...m, loading: true }));
  try {
    if (pulse.get().health === null) hear(await get("/health")); // the page's process answers, whatever the engine does
    model.update((m) => ({ ...m, auth: "ok" }));
    await socket.listen(model.get().session);
    const { session, symbol } = await choose();
    if (mine !== generation) return; // something else was chosen meanwhile
    model.update((m) => ({ ...m, session, symbol }));
    await socket.listen(session); // listening first, reading then: nothing falls between
    const [status, history, portfolio, decisions, pending, equity] = await Promise.all([
      get("/system/status", { session, symbol }),
      get("/market-rest/history", { session, symbol, limit: HISTORY }).catch(() => null),
      get("/trades/portfolio", { session }).catch(() => null),
      get("/api/decisions", { session, limit: 200 }).catch(() => null),
      get("/signals/pending", { session }).catch(() => null),
      get("/trades/equity-curve", { session, limit: 400 }).catch(() => null),
    ]);
    if (mine !== generation) return;
    model.update((m) => ({
      ...m,
      loading: false,
      status,
      series: { ...(history ? seriesOf(history) : EMPTY_SERIES), epoch: m.series.epoch + 1 },
      zones: new Map((history?.zones ?? []).map((zone) => [zone.id, zone])),
      markers: history?.markers ?? [],
      portfolio,
      decisions: [...(decisions?.items ?? [])].sort((a, b) => b.seq - a.seq),
      signals: pending?.items ?? [],
      equity: equity?.points ?? [],
      trades: m.trades + 1,
    }));
    loaded = true;
    for (const message of held) batcher.push(message);
    held = [];
  } catch (error) {
    if (mine !== generation || model.get().auth === "denied") return;
    setTimeout(() => {
      if (mine === generation) void load();
    }, 1000);
    if (!(error instanceof ApiError)) throw error;
  }
}

export function start(): void {
  addEventListener("online", () => socket.hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) socket.hurry();
  });
  setInterval(tick, LOST / 10);
  const asked = new URLSearchParams(location.search);
  model.update((m) => ({ ...m, session: asked.get("session"), symbol: asked.get("symbol") }));
  void load();
}

export function chooseSymbol(symbol: string): void {
  model.update((m) => ({ ...m, symbol }));
  void load();
}

export function chooseSession(session: string): void {
  if (session === model.get().session) return;
  const { auth, link, toasts, series } = model.get();
  model.set({ ...INITIAL, auth, link, toasts, session, series: { ...EMPTY_SERIES, epoch: series.epoch + 1 } });
  history.replaceState(null, "", `?session=${encodeURIComponent(session)}`);
  void load();
}

let reading = false;

/** Older candles, when the chart is scrolled to its left end. */
export async function loadOlder(): Promise<void> {
  const { series, session } = model.get();
  const before = series.candles[0]?.time;
  if (reading || series.complete || before === undefined) return;
  reading = true;
  try {
    const older = await get("/market-rest/history", { session, symbol: series.symbol, limit: HISTORY, before });
    model.update((m) => prependHistory(m, older));
  } catch (error) {
    complain(error, "Older candles could not be read");
  } finally {
    reading = false;
  }
}

/** Do something, tell whether it worked, and read the account again. */
async function act(what: Promise<{ message: string }>): Promise<boolean> {
  try {
    toast("info", "Done", (await what).message);
  } catch (error) {
    complain(error);
    return false;
  }
  await refresh().catch(complain);
  return true;
}

async function refresh(): Promise<void> {
  const { session, symbol } = model.get();
  const [status, portfolio, pending] = await Promise.all([
    get("/system/status", { session, symbol }),
    get("/trades/portfolio", { session }),
    get("/signals/pending", { session }),
  ]);
  const same = (m: Model): boolean => m.symbol === symbol && m.session === session;
  model.update((m) => (same(m) ? { ...m, status, portfolio, signals: pending.items } : m));
}

export const closePosition = (position_id: string): Promise<boolean> =>
  act(post("/trades/close/{position_id}", { path: { position_id }, within: INSIST }));
export const cancelOrder = (order_id: string): Promise<boolean> =>
  act(post("/api/trading/orders/{order_id}/cancel", { path: { order_id } }));
export const executeOrder = (position_id: string): Promise<boolean> =>
  act(post("/trades/execute/{position_id}", { path: { position_id } }));
export const executeSignal = (signal_id: string): Promise<boolean> =>
  act(post("/signals/{signal_id}/execute", { path: { signal_id } }));
export const expireSignal = (signal_id: string): Promise<boolean> =>
  act(post("/signals/{signal_id}/expire", { path: { signal_id } }));
export const stopSession = (session_id: string): Promise<boolean> =>
  act(post("/api/sessions/{session_id}/stop", { path: { session_id } }));
/** Resume sessions one after the other; says whether all of them were. */
export async function resumeAll(sessions: readonly string[]): Promise<boolean> {
  let done = true;
  for (const session_id of sessions)
    done =
      (await act(
        post("/api/sessions/{session_id}/resume", { path: { session_id }, body: { acknowledge: true }, within: INSIST }),
      )) && done;
  return done;
}

/** Stop all trading; what each part did is the caller's to show. */
export async function killSwitch(flatten: boolean, reason: string): Promise<KillReport> {
  const report = await post("/api/kill-switch", { body: { flatten, reason }, within: INSIST });
  void refresh().catch(() => undefined); // an engine that is gone is told elsewhere
  return report;
}

/** Start a session beside those that run, and show it. */
export async function startSession(body: StartSession): Promise<Session> {
  const session = await post("/api/sessions/start", { body, within: COMPILE });
  chooseSession(session.id);
  return session;
}

/** Try a token; if it is right, the server sets its cookie and the page starts. */
export async function signIn(token: string): Promise<string | null> {
  try {
    await post("/api/login", { body: { token } });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.message;
  }
  model.update((m) => ({ ...m, auth: "unknown", loading: true }));
  await load();
  return null;
}

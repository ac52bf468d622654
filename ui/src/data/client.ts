/**
 * The one client of the page: a snapshot over REST, then the live channel; `resync` reads the snapshot again.
 * Components read `model` and call the functions below; nothing else talks to the network.
 */
import { formatMoney, num, pair, words } from "../lib/format";
import { addToast, applyMessages, EMPTY_SERIES, INITIAL, prependHistory, type Model, type Toast } from "./model";
import { ApiError, get, onDenied, post } from "./rest";
import { Socket } from "./socket";
import { createBatcher, createStore, onFrame } from "./store";
import { TOPICS, type Decision, type EquityPoint, type History, type Message, type Portfolio } from "./types";
import type { Signal, Status } from "./types";

export const model = createStore<Model>(INITIAL);
const HISTORY = 500; // the most that the API gives at once

export function toast(level: Toast["level"], title: string, text: string): void {
  model.update((m) => addToast(m, { level, title, text }));
}

export function dismiss(key: number): void {
  model.update((m) => ({ ...m, toasts: m.toasts.filter((t) => t.key !== key) }));
}

/** An error as a toast; signing out has its own view. */
export function complain(error: unknown, title = "That did not work"): void {
  if (error instanceof ApiError && error.status === 401) return;
  toast("bad", title, error instanceof Error ? error.message : String(error));
}

const batcher = createBatcher<Message>((messages) => {
  model.update((m) => applyMessages(m, messages));
}, onFrame);

let loaded = false; // until the snapshot is there, messages wait
let held: Message[] = [];
let generation = 0;

function receive(message: Message): void {
  if (message.type === "heartbeat") return;
  if (message.type === "resync") {
    void load();
    return;
  }
  if (message.type === "position_closed") announce(message.data.symbol, num(message.data.pnl), message.data.exit_reason);
  if (message.type === "risk_alert" && message.data.severity === "CRITICAL") beep();
  if (loaded) batcher.push(message);
  else held.push(message);
}

let announced = 0;

/** One in three seconds: a fast replay closes more trades than anybody can read. */
function announce(symbol: string, pnl: number, reason: string): void {
  if (performance.now() - announced < 3000) return;
  announced = performance.now();
  toast(pnl >= 0 ? "good" : "bad", `${pair(symbol)} closed`, `${formatMoney(pnl, true)} USDT, ${words(reason).toLowerCase()}.`);
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
  subscription: () => ({ topics: TOPICS, symbols: [] }),
  onMessage: receive,
  onLink: (link) => model.update((m) => (m.link === link ? m : { ...m, link })),
  mayRetry: () =>
    get("/system/status").then(
      () => true,
      () => model.get().auth !== "denied",
    ),
});

onDenied(() => {
  socket.stop();
  model.update((m) => ({ ...m, auth: "denied", loading: false }));
});

/** Everything that the page starts from. Parts that fail leave their panel empty; the status must come. */
export async function load(symbol: string | null = model.get().symbol): Promise<void> {
  generation += 1;
  const mine = generation;
  loaded = false;
  held = [];
  batcher.clear();
  model.update((m) => ({ ...m, loading: true }));
  try {
    const status = await get<Status>("/system/status", { symbol });
    await socket.start(); // listening first, reading then: nothing falls between
    const shown = symbol ?? status.symbol ?? status.symbols[0] ?? null;
    const [history, portfolio, decisions, pending, equity] = await Promise.all([
      get<History>("/market-rest/history", { symbol: shown, limit: HISTORY }).catch(() => null),
      get<Portfolio>("/trades/portfolio").catch(() => null),
      get<{ items: Decision[] }>("/api/decisions", { limit: 200 }).catch(() => null),
      get<{ items: Signal[] }>("/signals/pending").catch(() => null),
      get<{ points: EquityPoint[] }>("/trades/equity-curve", { limit: 400 }).catch(() => null),
    ]);
    if (mine !== generation) return; // another symbol was chosen meanwhile
    model.update((m) => ({
      ...m,
      auth: "ok",
      loading: false,
      status,
      symbol: shown,
      series: history
        ? {
            symbol: history.symbol,
            timeframe: history.timeframe,
            candles: history.candles,
            epoch: m.series.epoch + 1,
            complete: history.candles.length < HISTORY,
          }
        : { ...EMPTY_SERIES, epoch: m.series.epoch + 1 },
      zones: new Map((history?.zones ?? []).map((zone) => [zone.id, zone])),
      markers: history?.markers ?? [],
      portfolio,
      decisions: [...(decisions?.items ?? [])].sort((a, b) => b.seq - a.seq),
      signals: pending?.items ?? [],
      equity: (equity?.points ?? []).map((p) => ({ time: p.time, equity: num(p.equity) })),
      trades: m.trades + 1,
    }));
    loaded = true;
    for (const message of held) batcher.push(message);
    held = [];
  } catch (error) {
    if (mine !== generation || model.get().auth === "denied") return;
    model.update((m) => ({ ...m, link: "reconnecting" }));
    setTimeout(() => {
      if (mine === generation) void load(symbol);
    }, 2000);
    if (!(error instanceof ApiError)) throw error;
  }
}

export function start(): void {
  addEventListener("online", () => socket.hurry());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) socket.hurry();
  });
  void load(new URLSearchParams(location.search).get("symbol"));
}

export function chooseSymbol(symbol: string): void {
  model.update((m) => ({ ...m, symbol }));
  void load(symbol);
}

let reading = false;

/** Older candles, when the chart is scrolled to its left end. */
export async function loadOlder(): Promise<void> {
  const { series } = model.get();
  const before = series.candles[0]?.time;
  if (reading || series.complete || before === undefined) return;
  reading = true;
  try {
    const history = await get<History>("/market-rest/history", { symbol: series.symbol, limit: 500, before });
    model.update((m) => prependHistory(m, history));
  } catch (error) {
    complain(error, "Older candles could not be read");
  } finally {
    reading = false;
  }
}

/** Do something, tell whether it worked, and read the account again. */
async function act(what: () => Promise<unknown>, done: string): Promise<boolean> {
  try {
    const answer = (await what()) as { message?: unknown } | null;
    toast("info", "Done", typeof answer?.message === "string" ? answer.message : done);
    await refresh();
    return true;
  } catch (error) {
    complain(error);
    return false;
  }
}

async function refresh(): Promise<void> {
  const { symbol } = model.get();
  const [status, portfolio, pending] = await Promise.all([
    get<Status>("/system/status", { symbol }),
    get<Portfolio>("/trades/portfolio"),
    get<{ items: Signal[] }>("/signals/pending"),
  ]);
  model.update((m) => (m.symbol === symbol ? { ...m, status, portfolio, signals: pending.items } : m));
}

const at = encodeURIComponent;

export const closePosition = (id: string): Promise<boolean> =>
  act(() => post(`/trades/close/${at(id)}`), "The position is being closed at market.");
export const cancelOrder = (id: string): Promise<boolean> =>
  act(() => post(`/api/trading/orders/${at(id)}/cancel`), "The order is cancelled.");
export const executeOrder = (id: string): Promise<boolean> =>
  act(() => post(`/trades/execute/${at(id)}`), "The order is executed at market.");
export const executeSignal = (id: string): Promise<boolean> =>
  act(() => post(`/signals/${at(id)}/execute`), "The signal is executed.");
export const expireSignal = (id: string): Promise<boolean> =>
  act(() => post(`/signals/${at(id)}/expire`), "The signal is dropped.");
export const killSwitch = (flatten: boolean, reason: string): Promise<boolean> =>
  act(() => post("/api/kill-switch", { flatten, reason }), "Trading is halted.");
export const resume = (session: string): Promise<boolean> =>
  act(() => post(`/api/sessions/${at(session)}/resume`, { acknowledge: true }), "The session starts again.");

/** Try a token; if it is right, the server sets its cookie and the page starts. */
export async function signIn(token: string): Promise<string | null> {
  try {
    await post("/api/login", { token });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return error.message;
  }
  model.update((m) => ({ ...m, auth: "unknown", loading: true }));
  await load();
  return null;
}

let allowed: Promise<Set<string>> | null = null;

/** Which paths this server has (with `{}` for parameters); asked once, so that no button is shown that can not work. */
export function paths(): Promise<Set<string>> {
  allowed ??= get<{ paths?: object }>("/openapi.json").then(
    (api) => new Set(Object.keys(api.paths ?? {}).map((path) => path.replace(/\{[^}]*\}/g, "{}"))),
    () => new Set<string>(),
  );
  return allowed;
}

/**
 * A make-believe Triplane for developing the page: `node mock/server.mjs` (npm run mock).
 * Environment: MOCK_PORT 8000, MOCK_TOKEN (none: no sign-in), MOCK_SPEED candles a second 0.5, MOCK_SYMBOLS, MOCK_MANUAL=1,
 * MOCK_MODE paper|testnet|live, MOCK_HALTED=1. Also serves the built page when there is one.
 */
import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Hub } from "./hub.mjs";
import { Market } from "./market.mjs";
import { checks, performance, SETTINGS, validate } from "./reports.mjs";
import { Trader } from "./trader.mjs";

const SITE = join(dirname(fileURLToPath(import.meta.url)), "../../triplane/api/static");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const STEP = 900_000;
const PARTS = 12;
const PRICES = { BTCUSDT: [64_250, 1], ETHUSDT: [3_120, 2], SOLUSDT: [148, 3], DOGEUSDT: [0.1432, 5] };

export function createMock(options = {}) {
  const { symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"], speed = 0.5, history = 2400, token = "", mode = "paper" } = options;
  const sessionId = "5f0c2b7e-91aa-4c0e-8a57-2d3c6f1e7b90";
  const hub = new Hub({ sessionId, ...options.hub });
  const start = Math.floor(Date.UTC(2026, 5, 1) / STEP) * STEP;
  let live = false;
  const trader = new Trader({
    sessionId,
    manual: false,
    emit: (type, symbol, data) => live && hub.publish(type, symbol, structuredClone(data), trader.now),
  });
  const markets = new Map(
    symbols.map((symbol, i) => {
      const [price, digits] = PRICES[symbol] ?? [100, 2];
      return [symbol, new Market({ symbol, seed: (options.seed ?? 7) + i * 101, price, digits, start, stepMs: STEP })];
    }),
  );
  let settings = { ...SETTINGS, execution_mode: options.manual ? "manual" : "auto" };
  let part = 0;

  function step() {
    part = (part + 1) % PARTS;
    for (const market of markets.values()) {
      const candle = market.tick(PARTS);
      trader.onTick(market, candle);
      if (part !== 0) {
        if (live) hub.publish("market_data", market.symbol, { candle }, trader.now);
        continue;
      }
      const closed = market.close();
      if (live) hub.publish("market_data", market.symbol, { candle: closed.candle }, trader.now);
      if (live && closed.zones.length) hub.publish("zone_update", market.symbol, { zones: closed.zones }, trader.now);
      trader.onClose(market, closed.candle);
      if (live) hub.publish("session_update", market.symbol, status(market.symbol), trader.now);
    }
    if (!live) return;
    for (const p of trader.positions.values()) hub.publish("position_update", p.symbol, trader.wire(p), trader.now);
    hub.publish("account_update", null, trader.portfolio(), trader.now);
  }

  function status(symbol) {
    const state = trader.state(symbol);
    return {
      state, can_receive_signals: state === "SCANNING", is_active_trade: state === "IN_POSITION",
      cooldown_remaining: state === "COOLDOWN" ? (trader.states.get(symbol)?.left ?? 0) : 0, current_order_id: null,
      current_position_id: trader.positions.get(symbol)?.id ?? null, session_id: sessionId, mode, strategy: "ict_blocks", symbols, symbol,
      timeframe: "15m", source: "demo", speed: 60, halt_reason: trader.haltReason, data_grade: "A", gates: [],
      last_candle_time: markets.get(symbol).candles.at(-1)?.time ?? null, started_at: start, finished: false, version: "0.1.0",
    };
  }

  function historyOf(query) {
    const market = markets.get(query.get("symbol") || symbols[0]);
    if (!market) return null;
    const before = Number(query.get("before") ?? Infinity) || Infinity;
    const all = [...market.candles, market.current].filter((c) => c.time < before);
    const candles = all.slice(-Number(query.get("limit") ?? 500));
    const from = candles[0]?.time ?? 0;
    const to = candles.at(-1)?.time ?? 0;
    return {
      symbol: market.symbol, timeframe: "15m", candles,
      zones: market.zones.filter((z) => z.formed_time <= to && (z.ended_time === null || z.ended_time >= from)),
      markers: trader.markers.filter((m) => m.symbol === market.symbol && m.time >= from && m.time <= to),
    };
  }

  function read(path, query) {
    const symbol = query.get("symbol") || symbols[0];
    switch (path) {
      case "/healthz": return { status: "ok" };
      case "/openapi.json": return { paths: { "/api/trading/orders/{order_id}/cancel": {} } };
      case "/system/status": return markets.has(symbol) ? status(symbol) : null;
      case "/market-rest/history": return historyOf(query);
      case "/trades/portfolio": return trader.portfolio();
      case "/trades/history": return page([...trader.trades].reverse().filter((t) => !query.get("symbol") || t.symbol === symbol), query);
      case "/trades/performance": return performance(trader);
      case "/trades/equity-curve": return { points: trader.equity.slice(-Number(query.get("limit") ?? 500)) };
      case "/signals/pending": return page(trader.signals.filter((s) => s.status === "pending").reverse(), query);
      case "/signals/history": return page([...trader.signals].reverse(), query);
      case "/system/debug/signal-check": return checks(symbol, trader, markets.get(symbol));
      case "/settings/trading": return settings;
      case "/api/decisions": return { items: trader.decisions.slice(-Number(query.get("limit") ?? 100)).reverse() };
      case "/api/sessions": return { items: sessions(), page: 1, limit: 50, total: 2 };
      default: return null;
    }
  }

  function sessions() {
    const common = { mode, strategy: "ict_blocks", symbols, timeframe: "15m", source: "demo" };
    return [
      { id: sessionId, status: trader.haltReason ? "halted" : "running", ...common, started_at: start, ended_at: null, decisions_sha256: null, net_pnl: (trader.balance - 10_000).toFixed(2) },
      { id: "0a41d7c2-55b3-4d0e-9b7a-c1a5e0f3d222", status: "finished", ...common, started_at: start - 9e8, ended_at: start - 3e8, decisions_sha256: "9b1f6c0d4e7a8823b5c6d7e8f9a0b1c2d3e4f5061728394a5b6c7d8e9f001122", net_pnl: "-42.17" },
    ];
  }

  function write(method, path, body) {
    const [, a, b, c, d] = path.split("/");
    const problem = (code, message) => ({ code, body: { code: String(code), message } });
    if (method === "PUT" && path === "/settings/trading") {
      const errors = validate(body);
      if (errors.length) return problem(422, errors);
      settings = { ...settings, ...body };
      trader.manual = settings.execution_mode === "manual";
      return { code: 200, body: settings };
    }
    if (path === "/api/kill-switch") {
      trader.haltReason = body.reason || "kill switch";
      if (body.flatten) for (const s of [...trader.positions.keys()]) trader.shut(s, "manual", markets.get(s).current);
      for (const o of [...trader.orders.values()]) trader.endOrder(o, "cancelled");
      trader.say(null, "state", `Halted: ${trader.haltReason}.`, [], "bad");
    } else if (d === "resume") {
      if (body.acknowledge !== true) return problem(400, "acknowledge must be true.");
      trader.haltReason = null;
    } else if (a === "trades" && b === "close") {
      const p = [...trader.positions.values()].find((x) => x.id === c);
      if (!p) return problem(404, `There is no open position ${c}.`);
      trader.shut(p.symbol, "manual", markets.get(p.symbol).current);
    } else if (a === "trades" && b === "execute") {
      const order = trader.orders.get(c);
      if (!order) return problem(404, `There is no pending order ${c}.`);
      trader.fill(order, markets.get(order.symbol).current.time);
    } else if (path.startsWith("/api/trading/orders/")) {
      const order = trader.orders.get(path.split("/")[4]);
      if (!order) return problem(404, "There is no such pending order.");
      trader.endOrder(order, "cancelled");
      trader.go(order.symbol, "SCANNING", "entry_cancelled");
    } else if (a === "signals") {
      const signal = trader.signals.find((s) => s.id === b && s.status === "pending");
      if (!signal) return problem(409, "This signal is no longer pending.");
      signal.status = c === "execute" ? "executed" : "expired";
      if (c === "execute") trader.place(signal.symbol, signal.plan, markets.get(signal.symbol).digits);
      trader.emit("signal_generated", signal.symbol, signal);
    } else return problem(404, "There is no such address.");
    for (const s of symbols) hub.publish("session_update", s, status(s), trader.now);
    return { code: 200, body: { ok: true } };
  }

  const allowed = (request, url) =>
    !token || (request.headers.cookie ?? "").includes(`triplane_token=${token}`) ||
    request.headers.authorization === `Bearer ${token}` || url.searchParams.get("token") === token;

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://mock");
    const send = (code, body, headers = {}) => {
      response.writeHead(code, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
    };
    if (url.pathname === "/" && url.searchParams.has("token"))
      return send(302, {}, { location: "/", "set-cookie": `triplane_token=${url.searchParams.get("token")}; HttpOnly; SameSite=Strict; Path=/` });
    const file = join(SITE, normalize(url.pathname === "/" ? "/index.html" : url.pathname));
    if (request.method === "GET" && file.startsWith(SITE) && extname(file) in TYPES && existsSync(file)) {
      response.writeHead(200, { "content-type": TYPES[extname(file)] });
      return createReadStream(file).pipe(response);
    }
    if (!allowed(request, url) && url.pathname !== "/api/login") return send(401, { code: "unauthorized", message: "Sign in first." });
    if (request.method === "GET") {
      const body = read(url.pathname, url.searchParams);
      return body === null ? send(404, { detail: "Not found." }) : send(200, body);
    }
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString() || "{}");
      if (url.pathname === "/api/login") {
        if (body.token !== token) return send(401, { code: "unauthorized", message: "That is not the token." });
        return send(200, { signed_in: true }, { "set-cookie": `triplane_token=${token}; HttpOnly; SameSite=Strict; Path=/` });
      }
      const answer = write(request.method, url.pathname, body);
      send(answer.code, answer.body);
    });
  });
  server.on("upgrade", (request, socket, head) => {
    const url = new URL(request.url, "http://mock");
    if (url.pathname !== "/ws" || !allowed(request, url)) return socket.end("HTTP/1.1 403 Forbidden\r\n\r\n");
    hub.upgrade(request, socket, head);
  });

  for (let i = 0; i < history * PARTS; i += 1) step();
  trader.manual = Boolean(options.manual);
  if (options.halted) trader.haltReason = "The daily loss limit of 3 % was reached.";
  live = true;
  let timer;
  return {
    hub,
    step,
    trader,
    listen: (port = 0) =>
      new Promise((done) => server.listen(port, "127.0.0.1", () => {
        if (speed > 0) timer = setInterval(step, 1000 / (speed * PARTS));
        done(server.address().port);
      })),
    close() {
      clearInterval(timer);
      hub.close();
      server.closeAllConnections();
      server.close();
    },
  };
}

function page(all, query) {
  const limit = Number(query.get("limit") ?? 50);
  const number = Number(query.get("page") ?? 1);
  return { items: all.slice((number - 1) * limit, number * limit), page: number, limit, total: all.length };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const env = process.env;
  const mock = createMock({
    token: env.MOCK_TOKEN ?? "", speed: Number(env.MOCK_SPEED ?? 0.5), mode: env.MOCK_MODE ?? "paper",
    symbols: (env.MOCK_SYMBOLS ?? "BTCUSDT,ETHUSDT,SOLUSDT").split(","), manual: env.MOCK_MANUAL === "1",
    halted: env.MOCK_HALTED === "1", seed: Number(env.MOCK_SEED ?? 7),
  });
  const port = await mock.listen(Number(env.MOCK_PORT ?? 8000));
  console.log(`mock of Triplane on http://127.0.0.1:${port}/${env.MOCK_TOKEN ? `?token=${env.MOCK_TOKEN}` : ""}`);
}

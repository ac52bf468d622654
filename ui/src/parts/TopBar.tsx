/** Who is trading what, in which state, on whose money; and the switch that stops it. */
import { useEffect, useState, type ReactNode } from "react";
import { chooseSession, chooseSymbol, model, pulse } from "../data/client";
import { goesOn, sessionsOf, titleOf } from "../data/health";
import type { Model } from "../data/model";
import { useStore } from "../data/store";
import type { SessionHealth, Status } from "../data/types";
import { DASH, formatPercent, formatPrice, pair, pricePrecision, words } from "../lib/format";
import { theme, toggleTheme } from "../lib/theme";
import { Chevron, Logo, Moon, Power, Sun } from "./icons";
import { KillDialog } from "./KillDialog";

const BANNERS: Record<string, { title: string; text: string }> = {
  paper: { title: "PAPER", text: "Simulated money. No order reaches an exchange." },
  testnet: { title: "TESTNET", text: "Orders go to the exchange's test venue. No real money." },
  live: { title: "LIVE", text: "Real orders with real money." },
};

/** The mode of the session that is shown, and a word about others whose orders leave this computer. */
export function ModeBanner(): ReactNode {
  const status = useStore(model, (m) => m.status);
  const health = useStore(pulse, (p) => p.health);
  const banner = BANNERS[status?.mode ?? ""];
  if (!status || !banner) return null;
  const others = sessionsOf(health).filter(
    (one) => goesOn(one) && one.mode !== "paper" && one.session_id !== status.session_id,
  );
  return (
    <div className={`banner ${status.mode}`} role="note" aria-label={`Mode: ${banner.title}. ${banner.text}`}>
      <strong>{banner.title}</strong>
      <span>{banner.text}</span>
      {others.map((one) => (
        <button key={one.session_id} type="button" className="beside" onClick={() => chooseSession(one.session_id)}>
          {one.mode.toUpperCase()} runs beside it: {one.strategy}
        </button>
      ))}
    </div>
  );
}

const STATE_TEXT: Record<string, string> = {
  BOOTSTRAP: "Loading history and warming the indicators",
  SCANNING: "Looking for the next signal",
  ENTRY_PENDING: "An entry order is waiting to be filled",
  IN_POSITION: "A position is open",
  COOLDOWN: "Pausing after a trade",
  HALTED: "Trading is stopped",
};

export function StateBadge({ status }: { status: Status }): ReactNode {
  const left = status.state === "COOLDOWN" && status.cooldown_remaining > 0 ? ` ${status.cooldown_remaining}` : "";
  return (
    <span className={`state ${status.state.toLowerCase()}`} title={STATE_TEXT[status.state]} role="status">
      <i />
      {words(status.state)}
      {left}
    </span>
  );
}

function Options({ label, sessions }: { label: string; sessions: readonly SessionHealth[] }): ReactNode {
  if (sessions.length === 0) return null;
  return (
    <optgroup label={label}>
      {sessions.map((session) => (
        <option key={session.session_id} value={session.session_id}>
          {titleOf(session)}
        </option>
      ))}
    </optgroup>
  );
}

/** Which session is shown, when there is more than one. */
function Sessions({ status }: { status: Status }): ReactNode {
  const sessions = sessionsOf(useStore(pulse, (p) => p.health));
  const known = sessions.some((one) => one.session_id === status.session_id);
  if (sessions.length + Number(!known) < 2) return null;
  return (
    <label className="select session">
      <span className="hidden">Session</span>
      <select value={status.session_id} onChange={(event) => chooseSession(event.target.value)}>
        {!known && <option value={status.session_id}>{status.session_id}</option>}
        <Options label="Running" sessions={sessions.filter(goesOn)} />
        <Options label="Over" sessions={sessions.filter((one) => !goesOn(one))} />
      </select>
      <Chevron />
    </label>
  );
}

function Symbols({ status, symbol }: { status: Status; symbol: string | null }): ReactNode {
  if (status.symbols.length < 2) return <strong className="symbol">{pair(symbol ?? "")}</strong>;
  return (
    <label className="select symbol">
      <span className="hidden">Symbol</span>
      <select value={symbol ?? ""} onChange={(event) => chooseSymbol(event.target.value)}>
        {status.symbols.map((name) => (
          <option key={name} value={name}>
            {pair(name)}
          </option>
        ))}
      </select>
      <Chevron />
    </label>
  );
}

const lastCandle = (m: Model): Model["series"]["candles"][number] | undefined => m.series.candles.at(-1);

/** The last price, and the change over 24 hours as far as the loaded candles reach. */
function Price(): ReactNode {
  const candles = useStore(model, (m) => m.series.candles);
  const last = useStore(model, lastCandle);
  if (!last) return null;
  const digits = pricePrecision(candles.slice(-120).map((c) => c.close));
  const from = last.time - 86_400_000;
  const first = candles.find((candle) => candle.time >= from) ?? last;
  const change = (last.close / first.open - 1) * 100;
  return (
    <div className="price">
      <b className="num">{formatPrice(last.close, digits)}</b>
      <span className={change >= 0 ? "num up" : "num down"}>{formatPercent(change, true)}</span>
      <small>24h</small>
    </div>
  );
}

const LINK = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" } as const;

export function LinkDot(): ReactNode {
  const link = useStore(model, (m) => m.link);
  const finished = useStore(model, (m) => m.status?.finished === true);
  const text = finished ? "Source finished" : LINK[link];
  return (
    <span className={`link ${finished ? "done" : link}`} role="status" aria-label={`Connection: ${text}`} title={text}>
      <i />
      <span>{text}</span>
    </span>
  );
}

function ThemeButton(): ReactNode {
  const dark = useStore(theme, (t) => t === "dark");
  return (
    <button
      type="button"
      className="ghost square"
      aria-label={dark ? "Use the light theme" : "Use the dark theme"}
      onClick={toggleTheme}
    >
      {dark ? <Sun /> : <Moon />}
    </button>
  );
}

export function TopBar(): ReactNode {
  const status = useStore(model, (m) => m.status);
  const symbol = useStore(model, (m) => m.symbol);
  const [killing, setKilling] = useState(false);
  useEffect(() => {
    const mode = status ? `${status.mode.toUpperCase()} · ` : "";
    document.title = symbol ? `${mode}${pair(symbol)} – Triplane` : "Triplane";
  }, [status, symbol]);
  return (
    <header className="topbar">
      <div className="brand">
        <Logo />
        <span>Triplane</span>
      </div>
      {status && (
        <>
          <Sessions status={status} />
          <Symbols status={status} symbol={symbol} />
          <Price />
          <div className="facts">
            <StateBadge status={status} />
            <span className="fact" title="Timeframe of decisions">
              {status.timeframe}
            </span>
            <span className="fact" title="Strategy">
              {status.strategy}
            </span>
            <span
              className={`fact grade grade-${(status.data_grade ?? "none").toLowerCase()}`}
              title={`Data quality ${status.data_grade ?? "not graded yet"}, from A to F${status.gates.length ? `; closed gates: ${status.gates.map(words).join(", ")}` : ""}`}
            >
              Data <b>{status.data_grade ?? DASH}</b>
            </span>
            {status.gates.map((gate) => (
              <span className="fact gate" key={gate} title="This gate is closed: no entries">
                {words(gate)}
              </span>
            ))}
          </div>
        </>
      )}
      <div className="tools">
        <LinkDot />
        <ThemeButton />
        <button
          type="button"
          className="button kill"
          aria-label="Kill switch: stop all trading"
          onClick={() => setKilling(true)}
        >
          <Power />
          <span>Kill switch</span>
        </button>
      </div>
      {killing && <KillDialog onClose={() => setKilling(false)} />}
    </header>
  );
}

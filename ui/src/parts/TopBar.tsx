/** Who is trading what, in which state, on whose money; and the switch that stops it. */
import { useEffect, useState, type ReactNode } from "react";
import { chooseSymbol, killSwitch, model, resume } from "../data/client";
import type { Model } from "../data/model";
import { useStore } from "../data/store";
import type { Mode, State, Status } from "../data/types";
import { DASH, formatPercent, formatPrice, pair, pricePrecision, reason, words } from "../lib/format";
import { theme, toggleTheme } from "../lib/theme";
import { Confirm } from "./basics";
import { Chevron, Logo, Moon, Power, Sun, Warning } from "./icons";

const BANNERS: Record<Mode, { title: string; text: string }> = {
  paper: { title: "PAPER", text: "Simulated money. No order reaches an exchange." },
  testnet: { title: "TESTNET", text: "Orders go to the exchange's test venue. No real money." },
  live: { title: "LIVE", text: "Real orders with real money." },
};

export function ModeBanner(): ReactNode {
  const mode = useStore(model, (m) => m.status?.mode);
  if (!mode) return null;
  const banner = BANNERS[mode];
  return (
    <div className={`banner ${mode}`} role="note" aria-label={`Mode: ${banner.title}. ${banner.text}`}>
      <strong>{banner.title}</strong>
      <span>{banner.text}</span>
    </div>
  );
}

const STATE_TEXT: Record<State, string> = {
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

function KillDialog({ onClose }: { onClose: () => void }): ReactNode {
  const [flatten, setFlatten] = useState(false);
  const [reason, setReason] = useState("");
  return (
    <Confirm
      title="Stop all trading?"
      action={flatten ? "Stop and close positions" : "Stop trading"}
      danger
      onClose={onClose}
      onConfirm={() => killSwitch(flatten, reason.trim() || "Stopped by hand")}
    >
      <p>
        Waiting entry orders are cancelled and every session halts, also after a restart, until you resume it. Stops and
        targets of open positions stay in place.
      </p>
      <label className="check">
        <input type="checkbox" checked={flatten} onChange={(event) => setFlatten(event.target.checked)} />
        <span>Also close every open position at market</span>
      </label>
      <label className="field">
        <span>Reason, kept in the log</span>
        <input
          type="text"
          value={reason}
          maxLength={200}
          placeholder="Stopped by hand"
          onChange={(event) => setReason(event.target.value)}
        />
      </label>
    </Confirm>
  );
}

function ResumeDialog({ status, onClose }: { status: Status; onClose: () => void }): ReactNode {
  const [read, setRead] = useState(false);
  return (
    <Confirm
      title="Resume trading?"
      action="Resume"
      disabled={!read}
      onClose={onClose}
      onConfirm={() => resume(status.session_id)}
    >
      <p>
        Trading was stopped: <strong>{status.halt_reason ? reason(status.halt_reason) : "no reason was given"}</strong>
      </p>
      <p>The session loads its history again, then looks for signals.</p>
      <label className="check">
        <input type="checkbox" checked={read} onChange={(event) => setRead(event.target.checked)} />
        <span>I know why it stopped and want it to trade again</span>
      </label>
    </Confirm>
  );
}

export function HaltBar(): ReactNode {
  const status = useStore(model, (m) => m.status);
  const [asking, setAsking] = useState(false);
  if (!status || (status.state !== "HALTED" && !status.halt_reason)) return null;
  return (
    <div className="halt" role="alert">
      <Warning />
      <span>
        <strong>Halted.</strong> {status.halt_reason ? reason(status.halt_reason) : "No new positions are opened."}
      </span>
      <button type="button" className="button small" onClick={() => setAsking(true)}>
        Resume…
      </button>
      {asking && <ResumeDialog status={status} onClose={() => setAsking(false)} />}
    </div>
  );
}

export function TopBar(): ReactNode {
  const status = useStore(model, (m) => m.status);
  const symbol = useStore(model, (m) => m.symbol);
  const [killing, setKilling] = useState(false);
  const halted = status?.state === "HALTED";
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
          disabled={!status || halted}
          aria-label="Kill switch: stop all trading"
          onClick={() => setKilling(true)}
        >
          <Power />
          <span>{halted ? "Halted" : "Kill switch"}</span>
        </button>
      </div>
      {killing && <KillDialog onClose={() => setKilling(false)} />}
    </header>
  );
}

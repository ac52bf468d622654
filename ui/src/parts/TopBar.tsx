/** Who is trading what, in which state, on whose money; and the switch that stops it. */
import { useEffect, useState, type ReactNode } from "react";
import { chooseSession, chooseSymbol, model, pulse } from "../data/client";
import { goesOn, sessionsOf, titleOf } from "../data/health";
import { useStore } from "../data/store";
import type { Status } from "../data/types";
import { DASH, formatPercent, formatPrice, pair, pricePrecision, words } from "../lib/format";
import { theme, toggleTheme } from "../lib/theme";
import { Button, IconButton } from "./basics";
import { Icon, Logo } from "./icons";
import { KillDialog } from "./KillDialog";

const BANNERS: Record<string, string> = {
  paper: "Simulated money. No order reaches an exchange.",
  testnet: "Orders go to the exchange's test venue. No real money.",
  live: "Real orders with real money.",
};

/** The mode of the session that is shown, and a word about others whose orders leave this computer. */
export function ModeBanner(): ReactNode {
  const status = useStore(model, (m) => m.status);
  const health = useStore(pulse, (p) => p.health);
  const text = BANNERS[status?.mode ?? ""];
  if (!status || !text) return null;
  const title = status.mode.toUpperCase();
  const others = sessionsOf(health).filter(
    (one) => goesOn(one) && one.mode !== "paper" && one.session_id !== status.session_id,
  );
  return (
    <div className={`banner row ${status.mode}`} role="note" aria-label={`Mode: ${title}. ${text}`}>
      <strong>{title}</strong>
      <span>{text}</span>
      {others.map((one) => (
        <button key={one.session_id} type="button" className="beside" onClick={() => chooseSession(one.session_id)}>
          {one.mode.toUpperCase()} runs beside it: {one.strategy}
        </button>
      ))}
    </div>
  );
}

/** Each state's tone, and what it means. */
const STATES: Record<string, [tone: string, text: string]> = {
  BOOTSTRAP: ["", "Loading history and warming the indicators"],
  SCANNING: ["info", "Looking for the next signal"],
  ENTRY_PENDING: ["warn", "An entry order is waiting to be filled"],
  IN_POSITION: ["good", "A position is open"],
  COOLDOWN: ["violet", "Pausing after a trade"],
  HALTED: ["bad", "Trading is stopped"],
};

export function StateBadge({ status: { state, cooldown_remaining } }: { status: Status }): ReactNode {
  const [tone, text] = STATES[state] ?? [];
  return (
    <span className={`state badge strong ${tone ?? ""} ${state.toLowerCase()}`} title={text} role="status">
      <i className="dot" />
      {words(state)}
      {state === "COOLDOWN" && cooldown_remaining > 0 && ` ${cooldown_remaining}`}
    </span>
  );
}

interface SelectProps {
  look: string;
  label: string;
  value: string;
  onChange: (value: string) => void;
  children: ReactNode;
}

const Select = ({ look, label, value, onChange, children }: SelectProps): ReactNode => (
  <label className={`select row ${look}`}>
    <span className="hidden">{label}</span>
    <select value={value} onChange={(event) => onChange(event.target.value)}>
      {children}
    </select>
    <Icon name="chevron" size={12} />
  </label>
);

/** Which session is shown, when there is more than one. */
function Sessions({ status }: { status: Status }): ReactNode {
  const sessions = sessionsOf(useStore(pulse, (p) => p.health));
  const known = sessions.some((one) => one.session_id === status.session_id);
  if (sessions.length + Number(!known) < 2) return null;
  const groups = Object.entries({ Running: sessions.filter(goesOn), Over: sessions.filter((one) => !goesOn(one)) })
    .filter(([, list]) => list.length > 0);
  return (
    <Select look="session" label="Session" value={status.session_id} onChange={chooseSession}>
      {!known && <option>{status.session_id}</option>}
      {groups.map(([label, list]) => (
        <optgroup key={label} label={label}>
          {list.map((one) => (
            <option key={one.session_id} value={one.session_id}>
              {titleOf(one)}
            </option>
          ))}
        </optgroup>
      ))}
    </Select>
  );
}

function Symbols({ status, symbol }: { status: Status; symbol: string | null }): ReactNode {
  if (status.symbols.length < 2) return <strong className="symbol nowrap">{pair(symbol ?? "")}</strong>;
  return (
    <Select look="symbol" label="Symbol" value={symbol ?? ""} onChange={chooseSymbol}>
      {status.symbols.map((name) => (
        <option key={name} value={name}>
          {pair(name)}
        </option>
      ))}
    </Select>
  );
}

/** The last price, and the change over 24 hours as far as the loaded candles reach. */
function Price(): ReactNode {
  const candles = useStore(model, (m) => m.series.candles);
  const last = candles.at(-1);
  if (!last) return null;
  const digits = pricePrecision(candles.slice(-120).map((c) => c.close));
  const from = last.time - 86_400_000;
  const first = candles.find((candle) => candle.time >= from) ?? last;
  const change = (last.close / first.open - 1) * 100;
  return (
    <div className="price row baseline nowrap">
      <b className="num">{formatPrice(last.close, digits)}</b>
      <span className={change >= 0 ? "num up" : "num down"}>{formatPercent(change, true)}</span>
      <small>24h</small>
    </div>
  );
}

export function LinkDot(): ReactNode {
  const link = useStore(model, (m) => m.link);
  const finished = useStore(model, (m) => m.status?.finished === true);
  const text = finished ? "Source finished" : words(link);
  const tone = finished ? "muted" : link === "live" ? "up" : "warn";
  return (
    <span className={`link row small nowrap ${tone} ${finished ? "done" : link}`} role="status" aria-label={`Connection: ${text}`} title={text}>
      <i className="dot" />
      <span>{text}</span>
    </span>
  );
}

function ThemeButton(): ReactNode {
  const dark = useStore(theme, (t) => t === "dark");
  const label = dark ? "Use the light theme" : "Use the dark theme";
  return <IconButton icon={dark ? "sun" : "moon"} label={label} onClick={toggleTheme} />;
}

const Fact = ({ title, text, look = "" }: { title: string; text: ReactNode; look?: string }): ReactNode => (
  <span className={`fact badge ${look}`} title={title}>
    {text}
  </span>
);

function Facts({ status }: { status: Status }): ReactNode {
  const { data_grade, gates } = status;
  const closed = gates.length > 0 ? `; closed gates: ${gates.map(words).join(", ")}` : "";
  const grade = <b className={GRADES[data_grade ?? ""] ?? "up"}>{data_grade ?? DASH}</b>;
  return (
    <div className="facts row">
      <StateBadge status={status} />
      <Fact title="Timeframe of decisions" text={status.timeframe} />
      <Fact title="Strategy" text={status.strategy} />
      <Fact look="grade" title={`Data quality ${data_grade ?? "not graded yet"}, from A to F${closed}`} text={<>Data {grade}</>} />
      {gates.map((gate) => (
        <Fact key={gate} look="gate bad" title="This gate is closed: no entries" text={words(gate)} />
      ))}
    </div>
  );
}

/** The tones of grades that are not well. */
const GRADES: Record<string, string> = { C: "warn", D: "down", F: "down" };

export function TopBar(): ReactNode {
  const status = useStore(model, (m) => m.status);
  const symbol = useStore(model, (m) => m.symbol);
  const [killing, setKilling] = useState(false);
  useEffect(() => {
    const mode = status ? `${status.mode.toUpperCase()} · ` : "";
    document.title = symbol ? `${mode}${pair(symbol)} – Triplane` : "Triplane";
  }, [status, symbol]);
  return (
    <header className="topbar row">
      <div className="brand row">
        <Logo />
        <span>Triplane</span>
      </div>
      {status && (
        <>
          <Sessions status={status} />
          <Symbols status={status} symbol={symbol} />
          <Price />
          <Facts status={status} />
        </>
      )}
      <div className="tools row">
        <LinkDot />
        <ThemeButton />
        <Button look="kill" aria-label="Kill switch: stop all trading" onClick={() => setKilling(true)}>
          <Icon name="power" />
          <span>Kill switch</span>
        </Button>
      </div>
      {killing && <KillDialog onClose={() => setKilling(false)} />}
    </header>
  );
}

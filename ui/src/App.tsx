/** The page: banner, top bar, chart, account, and the dock with everything else. On a phone, one of three views. */
import { useEffect, useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from "react";
import { ChartPanel } from "./chart/ChartPanel";
import { model, pulse } from "./data/client";
import { staleness } from "./data/health";
import { useStore } from "./data/store";
import { formatClock, formatDate, shortId } from "./lib/format";
import { prefs, setPrefs } from "./lib/prefs";
import { Account } from "./panels/Account";
import { Decisions } from "./panels/Decisions";
import { Performance } from "./panels/Performance";
import { Sessions } from "./panels/Sessions";
import { Settings } from "./panels/Settings";
import { Trades } from "./panels/Trades";
import { WhyNot } from "./panels/WhyNot";
import { AgeNote, FaultBar } from "./parts/FaultBar";
import { Icon } from "./parts/icons";
import { SignIn } from "./parts/SignIn";
import { Toasts } from "./parts/Toasts";
import { ModeBanner, TopBar } from "./parts/TopBar";

const TABS = [
  ["decisions", "Decisions", Decisions],
  ["trades", "Trades", Trades],
  ["performance", "Performance", Performance],
  ["why", "Why no trade?", WhyNot],
  ["sessions", "Sessions", Sessions],
  ["settings", "Settings", Settings],
] as const;

/** Read from the database, and old when that is behind. */
const LISTS = new Set<string>(["trades", "sessions"]);

type View = "chart" | "account" | "log";

export function App(): ReactNode {
  const auth = useStore(model, (m) => m.auth);
  const [view, setView] = useState<View>("chart");
  const dock = useStore(prefs, (p) => p.dock);
  const session = useStore(model, (m) => m.session);
  const { all, market, lists } = staleness(useStore(pulse, (p) => p), session);
  if (auth === "denied") return <SignIn />;
  const stale = [all && "account", market && "market", lists && "lists"].filter(Boolean).join(" ");
  return (
    <div className="app" data-view={view} data-stale={stale} style={{ "--dock": `${dock}px` } as React.CSSProperties}>
      <ModeBanner />
      <TopBar />
      <FaultBar />
      <main>
        <ChartPanel />
        <aside className="side" aria-label="Account">
          <AgeNote of="all" />
          <div className="fades">
            <Account />
          </div>
        </aside>
        <Dock />
      </main>
      <StatusBar />
      <PhoneNav view={view} onView={setView} />
      <Toasts />
    </div>
  );
}

function Dock(): ReactNode {
  const chosen = useStore(prefs, (p) => p.tab);
  const list = useRef<HTMLDivElement>(null);
  const current = TABS.find(([id]) => id === chosen) ?? TABS[0];
  const [id, label, Panel] = current;
  const onKey = (event: KeyboardEvent): void => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const next = TABS[(TABS.indexOf(current) + step + TABS.length) % TABS.length] ?? TABS[0];
    setPrefs({ tab: next[0] });
    list.current?.querySelector<HTMLElement>(`#tab-${next[0]}`)?.focus();
  };
  return (
    <section className="dock">
      <Splitter />
      <div className="tabs" role="tablist" aria-label="Reports" ref={list} onKeyDown={onKey}>
        {TABS.map(([name, text]) => (
          <button
            key={name}
            id={`tab-${name}`}
            type="button"
            role="tab"
            aria-selected={name === id}
            aria-controls="dock-panel"
            tabIndex={name === id ? 0 : -1}
            onClick={() => setPrefs({ tab: name })}
          >
            {text}
          </button>
        ))}
      </div>
      <div className="panel" id="dock-panel" role="tabpanel" aria-label={label} tabIndex={0}>
        {LISTS.has(id) && <AgeNote of="lists" />}
        <div className={LISTS.has(id) ? "fades" : ""}>
          <Panel key={id} />
        </div>
      </div>
    </section>
  );
}

const SMALLEST = 120;

/** Drag, or use the arrow keys, to give the chart more or less room. */
function Splitter(): ReactNode {
  const dock = useStore(prefs, (p) => p.dock);
  const set = (height: number): void =>
    setPrefs({ dock: Math.round(Math.min(Math.max(height, SMALLEST), innerHeight - 320)) });
  const onPointerDown = (event: PointerEvent<HTMLDivElement>): void => {
    const from = event.clientY;
    const target = event.currentTarget;
    target.setPointerCapture(event.pointerId);
    const move = (e: globalThis.PointerEvent): void => set(dock + from - e.clientY);
    target.addEventListener("pointermove", move);
    target.addEventListener("pointerup", () => target.removeEventListener("pointermove", move), { once: true });
  };
  return (
    <div
      className="splitter"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the reports"
      aria-valuenow={dock}
      aria-valuemin={SMALLEST}
      tabIndex={0}
      onPointerDown={onPointerDown}
      onKeyDown={(event) => {
        if (event.key === "ArrowUp") set(dock + 24);
        if (event.key === "ArrowDown") set(dock - 24);
      }}
    />
  );
}

function StatusBar(): ReactNode {
  const status = useStore(model, (m) => m.status);
  const last = useStore(model, (m) => m.series.candles.at(-1)?.time);
  return (
    <footer className="statusbar row">
      {status && (
        <>
          <span>
            Session <b className="mono">{shortId(status.session_id)}</b>
          </span>
          <span className="clip" title={status.source}>
            Source <b>{status.source}</b>
            {` at ${status.speed}${/\d$/.test(String(status.speed)) ? "×" : ""}`}
          </span>
          {last !== undefined && (
            <span className="num">
              Market time <b>{`${formatDate(last)} ${formatClock(last)}`}</b> UTC
            </span>
          )}
        </>
      )}
      <span className="grow" />
      <a href="https://www.tradingview.com/" target="_blank" rel="noreferrer noopener">
        Charts by TradingView Lightweight Charts™
      </a>
      {status && <span>Triplane {status.version}</span>}
    </footer>
  );
}

const VIEWS = [
  ["chart", "Chart", "chart"],
  ["account", "Account", "wallet"],
  ["log", "Reports", "list"],
] as const;

function PhoneNav({ view, onView }: { view: View; onView: (view: View) => void }): ReactNode {
  const open = useStore(model, (m) => (m.portfolio?.open_positions.length ?? 0) + m.signals.length);
  useEffect(() => {
    dispatchEvent(new Event("resize")); // the chart measures itself again when it is shown
  }, [view]);
  return (
    <nav className="phone-nav" aria-label="Views">
      {VIEWS.map(([name, label, icon]) => (
        <button key={name} type="button" aria-current={view === name ? "page" : undefined} onClick={() => onView(name)}>
          <Icon name={icon} size={18} />
          {label}
          {name === "account" && open > 0 && <i className="tag count">{open}</i>}
        </button>
      ))}
    </nav>
  );
}

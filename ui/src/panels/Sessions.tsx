/** All sessions of this installation: what runs, what is over, and how another one is started. */
import { useState, type ReactNode } from "react";
import { chooseSession, model, pulse, stopSession } from "../data/client";
import { faults, goesOn, sessionsOf, type Shown } from "../data/health";
import { get } from "../data/rest";
import { useStore } from "../data/store";
import type { Session } from "../data/types";
import { DASH, formatMoney, formatTime, pair, shortId, tone, words } from "../lib/format";
import { Button, Confirm, Empty, Skeleton, SmallButton, Table, type Column } from "../parts/basics";
import { ResumeDialog } from "../parts/FaultBar";
import { StartDialog } from "../parts/StartDialog";
import { useResource } from "../parts/useResource";

export function Sessions(): ReactNode {
  const current = useStore(model, (m) => m.session);
  const told = useStore(pulse, (p) => p);
  const [starting, setStarting] = useState(false);
  const known = sessionsOf(told.health);
  const { data, error } = useResource(() => get("/api/sessions", { limit: 50 }), {
    key: known.map((one) => `${one.session_id}${one.status}${one.halted}`).join(),
    every: 10_000,
  });
  const resumable = faults(told, null).filter((fault) => fault.resumable);
  const halts = new Map(resumable.map((fault) => [fault.session_id, fault]));
  const columns: Column<Session>[] = [
    {
      head: "Session",
      look: "mono",
      title: ({ id }) => id,
      cell: ({ id }) => (
        <>
          {shortId(id)} {id === current && <span className="tag count">this one</span>}
        </>
      ),
    },
    {
      head: "Status",
      title: ({ error }) => error,
      cell: ({ id, status }) => (
        <>
          {words(status)}
          {halts.has(id) && <span className="down"> halted</span>}
        </>
      ),
    },
    ...FACTS,
    {
      head: <span className="hidden">Actions</span>,
      look: "right",
      cell: (session) => (
        <Actions
          session={session}
          readable={session.id !== current && known.some((one) => one.session_id === session.id)}
          halt={halts.get(session.id)}
        />
      ),
    },
  ];
  return (
    <>
      <div className="actions row end">
        <Button look="small primary" onClick={() => setStarting(true)}>
          Start a session…
        </Button>
      </div>
      {starting && <StartDialog onClose={() => setStarting(false)} />}
      {!data && (error ? <Empty title="The sessions could not be read">{error}</Empty> : <Skeleton />)}
      {data?.items.length === 0 && <Empty title="No session yet" />}
      {data && data.items.length > 0 && <Table columns={columns} rows={data.items} current={current} />}
    </>
  );
}

const FACTS: readonly Column<Session>[] = [
  { head: "Mode", cell: ({ mode }) => mode.toUpperCase() },
  {
    head: "Strategy",
    cell: ({ strategy, timeframe }) => (
      <>
        {strategy} <span className="muted">{timeframe}</span>
      </>
    ),
  },
  { head: "Symbols", cell: ({ symbols }) => symbols.map(pair).join(", ") },
  { head: "Source", look: "clip", title: ({ source }) => source, cell: ({ source }) => source },
  { head: "Started (UTC)", look: "num", cell: ({ started_at }) => formatTime(started_at) },
  { head: "Ended", look: "num", cell: ({ ended_at }) => formatTime(ended_at) },
  {
    head: "Net P&L",
    look: "num right strong",
    tone: ({ net_pnl }) => tone(net_pnl),
    cell: ({ net_pnl }) => formatMoney(net_pnl, true),
  },
  {
    head: "Decisions",
    look: "mono muted",
    title: ({ decisions_sha256 }) => decisions_sha256,
    cell: ({ decisions_sha256 }) => decisions_sha256?.slice(0, 12) ?? DASH,
  },
];

interface ActionsProps {
  session: Session;
  /** It is not shown, and the server holds all of it, so it can be. */
  readable: boolean;
  halt: Shown | undefined;
}

function Actions({ session: { id, status }, readable, halt }: ActionsProps): ReactNode {
  const [asking, setAsking] = useState<"stop" | "resume" | null>(null);
  const close = (): void => setAsking(null);
  return (
    <>
      {readable && <SmallButton onClick={() => chooseSession(id)}>Show</SmallButton>}{" "}
      {halt && <SmallButton onClick={() => setAsking("resume")}>Resume…</SmallButton>}{" "}
      {goesOn({ status }) && <SmallButton onClick={() => setAsking("stop")}>Stop…</SmallButton>}
      {asking === "resume" && halt && <ResumeDialog fault={halt} shown={id} onClose={close} />}
      {asking === "stop" && (
        <Confirm
          title={`Stop session ${id}?`}
          action="Stop the session"
          danger
          onClose={close}
          onConfirm={() => stopSession(id)}
        >
          <p>
            It decides nothing more. An open position stays open: stops and targets that rest at an exchange stay
            there, on paper nothing watches them until the session is started again with the same settings.
          </p>
        </Confirm>
      )}
    </>
  );
}

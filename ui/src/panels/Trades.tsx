/** Closed trades, a page at a time. */
import { useState, type ReactNode } from "react";
import { model } from "../data/client";
import { get } from "../data/rest";
import { useStore } from "../data/store";
import type { Trade } from "../data/types";
import { formatDuration, formatMoney, formatNumber, formatPrice, formatQuantity, formatTime, pair } from "../lib/format";
import { pricePrecision, tone, words } from "../lib/format";
import { Empty, Skeleton, SmallButton, Table, type Column } from "../parts/basics";
import { useResource } from "../parts/useResource";

const LIMIT = 25;

const price = ({ entry_price, exit_price }: Trade, value: string): string =>
  formatPrice(value, pricePrecision([entry_price, exit_price]));

function Side({ of }: { of: Trade }): ReactNode {
  const long = /^(long|buy)$/i.test(of.side);
  return <span className={`tag ${long ? "good" : "bad"}`}>{long ? "LONG" : "SHORT"}</span>;
}

const COLUMNS: readonly Column<Trade>[] = [
  { head: "Closed (UTC)", look: "num", cell: (trade) => formatTime(trade.exit_time) },
  { head: "Symbol", cell: (trade) => pair(trade.symbol) },
  { head: "Side", cell: (trade) => <Side of={trade} /> },
  { head: "Quantity", look: "num right", cell: (trade) => formatQuantity(trade.quantity) },
  { head: "Entry", look: "num right", cell: (trade) => price(trade, trade.entry_price) },
  { head: "Exit", look: "num right", cell: (trade) => price(trade, trade.exit_price) },
  { head: "P&L", look: "num right strong", tone: ({ pnl }) => tone(pnl), cell: ({ pnl }) => formatMoney(pnl, true) },
  { head: "R", look: "num right", tone: ({ r_multiple: r }) => tone(r), cell: ({ r_multiple: r }) => formatNumber(r) },
  { head: "Fees", look: "num right muted", cell: (trade) => formatMoney(trade.fees) },
  { head: "Reason", cell: (trade) => words(trade.exit_reason) + (trade.simulated === true ? ", simulated" : "") },
  { head: "Held", look: "num right muted", cell: (trade) => formatDuration(trade.exit_time - trade.entry_time) },
];

/** In a portfolio, whose trade it was. */
const WITH_SLEEVE = COLUMNS.toSpliced(2, 0, { head: "Sleeve", cell: (trade) => trade.sleeve });

export function Trades(): ReactNode {
  const version = useStore(model, (m) => m.trades);
  const session = useStore(model, (m) => m.session);
  const sleeves = useStore(model, (m) => m.status?.symbols.some((name) => name.includes(":")) === true);
  const [page, setPage] = useState(1);
  const { data, error } = useResource(() => get("/trades/history", { page, limit: LIMIT, session }), {
    key: `${session}${page}`,
    version,
  });
  if (!data) return error ? <Empty title="The trades could not be read">{error}</Empty> : <Skeleton />;
  if (data.total === 0) return <Empty title="No trade yet">Closed trades are listed here with their result.</Empty>;
  const pages = Math.max(1, Math.ceil(data.total / LIMIT));
  return (
    <>
      <Table columns={sleeves ? WITH_SLEEVE : COLUMNS} rows={data.items} />
      <nav className="foot row end" aria-label="Pages of trades">
        <span className="muted push">
          {formatNumber(data.total, 0)} {data.total === 1 ? "trade" : "trades"}
        </span>
        <SmallButton disabled={page <= 1} onClick={() => setPage(page - 1)}>
          Newer
        </SmallButton>
        <span className="num">
          {page} / {pages}
        </span>
        <SmallButton disabled={page >= pages} onClick={() => setPage(page + 1)}>
          Older
        </SmallButton>
      </nav>
    </>
  );
}

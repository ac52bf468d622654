/** Closed trades, a page at a time. */
import { useState, type ReactNode } from "react";
import { model } from "../data/client";
import { get } from "../data/rest";
import { useStore } from "../data/store";
import type { Trade } from "../data/types";
import { formatDuration, formatMoney, formatNumber, formatPrice, formatQuantity, formatTime, pair } from "../lib/format";
import { pricePrecision, tone, words } from "../lib/format";
import { Empty, Skeleton } from "../parts/basics";
import { useResource } from "../parts/useResource";

const LIMIT = 25;

export function Trades(): ReactNode {
  const version = useStore(model, (m) => m.trades);
  const session = useStore(model, (m) => m.session);
  const [page, setPage] = useState(1);
  const { data, error } = useResource(() => get("/trades/history", { page, limit: LIMIT, session }), {
    key: `${session}${page}`,
    version,
  });
  if (!data) return error ? <Empty title="The trades could not be read">{error}</Empty> : <Skeleton />;
  if (data.total === 0) return <Empty title="No trade yet">Closed trades are listed here with their result.</Empty>;
  return (
    <>
      <div className="table-wrap">
        <table>
          <thead>
            <tr>
              <th scope="col">Closed (UTC)</th>
              <th scope="col">Symbol</th>
              <th scope="col">Side</th>
              <th scope="col" className="right">Quantity</th>
              <th scope="col" className="right">Entry</th>
              <th scope="col" className="right">Exit</th>
              <th scope="col" className="right">P&amp;L</th>
              <th scope="col" className="right">R</th>
              <th scope="col" className="right">Fees</th>
              <th scope="col">Reason</th>
              <th scope="col" className="right">Held</th>
            </tr>
          </thead>
          <tbody>
            {data.items.map((trade) => (
              <Line key={trade.id} trade={trade} />
            ))}
          </tbody>
        </table>
      </div>
      <Pager page={page} pages={Math.max(1, Math.ceil(data.total / LIMIT))} total={data.total} onPage={setPage} />
    </>
  );
}

function Line({ trade }: { trade: Trade }): ReactNode {
  const digits = pricePrecision([trade.entry_price, trade.exit_price]);
  const long = /^(long|buy)$/i.test(trade.side);
  return (
    <tr>
      <td className="num">{formatTime(trade.exit_time)}</td>
      <td>{pair(trade.symbol)}</td>
      <td>
        <span className={`side ${long ? "long" : "short"}`}>{long ? "LONG" : "SHORT"}</span>
      </td>
      <td className="num right">{formatQuantity(trade.quantity)}</td>
      <td className="num right">{formatPrice(trade.entry_price, digits)}</td>
      <td className="num right">{formatPrice(trade.exit_price, digits)}</td>
      <td className={`num right strong ${tone(trade.pnl)}`}>{formatMoney(trade.pnl, true)}</td>
      <td className={`num right ${tone(trade.r_multiple)}`}>{formatNumber(trade.r_multiple)}</td>
      <td className="num right muted">{formatMoney(trade.fees)}</td>
      <td>{words(trade.exit_reason)}</td>
      <td className="num right muted">{formatDuration(trade.exit_time - trade.entry_time)}</td>
    </tr>
  );
}

interface PagerProps {
  page: number;
  pages: number;
  total: number;
  onPage: (page: number) => void;
}

function Pager({ page, pages, total, onPage }: PagerProps): ReactNode {
  return (
    <nav className="pager" aria-label="Pages of trades">
      <span className="muted">
        {formatNumber(total, 0)} {total === 1 ? "trade" : "trades"}
      </span>
      <button type="button" className="button small" disabled={page <= 1} onClick={() => onPage(page - 1)}>
        Newer
      </button>
      <span className="num">
        {page} / {pages}
      </span>
      <button type="button" className="button small" disabled={page >= pages} onClick={() => onPage(page + 1)}>
        Older
      </button>
    </nav>
  );
}

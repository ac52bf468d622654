"""From events to the tables of the store: what can be asked of a session after it, and beside it.

Taking events costs next to nothing; the rows are made and written by :meth:`Projector.flush`, in a thread of its own,
so that a slow disk never holds up a decision. The store writes each journal row's meaning once: a session that is
made again from its journal tells its events again from the first, and only what was not stored yet is written. When
the database cannot be written, everything waits for the next flush; nothing is lost, because the journal has it all.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import numpy as np

from triplane.data.candles import timeframe_name
from triplane.engine.events import Event, Fill, LogLine, Order, Position, RiskAlert, Signal, Trade
from triplane.engine.session import JOURNAL, Session
from triplane.kernel.records import REASONS
from triplane.store import Store

Row = dict[str, Any]
Array = np.ndarray[Any, Any]

CHUNK: Final = 20_000
"""Events that are made into rows and written at once."""


class Projector:
    """Writes one session's events into the store.

    Parameters
    ----------
    store
        Where to.
    session
        Whose events they are; must be told from the first on.
    """

    def __init__(self, store: Store, session: Session) -> None:
        self._store = store
        self._session = session
        self._lock = threading.Lock()
        self._events: list[Event] = []
        self._bars: dict[str, list[Row]] = {"candles": [], "indicators": []}
        self._open: dict[str, Row] = {}
        self.stored = store.last_seq(session.id)
        self._path = str(session.folder / JOURNAL)

    # --------------------------------------------------------------------------------------- in the engine's thread
    def take(self, events: Iterable[Event]) -> None:
        """Remember events, in order; returns at once."""
        self._events += events

    def take_bar(self, venue: str, symbol: str, bar: Array, indicators: Mapping[str, float | None]) -> None:
        """Remember a closed bar of the decision timeframe (a record of ``CANDLE``) with its indicators."""
        timeframe = timeframe_name(self._session.setup.timeframe_ms)
        key = {"symbol": symbol, "timeframe": timeframe, "open_time": int(bar["open_time"])}
        prices = {name: float(bar[name]) for name in ("open", "high", "low", "close", "volume")}
        self._bars["candles"].append({"venue": venue} | key | prices)
        self._bars["indicators"].append({"session_id": self._session.id} | key | {"values": dict(indicators)})

    @property
    def waiting(self) -> int:
        """Events and bars that are not stored yet."""
        return len(self._events) + len(self._bars["candles"])

    # ------------------------------------------------------------------------------------------------ in any thread
    def flush(self) -> int:
        """Write what was taken; returns how many events. Raises StoreError, and keeps everything for the next time."""
        with self._lock:
            bars = {name: rows[:] for name, rows in self._bars.items()}
            for name, rows in bars.items():
                if rows:
                    self._store.put(name, rows)
                    del self._bars[name][: len(rows)]
            done = 0
            while self._events:
                done += self._write(_whole_rows(self._events))
            return done

    def _write(self, count: int) -> int:
        """Write the first ``count`` events."""
        events = self._events[:count]
        tables: dict[str, list[Row]] = {}
        before = dict(self._open)
        for event in events:
            make = _TABLES.get(type(event))
            if make is not None:
                row = make(self._open, event)
                if event.seq > self.stored:
                    tables.setdefault(_NAMES[type(event)], []).append(row)
        last = events[-1].seq
        if last > self.stored:
            try:
                self._store.write(self._session.id, last, tables, path=self._path, size=_size(self._session))
            except BaseException:
                self._open = before
                raise
            self.stored = last
        del self._events[:count]
        return count

    def note(self, status: str, ended_at: int | None = None) -> None:
        """Store how the session stands (``running``, ``halted``, ``interrupted``, ``ended``) with its result so far."""
        self._store.put("sessions", [session_row(self._session, status, ended_at)])


def session_row(session: Session, status: str, ended_at: int | None = None) -> Row:
    """Describe a session for the table of sessions; ``ended_at`` ms."""
    setup, account = session.setup, session.A[0]
    return {
        "id": session.id,
        "status": status,
        "mode": setup.mode,
        "strategy": setup.strategy,
        "symbols": list(setup.symbols),
        "timeframe": timeframe_name(setup.timeframe_ms),
        "source": setup.source,
        "parameters": dict(setup.params),
        "started_at": session.created_at,
        "ended_at": ended_at,
        "halt_reason": REASONS[int(account["halt_code"])] if account["halted"] else None,
        "decisions_sha256": session.decisions.hexdigest(),
        "start_balance": _money(setup.balance),
        "net_pnl": _money(float(account["balance"]) - setup.balance),
    }


def _money(value: float) -> Decimal:
    return Decimal(f"{value:.8f}")


def _size(session: Session) -> int:
    path = session.folder / JOURNAL
    return path.stat().st_size if path.exists() else 0


def _whole_rows(events: list[Event]) -> int:
    """How many of the first events to write at once: never some of one journal row's and not the others."""
    end = min(CHUNK, len(events))
    while end < len(events) and events[end].seq == events[end - 1].seq:
        end += 1
    return end


# --------------------------------------------------------------------------------------------------- events to rows
def _head(event: Event) -> Row:
    return {"session_id": event.session_id, "seq": event.seq, "symbol": event.symbol, "decision": event.decision}


def _signal(_: dict[str, Row], event: Signal) -> Row:
    return event.payload() | _head(event) | {"action": event.action}


def _order(_: dict[str, Row], event: Order) -> Row:
    percent: float | None = None
    if event.slippage is not None and event.requested_price:
        percent = float(100 * event.slippage / event.requested_price)
    return _head(event) | {
        "order_id": event.order_id,
        "client_order_id": event.client_order_id,
        "leg": event.leg,
        "type": event.order_type,
        "side": event.side,
        "status": event.status,
        "reason": event.reason,
        "price": event.price,
        "trigger_price": event.trigger_price,
        "quantity": event.quantity,
        "filled_quantity": event.filled_quantity,
        "requested_price": event.requested_price,
        "filled_price": event.filled_price,
        "slippage": event.slippage,
        "slippage_percent": percent,
        "reduce_only": event.reduce_only,
        "created_at": event.created_at,
        "updated_at": event.time,
        "expires_at": event.expires_at,
    }


def _fill(_: dict[str, Row], event: Fill) -> Row:
    exact = {"price": event.price, "quantity": event.quantity, "fee": event.fee, "slippage": event.slippage}
    return event.payload() | exact | _head(event)


def _position(still_open: dict[str, Row], event: Position) -> Row:
    row = _head(event) | {
        "id": event.id,
        "side": event.side,
        "status": event.status,
        "quantity": event.quantity,
        "entry_time": event.entry_time,
        "entry_price": event.entry_price,
        "stop_loss": event.stop_loss,
    }
    still_open[event.id] = row
    return row


def _trade(still_open: dict[str, Row], event: Trade) -> Row:
    stop = still_open.pop(event.position_id, {}).get("stop_loss")
    return _head(event) | {
        "id": event.position_id,
        "side": event.side,
        "status": "closed",
        "quantity": event.quantity,
        "entry_time": event.entry_time,
        "entry_price": event.entry_price,
        "stop_loss": stop,
        "exit_time": event.exit_time,
        "exit_price": event.exit_price,
        "exit_reason": event.exit_reason,
        "pnl": event.pnl,
        "fees": event.fees,
        "funding": event.funding,
        "slippage": event.slippage,
        "balance_after": event.balance_after,
        "r_multiple": event.r_multiple,
        "mae": event.mae,
        "mfe": event.mfe,
        "bars_held": event.bars_held,
    }


def _risk(_: dict[str, Row], event: RiskAlert) -> Row:
    head = _head(event)
    del head["decision"]
    return event.payload() | head | {"timestamp": event.time, "acknowledged": False}


def _line(_: dict[str, Row], event: LogLine) -> Row:
    return event.payload() | {"session_id": event.session_id}


_TABLES: Final[dict[type[Event], Callable[[dict[str, Row], Any], Row]]] = {
    Signal: _signal,
    Order: _order,
    Fill: _fill,
    Position: _position,
    Trade: _trade,
    RiskAlert: _risk,
    LogLine: _line,
}
_NAMES: Final[dict[type[Event], str]] = {
    Signal: "signals",
    Order: "orders",
    Fill: "fills",
    Position: "positions",
    Trade: "positions",
    RiskAlert: "risk_events",
    LogLine: "decisions",
}

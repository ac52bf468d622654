"""What the store keeps of a session: a projection of its events into tables, each row of the core exactly once.

Writing happens in a thread, in batches. The store remembers the highest row number it has; after a restart the
session is replayed and everything above that number is written again, so nothing is lost or doubled. A store that
fails is tried again and never holds up trading.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol

import structlog

from triplane.data.candles import timeframe_name
from triplane.engine.decode import money
from triplane.engine.events import Event, Fill, LogLine, Order, Position, RiskAlert, Signal, Trade
from triplane.engine.session import Session
from triplane.errors import TriplaneError
from triplane.kernel.records import REASONS
from triplane.store.store import Row, Store

log = structlog.get_logger(__name__)

MOST: Final = 500_000
"""Events that may wait for a store that fails; beyond that it is given up until the next start."""


class Sink(Protocol):
    """Where events are kept. Both methods may take long; never two at a time."""

    def last_seq(self, session_id: str) -> int:
        """Number of the newest row of the session that is kept, -1 when none is."""
        ...

    def write(self, events: Sequence[Event], last_seq: int, session: dict[str, Any]) -> None:
        """Keep events of rows up to ``last_seq``; ``session`` describes the session as it is now."""
        ...


def describe(session: Session, status: str) -> dict[str, Any]:
    """The session's record in the table ``sessions``, and where its journal is."""
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
        "ended_at": session.now if session.finished else None,
        "halt_reason": REASONS[account["halt_code"]] if account["halted"] else None,
        "decisions_sha256": session.decisions.hexdigest(),
        "start_balance": money(float(account["start_balance"])),
        "net_pnl": money(float(account["equity"] - account["start_balance"])),
    }


class StoreSink:
    """Keeps events in a :class:`Store`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def last_seq(self, session_id: str) -> int:
        """Number of the newest row that is stored."""
        return self._store.last_seq(session_id)

    def write(self, events: Sequence[Event], last_seq: int, session: dict[str, Any]) -> None:
        """Store what the events mean, and the session's record."""
        tables: dict[str, list[Row]] = {}
        for event in events:
            for name, row in self._rows(event):
                tables.setdefault(name, []).append(row)
        if events:
            self._store.write(session["id"], last_seq, tables, decisions_sha256=session["decisions_sha256"])
        self._store.put("sessions", [session])

    def _rows(self, event: Event) -> list[tuple[str, Row]]:
        head: Row = {"session_id": event.session_id, "seq": event.seq, "symbol": event.symbol}
        if isinstance(event, Signal):
            return [("signals", head | event.payload())]
        if isinstance(event, Order):
            return [("orders", head | _order(event))]
        if isinstance(event, Fill):
            return [("fills", head | _fill(event))]
        if isinstance(event, Position):
            return [("positions", head | _position(event))] if event.status == "open" else []
        if isinstance(event, Trade):
            return [("positions", head | _trade(event))]
        if isinstance(event, RiskAlert):
            return [("risk_events", head | event.payload() | {"timestamp": event.time, "acknowledged": False})]
        if isinstance(event, LogLine):
            return [("decisions", event.payload() | {"session_id": event.session_id})]
        return []


def _order(order: Order) -> Row:
    asked = order.requested_price
    share = float(order.slippage / asked) * 100 if order.slippage is not None and asked else None
    return {
        "order_id": order.order_id,
        "client_order_id": order.client_order_id,
        "exchange_order_id": order.exchange_order_id,
        "latency_ms": order.latency_ms,
        "decision": order.decision,
        "leg": order.leg,
        "type": order.order_type,
        "side": order.side,
        "status": order.status,
        "reason": order.reason,
        "price": order.price,
        "trigger_price": order.trigger_price,
        "quantity": order.quantity,
        "filled_quantity": order.filled_quantity,
        "requested_price": asked,
        "filled_price": order.filled_price,
        "slippage": order.slippage,
        "slippage_percent": share,
        "reduce_only": order.reduce_only,
        "created_at": order.created_at,
        "updated_at": order.time,
        "expires_at": order.expires_at,
    }


def _fill(fill: Fill) -> Row:
    return {
        "fill_id": fill.fill_id,
        "order_id": fill.order_id,
        "decision": fill.decision,
        "time": fill.filled_at,
        "leg": fill.leg,
        "side": fill.side,
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee,
        "slippage": fill.slippage,
        "maker": fill.maker,
        "reason": fill.reason,
    }


def _position(position: Position) -> Row:
    return {
        "id": position.id,
        "decision": position.decision,
        "side": position.side,
        "status": position.status,
        "quantity": position.quantity,
        "entry_time": position.entry_time,
        "entry_price": position.entry_price,
        "stop_loss": position.stop_loss,
    }


def _trade(trade: Trade) -> Row:
    return {
        "id": trade.position_id,
        "decision": trade.decision,
        "side": trade.side,
        "status": "closed",
        "quantity": trade.quantity,
        "entry_time": trade.entry_time,
        "entry_price": trade.entry_price,
        "stop_loss": trade.stop_loss,
        "exit_time": trade.exit_time,
        "exit_price": trade.exit_price,
        "exit_reason": trade.exit_reason,
        "pnl": trade.pnl,
        "fees": trade.fees,
        "funding": trade.funding,
        "slippage": trade.slippage,
        "balance_after": trade.balance_after,
        "r_multiple": trade.r_multiple,
        "mae": trade.mae,
        "mfe": trade.mfe,
        "bars_held": trade.bars_held,
    }


class Writer:
    """Hands events to a sink in a thread, in order, as long as it takes.

    Parameters
    ----------
    sink
        Where they go.
    sleep
        Waits between batches and between tries.
    """

    def __init__(self, sink: Sink, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._sink = sink
        self._sleep = sleep
        self._events: list[Event] = []
        self._last_seq = -1
        self._busy = asyncio.Lock()
        self.failed = ""

    @property
    def waiting(self) -> int:
        """Events that are not kept yet."""
        return len(self._events)

    def begin(self, session_id: str) -> None:
        """Learn what is kept of a session already."""
        self._last_seq = self._sink.last_seq(session_id)

    def add(self, events: Sequence[Event]) -> None:
        """Queue events; those of rows that are kept already are passed over. Never blocks."""
        if not events or events[-1].seq <= self._last_seq or self.failed:
            return
        if len(self._events) > MOST:
            self.failed = "too many events wait"
            self._events.clear()
            log.error("the store is given up until the next start; the journal has everything")
            return
        self._events += [e for e in events if e.seq > self._last_seq] if events[0].seq <= self._last_seq else events

    def add_alone(self, event: Event) -> None:
        """Queue an event that no row of the core tells, and that a replay will not tell again."""
        if not self.failed:
            self._events.append(event)

    async def flush(self, session: Session, status: str, tries: int = 1) -> bool:
        """Write what waits, and the session's record; False when the sink failed every time."""
        async with self._busy:
            events, self._events = self._events, []
            last = max(self._last_seq, events[-1].seq) if events else self._last_seq
            described = describe(session, status)
            for number in range(tries):
                try:
                    await asyncio.to_thread(self._sink.write, events, last, described)
                except TriplaneError as error:
                    log.warning("the store could not be written", error=str(error), waiting=len(events))
                    await self._sleep(0.2 * 2**number)
                else:
                    self._last_seq = last
                    return True
            self._events = events + self._events
            return False

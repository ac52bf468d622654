"""The read model: what API and page see. It follows the session and never leads it.

After each input the session tells it what came out, and it copies the few numbers it needs out of account and states.
Readers get plain objects made from these copies, whatever they do with them and however slow they are.

While history is replayed it is *quiet*: it keeps up, but sends no messages; afterwards one ``resync`` tells clients to
read everything again.
"""

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from triplane.data.candles import timeframe_name
from triplane.engine.chart import Chart
from triplane.engine.checks import signal_checks
from triplane.engine.decode import money
from triplane.engine.eventlog import EventLog
from triplane.engine.events import (
    Event,
    Fill,
    LogLine,
    Order,
    Position,
    RiskAlert,
    Signal,
    StateChange,
    Trade,
    text,
)
from triplane.engine.record import Record
from triplane.engine.session import Session
from triplane.errors import BadInput
from triplane.kernel.records import ACCOUNT, GATES, POSITION, REASONS, STATES
from triplane.strategies.base import AnyStrategy
from triplane.version import __version__

Array = np.ndarray[Any, Any]
Payload = dict[str, Any]

SIGNALS: Final = 500
TRADES: Final = 500
LOG: Final = 2000
GRADES: Final = "ABCDF"

_A: Final = {name: i for i, name in enumerate(ACCOUNT.names or ())}
_P: Final = {name: i for i, name in enumerate(POSITION.names or ())}


class _Symbol:
    """What is copied of one symbol."""

    def __init__(self, session: Session, k: int, spec: AnyStrategy) -> None:
        core = session.S["core"]
        self.chart = Chart(session, k, dict(spec.plots), tuple(spec.zones))
        self._k = k
        self._state: Array = core["state"]
        self._cooldown: Array = core["cooldown"]
        self._grade: Array = core["quality"]["grade"]
        self._position: Array = core["position"]
        self.orders: dict[str, Order] = {}
        self.open: Position | None = None
        self.price: float | None = None
        self.last_time: int | None = None
        self.copy()

    def copy(self) -> None:
        """Copy the numbers out of the state."""
        k = self._k
        self.state = int(self._state[k])
        self.cooldown = int(self._cooldown[k])
        self.grade = int(self._grade[k])
        self.position: tuple[Any, ...] = self._position[k].item()


class Replica:
    """The read model of one session; for the thread of the event loop.

    Parameters
    ----------
    session
        The session, before its first input is taken or replayed.
    spec
        Its strategy.
    record
        What it has earned.
    log
        Where messages for the page go.
    speed
        For the status.
    """

    def __init__(
        self, session: Session, spec: AnyStrategy, record: Record, log: EventLog, speed: float | str = "max"
    ) -> None:
        self.session_id = session.id
        self.setup = session.setup
        self.strategy = spec.name
        self.trading = session.trading
        self.started_at = session.created_at
        self.speed = speed
        self.log = log
        self.quiet = False
        self.live = False
        self.finished = session.finished
        self._record = record
        self._account: tuple[Any, ...] = session.A.item(0)
        self._symbols = [_Symbol(session, k, spec) for k in range(len(session.setup.instruments))]
        self._signals: OrderedDict[str, Payload] = OrderedDict()
        self._trades: deque[Payload] = deque(maxlen=TRADES)
        self._decisions: deque[Payload] = deque(maxlen=LOG)
        self._feed: Payload = {
            "source": session.setup.source,
            "connected": False,
            "stale": False,
            "last_message_time": None,
            "reconnects": 0,
            "text": None,
        }

    # ------------------------------------------------------------------------------------------- what the session says
    def on_candle(self, session: Session, k: int, candle: Array, events: Sequence[Event]) -> None:
        """A candle (an array of one) of symbol ``k`` was taken, with what came out."""
        symbol = self._symbols[k]
        opened, close = candle["open_time"].item(0), candle["close"].item(0)
        symbol.price, symbol.last_time = close, opened + self.setup.base_ms
        symbol.copy()
        self._account = session.A.item(0)
        bar = symbol.chart.take()
        name, now = self.setup.symbols[k], session.now
        if not self.quiet:
            shown = bar or symbol.chart.forming
            if shown is not None:
                self.log.append("market_data", name, now, {"candle": shown})
            if bar is not None and (zones := symbol.chart.changed_zones()):
                self.log.append("zone_update", name, now, {"zones": zones})
        self._apply(events)
        if not self.quiet and (events or symbol.open is not None):
            self._money(name, now)

    def on_command(self, session: Session, k: int, events: Sequence[Event]) -> None:
        """A command to symbol ``k`` was carried out."""
        self._symbols[k].copy()
        self._account = session.A.item(0)
        self._apply(events)
        if not self.quiet:
            name = self.setup.symbols[k]
            self._money(name, session.now)
            self.log.append("session_update", name, session.now, self.status(name))

    def on_limits(self, session: Session) -> None:
        """The limits were replaced."""
        self.trading = session.trading

    def on_event(self, event: Event) -> None:
        """Something that no row of the core tells."""
        self._apply([event])

    def on_forming(self, k: int, candle: Array, now: int) -> None:
        """The candle under way of symbol ``k``; nothing is decided on it."""
        symbol = self._symbols[k]
        values: tuple[Any, ...] = candle.item(0)
        symbol.price = values[4]
        name = self.setup.symbols[k]
        self.log.append("market_data", name, now, {"candle": symbol.chart.draft(values)})
        if symbol.open is not None:
            self.log.append("position_update", name, now, self._position(k))

    def on_feed(self, *, text: str, time: int, **changes: Any) -> None:
        """The connection changed; see :meth:`feed` for the fields."""
        self._feed |= changes | {"text": text, "last_message_time": time or self._feed["last_message_time"]}

    def refresh(self, reason: str) -> None:
        """After a quiet time: look at the zones, and tell clients to read everything again."""
        for symbol in self._symbols:
            symbol.chart.all_zones()
        now = max((s.last_time or 0 for s in self._symbols), default=0)
        self.log.append("resync", None, now, {"reason": reason})

    # ---------------------------------------------------------------------------------------------------------- events
    def _apply(self, events: Sequence[Event]) -> None:
        for event in events:
            k = self.setup.symbols.index(event.symbol)
            kind = self._take(self._symbols[k], event)
            if kind and not self.quiet:
                data = self._position(k) if kind == "position_update" else event.payload()
                if data is not None:
                    self.log.append(kind, event.symbol, event.time, data)
                if isinstance(event, StateChange):
                    self.log.append("session_update", event.symbol, event.time, self.status(event.symbol))

    def _take(self, symbol: _Symbol, event: Event) -> str:
        """Remember an event; returns the type of its message."""
        if isinstance(event, Order):
            if event.working:
                symbol.orders[event.order_id] = event
            else:
                symbol.orders.pop(event.order_id, None)
            return "order_created" if event.created else "order_updated"
        if isinstance(event, Position):
            symbol.open = event if event.status == "open" else None
            return "position_update" if symbol.open else ""
        if isinstance(event, Fill):
            self._mark(symbol, event, "entry" if event.leg == "entry" else "exit", event.side, float(event.price))
            return ""
        if isinstance(event, Signal):
            self._signals[event.id] = event.payload()
            self._signals.move_to_end(event.id)
            if len(self._signals) > SIGNALS:
                self._signals.popitem(last=False)
            if event.action == "enter" and event.status != "expired":
                kind = "reject" if event.status == "rejected" else "signal"
                self._mark(symbol, event, kind, event.signal_type, event.price)
            return "signal_generated"
        if isinstance(event, Trade):
            self._trades.append(event.payload())
            return "position_closed"
        if isinstance(event, LogLine):
            self._decisions.append(event.payload())
            return "decision"
        return {RiskAlert: "risk_alert", StateChange: "state_change"}.get(type(event), "")

    def _mark(self, symbol: _Symbol, event: Event, kind: str, side: str, price: float) -> None:
        """Put a mark on the bar in which it happened."""
        when = event.filled_at if isinstance(event, Fill) and event.filled_at < event.time else event.time - 1
        sentence = f"{kind} {side}" if not isinstance(event, Fill) else f"{side} {event.leg}: {text(event.price)}"
        if isinstance(event, Signal):
            sentence = event.reject_reason or " ".join(event.reasons) or sentence
        marker = {
            "time": when - when % self.setup.timeframe_ms,
            "kind": kind,
            "side": side,
            "price": price,
            "text": sentence,
            "decision": event.decision,
        }
        symbol.chart.markers.append(marker)
        if not self.quiet:
            self.log.append("marker", event.symbol, event.time, marker)

    def _money(self, name: str, now: int) -> None:
        k = self.setup.symbols.index(name)
        if self._symbols[k].open is not None:
            self.log.append("position_update", name, now, self._position(k))
        self.log.append("account_update", None, now, self.portfolio())

    # ----------------------------------------------------------------------------------------------------------- reads
    def _k(self, symbol: str | None) -> int:
        if symbol is None:
            return 0
        if symbol not in self.setup.symbols:
            raise LookupError(f"Symbol {symbol} is not in this session; there is {', '.join(self.setup.symbols)}.")
        return self.setup.symbols.index(symbol)

    def ready(self) -> bool:
        """Whether history is loaded and the session runs."""
        return self.live or self.finished

    def gates(self) -> list[str]:
        """Names of the gates that are closed."""
        bits = self._account[_A["gates"]]
        return [name for bit, name in enumerate(GATES) if bits >> bit & 1]

    def status(self, symbol: str | None = None) -> Payload:
        """``/system/status``."""
        k = self._k(symbol)
        of = self._symbols[k]
        state, halted = STATES[of.state], bool(self._account[_A["halted"]])
        entry = next((o.order_id for o in of.orders.values() if o.leg == "entry"), None)
        gates = self.gates()
        graded = self.trading.quality_gate and self.setup.fixed_lots == 0
        return {
            "state": state,
            "can_receive_signals": state == "SCANNING" and not halted and not gates and not (graded and of.grade >= 3),
            "is_active_trade": of.open is not None,
            "cooldown_remaining": of.cooldown if state == "COOLDOWN" else 0,
            "current_order_id": entry,
            "current_position_id": of.open.id if of.open else None,
            "session_id": self.session_id,
            "mode": self.setup.mode,
            "strategy": self.strategy,
            "symbols": list(self.setup.symbols),
            "symbol": self.setup.symbols[k],
            "timeframe": timeframe_name(self.setup.timeframe_ms),
            "source": self.setup.source,
            "speed": self.speed,
            "halt_reason": REASONS[self._account[_A["halt_code"]]] if halted else None,
            "data_grade": GRADES[of.grade] if graded else None,
            "gates": gates,
            "last_candle_time": of.last_time,
            "started_at": self.started_at,
            "finished": self.finished,
            "version": __version__,
        }

    def signal_check(self, symbol: str) -> Payload:
        """Each gate's verdict now."""
        k = self._k(symbol)
        of = self._symbols[k]
        account = dict(zip(_A, self._account, strict=True))
        graded = self.trading.quality_gate and self.setup.fixed_lots == 0
        checks = signal_checks(account, STATES[of.state], of.grade if graded else None, self.gates(), self.trading)
        return {
            "symbol": symbol,
            "time": of.last_time,
            "checks": checks,
            "would_trade": all(check["passed"] for check in checks),
        }

    def history(self, symbol: str, limit: int = 500, before: int | None = None) -> Payload:
        """The last candles with indicators, zones and markers."""
        k = self._k(symbol)
        if limit < 1:
            raise BadInput(f"limit is {limit}; it must be at least 1.")
        candles, zones, markers = self._symbols[k].chart.history(limit, before)
        return {
            "symbol": symbol,
            "timeframe": timeframe_name(self.setup.timeframe_ms),
            "candles": candles,
            "zones": zones,
            "markers": markers,
        }

    def feed(self) -> Payload:
        """The connection to the source of market data."""
        grade = max((s.grade for s in self._symbols), default=0)
        return self._feed | {"data_grade": GRADES[grade]}

    def _position(self, k: int) -> Payload | None:
        of = self._symbols[k]
        if of.open is None:
            return None
        numbers = of.position
        side = 1 if of.open.side == "LONG" else -1
        size, entry = float(of.open.size), float(of.open.entry_price)
        price = of.price if of.price is not None else entry
        pnl, margin = (price - entry) * size * side, numbers[_P["margin"]]
        liquidation = numbers[_P["liquidation"]]
        return of.open.payload() | {
            "current_price": text(money(price)),
            "current_pnl": text(money(pnl)),
            "current_pnl_pct": 100.0 * pnl / (entry * size) if entry * size else None,
            "margin_ratio": (margin + pnl) / margin if margin > 0 else None,
            "liquidation_price": text(money(liquidation)) if liquidation > 0 else None,
        }

    def portfolio(self) -> Payload:
        """The account with open positions and pending orders."""
        a = self._account
        balance, unrealized, equity = a[_A["balance"]], a[_A["unrealized"]], a[_A["equity"]]
        positions = [self._position(k) for k in range(len(self._symbols))]
        return {
            "wallet_balance": text(money(balance)),
            "margin_balance": text(money(equity)),
            "available_balance": text(money(max(equity - a[_A["used_margin"]], 0.0))),
            "unrealized_pnl": text(money(unrealized)),
            "total_equity": text(money(equity)),
            "open_positions": [p for p in positions if p is not None],
            "pending_orders": [o.payload() for s in self._symbols for o in s.orders.values()],
        }

    def performance(self) -> Payload:
        """The figures of the session so far."""
        return self._record.performance()

    def equity_curve(self, limit: int) -> list[Payload]:
        """Up to ``limit`` points of the whole curve, oldest first."""
        return self._record.curve.points(limit)

    def trades(self) -> list[Payload]:
        """The last closed positions, oldest first."""
        return list(self._trades)

    def signals(self) -> list[Payload]:
        """The last signals, oldest first."""
        return list(self._signals.values())

    def pending_signals(self) -> list[Payload]:
        """The signals that wait for a person, oldest first."""
        return [signal for signal in self._signals.values() if signal["status"] == "pending"]

    def decisions(self, limit: int) -> list[Payload]:
        """The last entries of the log of decisions, oldest first."""
        return list(self._decisions)[-limit:] if limit > 0 else []

    def settings(self) -> Payload:
        """The limits and settings of the session."""
        return self.trading.model_dump()

    def price(self, symbol: str) -> float | None:
        """The newest price of a symbol."""
        return self._symbols[self._k(symbol)].price

"""The events that leave a session, typed and versioned; a change of shape is a new version.

Each is made from one row of the core (``seq``), so a consumer that remembers the highest ``seq`` it has stored can be
told everything again and stores nothing twice. Prices, quantities and money are exact ``Decimal``; times are
milliseconds UTC. ``payload()`` is the object that API and page see.

An event is never changed after it was published; the classes are not ``frozen`` because that makes each four times as
expensive to make, which is most of the time between a candle and its decision on the bus.
"""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar

Payload = dict[str, Any]


def text(value: Decimal | None) -> str | None:
    """A decimal for the wire: no exponent."""
    return None if value is None else format(value, "f")


@dataclass(slots=True, kw_only=True)
class Event:
    """What all events carry; ``decision`` is 0 when there is none behind it."""

    type: ClassVar[str] = "event"
    session_id: str
    seq: int
    time: int
    symbol: str
    decision: int = 0

    def payload(self) -> Payload:
        """The event as a JSON object."""
        raise NotImplementedError


@dataclass(slots=True, kw_only=True)
class CandleClosed(Event):
    """A base candle was taken; ``seq`` is the newest row then."""

    type: ClassVar[str] = "candles.v1"
    timeframe: str
    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float

    def payload(self) -> Payload:
        """The candle."""
        return {
            "symbol": self.symbol,
            "tf": self.timeframe,
            "open_time": self.open_time,
            "open": self.open,
            "high": self.high,
            "low": self.low,
            "close": self.close,
            "volume": self.volume,
        }


@dataclass(slots=True, kw_only=True)
class Signal(Event):
    """What a strategy said, and how far it has come."""

    type: ClassVar[str] = "signal.v1"
    id: str
    action: str  # enter, close
    signal_type: str  # buy, sell
    status: str
    confidence: float
    price: float
    entry_price: float | None
    stop_loss: float | None
    targets: tuple[float, ...]
    position_size: float | None
    indicators: dict[str, float | str | None]
    reasons: tuple[str, ...]
    generated_at: int
    pending_at: int | None = None
    executed_at: int | None = None
    order_id: str | None = None
    reject_reason: str | None = None

    @property
    def confidence_level(self) -> str:
        """``high`` from 0.7, ``medium`` from 0.4, else ``low``."""
        return "high" if self.confidence >= 0.7 else "medium" if self.confidence >= 0.4 else "low"

    @property
    def risk_reward_ratio(self) -> float | None:
        """Distance of the furthest target in distances of the stop."""
        if self.entry_price is None or self.stop_loss is None or not self.targets or self.entry_price == self.stop_loss:
            return None
        reward = max(abs(target - self.entry_price) for target in self.targets)
        return round(reward / abs(self.entry_price - self.stop_loss), 4)

    def payload(self) -> Payload:
        """The signal with all fields of the contract."""
        return {
            "id": self.id,
            "symbol": self.symbol,
            "decision": self.decision,
            "signal_type": self.signal_type,
            "status": self.status,
            "confidence": self.confidence,
            "confidence_level": self.confidence_level,
            "price": self.price,
            "entry_price": self.entry_price,
            "stop_loss": self.stop_loss,
            "tp_levels": {f"tp{i}": self.targets[i - 1] if i <= len(self.targets) else None for i in (1, 2, 3)},
            "position_size": self.position_size,
            "risk_reward_ratio": self.risk_reward_ratio,
            "indicators": self.indicators,
            "reasons": list(self.reasons),
            "generated_at": self.generated_at,
            "pending_at": self.pending_at,
            "executed_at": self.executed_at,
            "order_id": self.order_id,
            "execution_latency_ms": None if self.executed_at is None else self.executed_at - self.generated_at,
            "reject_reason": self.reject_reason,
        }


@dataclass(slots=True, kw_only=True)
class Decision(Event):
    """A signal that passed risk: what is going to be traded."""

    type: ClassVar[str] = "decision.v1"
    side: str
    size: Decimal
    entry: float
    stop: float
    targets: tuple[float, ...]

    def payload(self) -> Payload:
        """The decision; quantities of a ladder of several targets are fixed when the entry has filled."""
        size = float(self.size)
        risk = abs(self.entry - self.stop)
        reward = max((abs(t - self.entry) for t in self.targets), default=0.0)
        only = len(self.targets) == 1
        return {
            "symbol": self.symbol,
            "side": self.side,
            "size": text(self.size),
            "entry": self.entry,
            "sl": self.stop,
            "tp_ladder": [{"price": t, "qty": text(self.size) if only else None} for t in self.targets],
            "risk": {
                "position_value": self.entry * size,
                "risk_amount": risk * size,
                "risk_reward": reward / risk if risk else None,
            },
        }


@dataclass(slots=True, kw_only=True)
class Order(Event):
    """An order as it stands after the row; ``created`` on its first event."""

    type: ClassVar[str] = "order.v1"
    order_id: str
    client_order_id: str
    leg: str
    order_type: str
    side: str
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    requested_price: Decimal | None
    reduce_only: bool
    created_at: int
    expires_at: int | None
    status: str = "working"  # working, partially_filled, filled, cancelled, expired, rejected
    reason: str | None = None
    filled_quantity: Decimal = Decimal(0)
    filled_price: Decimal | None = None
    slippage: Decimal | None = None
    exchange_order_id: str | None = None
    latency_ms: int | None = None  # from the intent to the venue's confirmation
    created: bool = False

    @property
    def working(self) -> bool:
        """Whether it may still fill."""
        return self.status in ("working", "partially_filled")

    def payload(self) -> Payload:
        """The order as the page lists it."""
        return {
            "order_id": self.order_id,
            "client_order_id": self.client_order_id,
            "symbol": self.symbol,
            "leg": self.leg,
            "type": self.order_type,
            "side": self.side,
            "price": text(self.price),
            "trigger_price": text(self.trigger_price),
            "quantity": text(self.quantity),
            "status": self.status,
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "reduce_only": self.reduce_only,
        }


@dataclass(slots=True, kw_only=True)
class Fill(Event):
    """An execution."""

    type: ClassVar[str] = "fill.v1"
    fill_id: str
    order_id: str
    filled_at: int
    leg: str
    side: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    slippage: Decimal
    maker: bool
    reason: str | None

    def payload(self) -> Payload:
        """The fill with money as text."""
        return {
            "fill_id": self.fill_id,
            "order_id": self.order_id,
            "symbol": self.symbol,
            "decision": self.decision,
            "time": self.filled_at,
            "leg": self.leg,
            "side": self.side,
            "price": text(self.price),
            "quantity": text(self.quantity),
            "fee": text(self.fee),
            "slippage": text(self.slippage),
            "maker": self.maker,
            "reason": self.reason,
        }


@dataclass(slots=True, kw_only=True)
class Target:
    """One step of a position's ladder."""

    price: Decimal
    quantity: Decimal
    filled: bool = False


@dataclass(slots=True, kw_only=True)
class Position(Event):
    """A position as it stands after the row."""

    type: ClassVar[str] = "position.v1"
    id: str
    side: str  # LONG, SHORT
    status: str  # open, closed
    size: Decimal
    quantity: Decimal  # opened in all
    entry_price: Decimal
    entry_time: int
    stop_loss: Decimal | None
    take_profits: tuple[Target, ...]
    leverage: Decimal

    def payload(self) -> Payload:
        """What is known of it without the market; the replica adds price and profit."""
        return {
            "id": self.id,
            "symbol": self.symbol,
            "side": self.side,
            "status": self.status,
            "entry_price": text(self.entry_price),
            "size": text(self.size),
            "leverage": text(self.leverage),
            "stop_loss": text(self.stop_loss),
            "take_profits": [
                {"price": text(t.price), "quantity": text(t.quantity), "filled": t.filled} for t in self.take_profits
            ],
            "entry_time": self.entry_time,
        }


@dataclass(slots=True, kw_only=True)
class Trade(Event):
    """A closed position."""

    type: ClassVar[str] = "trade.v1"
    id: str
    position_id: str
    side: str
    quantity: Decimal
    entry_time: int
    exit_time: int
    entry_price: Decimal
    exit_price: Decimal
    pnl: Decimal
    fees: Decimal
    funding: Decimal
    slippage: Decimal
    balance_after: Decimal
    r_multiple: float | None
    mae: float
    mfe: float
    exit_reason: str
    bars_held: int
    stop_loss: Decimal | None

    def payload(self) -> Payload:
        """The trade with money as text."""
        return {
            "id": self.id,
            "position_id": self.position_id,
            "session_id": self.session_id,
            "symbol": self.symbol,
            "side": self.side,
            "quantity": text(self.quantity),
            "entry_time": self.entry_time,
            "exit_time": self.exit_time,
            "entry_price": text(self.entry_price),
            "exit_price": text(self.exit_price),
            "pnl": text(self.pnl),
            "fees": text(self.fees),
            "r_multiple": self.r_multiple,
            "exit_reason": self.exit_reason,
            "mae": self.mae,
            "mfe": self.mfe,
        }


@dataclass(slots=True, kw_only=True)
class StateChange(Event):
    """The state machine of one symbol moved."""

    type: ClassVar[str] = "state_change.v1"
    from_state: str
    to_state: str
    reason: str
    order_id: str | None
    position_id: str | None

    def payload(self) -> Payload:
        """The change."""
        return {
            "from_state": self.from_state,
            "to_state": self.to_state,
            "reason": self.reason,
            "order_id": self.order_id,
            "position_id": self.position_id,
        }


@dataclass(slots=True, kw_only=True)
class RiskAlert(Event):
    """A check refused a signal, or a limit halted the session."""

    type: ClassVar[str] = "risk_alert.v1"
    alert_id: str
    severity: str  # CRITICAL, WARNING, INFO
    alert_type: str
    message: str
    details: dict[str, float | str | None]

    def payload(self) -> Payload:
        """The alert."""
        return {
            "alert_id": self.alert_id,
            "severity": self.severity,
            "alert_type": self.alert_type,
            "message": self.message,
            "details": self.details,
        }


@dataclass(slots=True, kw_only=True)
class LogLine(Event):
    """One entry of the log of decisions, in a sentence that is made when it is read."""

    type: ClassVar[str] = "log.v1"
    kind: str
    render: Callable[[], str]
    reasons: tuple[str, ...] = ()
    level: str = "info"  # info, good, bad

    @property
    def sentence(self) -> str:
        """What happened."""
        return self.render()

    def payload(self) -> Payload:
        """The entry."""
        return {
            "seq": self.seq,
            "time": self.time,
            "symbol": self.symbol,
            "kind": self.kind,
            "text": self.sentence,
            "reasons": list(self.reasons),
            "level": self.level,
        }


@dataclass(slots=True, kw_only=True)
class Notice(Event):
    """Something went wrong, or a feed's connection changed, outside the core; ``seq`` is the newest row then."""

    type: ClassVar[str] = "error.v1"
    code: str
    message: str
    severity: str = "WARNING"

    def payload(self) -> Payload:
        """The notice."""
        return {"code": self.code, "message": self.message, "severity": self.severity}

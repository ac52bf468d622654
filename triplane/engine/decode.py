"""From the rows of the core to facts: integers become exact decimals, codes become words, here and only here."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import isnan
from typing import Any, Final, Protocol

from msgspec.structs import replace

from triplane.data.instruments import Instrument
from triplane.engine import ids
from triplane.engine.heads import Heads
from triplane.execution.ids import client_order_id
from triplane.kernel.codes import Check, Leg, OrderEnd, OrderType, Reason, Regime, RowKind, SignalStatus, State
from triplane.kernel.rows import named
from triplane.model.facts import (
    Decision,
    Fact,
    Fill,
    Order,
    Position,
    Risk,
    RiskAlert,
    Signal,
    StateChange,
    Step,
    TakeProfit,
    TpLevels,
    Trade,
)
from triplane.model.money import money_text, number, price_text, text
from triplane.model.sentences import alert_text, reject_text

KEPT_SIGNALS: Final = 64
"""Signals of a symbol that may still change their status."""
CHECKS, LEGS, ORDER_ENDS, ORDER_TYPES = Check.labels, Leg.labels, OrderEnd.labels, OrderType.labels
REASONS, STATUSES, STATES = Reason.labels, SignalStatus.labels, State.labels
"""The words by number: quicker than by an enum's member, and this is on the way of every decision."""
REGIMES: Final[dict[float, str]] = {float(code): name for code, name in enumerate(Regime.labels)}
EXECUTED, PENDING, REJECTED = (SignalStatus.EXECUTED, SignalStatus.PENDING, SignalStatus.REJECTED)


class Speaks(Protocol):
    """What the decoder needs of a strategy: the sentences of its reasons and the names of the values it saw."""

    @property
    def name(self) -> str:
        """How it is called."""
        ...

    @property
    def reasons(self) -> Sequence[str]:
        """Sentence of each bit."""
        ...

    @property
    def sees(self) -> Sequence[str]:
        """Name of each value."""
        ...


def _side(side: int) -> str:
    return "buy" if side > 0 else "sell"


def seen_values(names: Sequence[str], values: Sequence[float]) -> dict[str, float | str | None]:
    """The values that a signal was decided on, by name; a regime in its word."""
    seen: dict[str, float | str | None] = {}
    for name, value in zip(names, values, strict=False):
        seen[name] = REGIMES.get(value) if name == "regime" else number(value)
    return seen


def _level(confidence: float) -> str:
    return "high" if confidence >= 0.7 else "medium" if confidence >= 0.4 else "low"


def _risk_reward(entry: float | None, stop: float | None, targets: list[float]) -> float | None:
    """Distance of the furthest target in distances of the stop."""
    if entry is None or stop is None or not targets or entry == stop:
        return None
    return round(max(abs(target - entry) for target in targets) / abs(entry - stop), 4)


@dataclass(slots=True)
class _Open:
    """The open position of one symbol, as the rows tell it."""

    decision: int
    side: int
    entry_time: int
    lots: int = 0
    entry_lots: int = 0
    entry_ticks: int = 0  # sum of ticks x lots
    stop: str | None = None
    targets: dict[int, TakeProfit] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Spoken:
    """What there is to know of a row of the session: its market, and who finds the words for its signals."""

    instrument: Instrument
    strategy: Speaks
    sleeve: str = ""


class Decoder:
    """Decodes the rows of one session, in order, from the first.

    Parameters
    ----------
    heads
        Numbers the facts.
    rows
        In the order of their numbers.
    leverage
        Of the session's costs.
    on_decision
        Is handed what was decoded so far as soon as there is a decision; :meth:`decode` returns the rest.
    """

    def __init__(
        self,
        heads: Heads,
        rows: Sequence[Spoken],
        leverage: float = 1.0,
        on_decision: Callable[[list[Fact]], None] | None = None,
    ) -> None:
        self._heads = heads
        self._session = heads.session_id
        self._rows = rows
        self._leverage = money_text(leverage)
        self._on_decision = on_decision
        self._orders: dict[int, Order] = {}
        self._signals: dict[int, Signal] = {}
        self._entered: dict[int, Signal] = {}  # by symbol: of the entry that works
        self._positions: dict[int, _Open] = {}
        self._halted = False
        self.simulated: set[int] = set()
        """Decisions whose signals a person made up."""
        self._out: list[Fact] = []
        self._decoders: dict[int, Callable[[Any], None]] = {
            RowKind.SIGNAL: self._signal,
            RowKind.REJECT: self._reject,
            RowKind.PLACE: self._place,
            RowKind.AMEND: self._amend,
            RowKind.CANCEL: self._cancel,
            RowKind.STATE: self._state,
            RowKind.FILL: self._fill,
            RowKind.ORDER: self._order_end,
            RowKind.TRADE: self._trade,
        }

    def decode(self, rows: Any) -> list[Fact]:
        """Facts of some rows (``rows.OUTPUT``), in their order."""
        self._out = []
        for row in named(rows):
            self._decoders[row.kind](row)
        return self._out

    def _head(self, row: Any) -> dict[str, Any]:
        of = self._rows[row.symbol]
        return self._heads.make(row.time, of.instrument.symbol, of.sleeve, row.decision)

    def confirmed(self, order: int, client_id: str, venue_id: str, latency_ms: int, time: int) -> list[Fact]:
        """A venue has confirmed an order: the same with the venue's id; nothing when it is over."""
        known = self._orders.get(order)
        if known is None:
            return []
        head = self._heads.make(time, known.symbol, known.sleeve, known.decision)
        self._orders[order] = replace(
            known, **head, client_order_id=client_id, exchange_order_id=venue_id, latency_ms=latency_ms,
            reason=known.reason if known.leg == "exit" else None,
        )  # fmt: skip
        return [self._orders[order]]

    # -------------------------------------------------------------------------------------------------------- signals
    def _signal(self, row: Any) -> None:
        known = self._signals.get(row.decision)
        if row.closing:
            self._out.append(self._said(row, "close"))
            return
        if known is None:
            signal = self._said(row, "enter")
        elif row.entry > 0.0:  # a pending signal that was tried now: the row has what it became
            signal = replace(self._said(row, "enter"), generated_at=known.generated_at, pending_at=known.pending_at)
        else:
            signal = replace(known, **self._head(row), status=STATUSES[row.status])
        if row.status in (EXECUTED, REJECTED):
            self._signals[row.decision] = signal  # the next row has its order, or the check that refused it
            self._heads.take_back()  # so nobody sees it yet
            return
        if row.status == PENDING:
            self._signals[row.decision] = signal
            while len(self._signals) > KEPT_SIGNALS * len(self._rows):
                del self._signals[next(iter(self._signals))]
        else:
            self._signals.pop(row.decision, None)
        self._out.append(signal)

    def _said(self, row: Any, action: str) -> Signal:
        spec = self._rows[row.symbol].strategy
        enter = action == "enter"
        entry = row.entry if enter and row.entry > 0.0 else None
        stop = row.stop if enter and row.stop > 0.0 else None
        targets = [t for t in row.targets if t > 0.0] if enter else []
        seen: dict[str, float | str | None] = {"regime": None, "regime_confidence": None}
        seen |= seen_values(spec.sees, row.seen)
        return Signal(
            **self._head(row),
            id=ids.signal_id(self._session, row.decision, action),
            agent=spec.name,
            action=action,
            signal_type=_side(row.side or -1),
            status=STATUSES[row.status],
            confidence=row.confidence,
            confidence_level=_level(row.confidence),
            price=row.price,
            entry_price=entry,
            stop_loss=stop,
            tp_levels=TpLevels(*targets),
            position_size=row.quantity if enter and row.quantity > 0.0 else None,
            risk_reward_ratio=_risk_reward(entry, stop, targets),
            indicators=seen,
            reasons=[words for bit, words in enumerate(spec.reasons) if row.reasons >> bit & 1],
            generated_at=row.time,
            pending_at=row.time if row.status == PENDING else None,
            executed_at=row.time if not enter else None,
            execution_latency_ms=0 if not enter else None,
            capped=bool(row.capped),
            simulated=row.decision in self.simulated,
        )

    def _reject(self, row: Any) -> None:
        check, value, limit = CHECKS[row.check], row.value, row.limit
        signal = replace(
            self._signals.pop(row.decision), **self._head(row),
            reject_reason=check, reject_value=number(value), reject_limit=number(limit),
        )  # fmt: skip
        self._out.append(signal)
        severity = "WARNING" if 1 <= row.check <= 9 else "INFO"  # the risk checks; the rest are gates and formalities
        details = {"value": number(value), "limit": number(limit), "signal_id": signal.id}
        self._alert(row, severity, check, reject_text(signal), details)

    def _alert(self, row: Any, severity: str, kind: str, message: str, details: dict[str, float | str | None]) -> None:
        self._out.append(
            RiskAlert(**self._head(row), alert_id=ids.alert_id(self._session, row.seq), severity=severity,
                      alert_type=kind, message=message, details=details)
        )  # fmt: skip

    def _executed(self, row: Any, order_id: str, size: str) -> None:
        """The entry order behind a signal was placed: now the signal is complete, and a decision."""
        signal = self._signals.pop(row.decision, None)
        if signal is None:  # the same decision placed its entry again, at market
            return
        signal = replace(
            signal, **self._head(row), executed_at=row.time, order_id=order_id,
            execution_latency_ms=row.time - signal.generated_at,
        )  # fmt: skip
        self._out.append(signal)
        self._entered[row.symbol] = signal
        entry, stop, quantity = signal.entry_price or signal.price, signal.stop_loss or 0.0, float(size)
        levels = signal.tp_levels
        targets = [t for t in (levels.tp1, levels.tp2, levels.tp3) if t is not None]
        risk, reward = abs(entry - stop), max((abs(t - entry) for t in targets), default=0.0)
        self._out.append(
            Decision(
                **self._head(row),
                side=signal.signal_type,
                size=size,
                entry=entry,
                sl=stop,
                tp_ladder=[Step(t, size if len(targets) == 1 else None) for t in targets],
                risk=Risk(entry * quantity, risk * quantity, reward / risk if risk else None),
            )
        )
        if self._on_decision is not None:
            decided, self._out = self._out, []
            self._on_decision(decided)

    # --------------------------------------------------------------------------------------------------------- orders
    def _place(self, row: Any) -> None:
        instrument = self._rows[row.symbol].instrument
        order_id, size = ids.order_id(self._session, row.order), instrument.quantity_text(row.quantity_lots)
        if row.leg == Leg.ENTRY:
            self._executed(row, order_id, size)
        order = Order(
            **self._head(row),
            order_id=order_id,
            client_order_id=client_order_id(self._session, row.symbol, row.decision, row.leg, row.order),
            leg=LEGS[row.leg],
            type=ORDER_TYPES[row.type],
            side=_side(row.side),
            quantity=size,
            price=instrument.price_text(row.price_ticks) if row.price_ticks else None,
            trigger_price=instrument.price_text(row.trigger_ticks) if row.trigger_ticks else None,
            requested_price=price_text(row.reference),
            reduce_only=bool(row.reduce_only),
            created_at=row.time,
            expires_at=row.expires_at or None,
            reason=REASONS[row.reason] if row.leg == Leg.EXIT else None,
        )
        self._orders[row.order] = order
        self._out.append(order)
        self._rests(row, order)

    def _amend(self, row: Any) -> None:
        instrument = self._rows[row.symbol].instrument
        order = replace(
            self._orders[row.order], **self._head(row),
            trigger_price=instrument.price_text(row.trigger_ticks),
            quantity=instrument.quantity_text(row.quantity_lots),
            reason=REASONS[row.reason],
        )  # fmt: skip
        self._orders[row.order] = order
        self._out.append(order)
        self._rests(row, order)

    def _rests(self, row: Any, order: Order) -> None:
        """A stop or target of the open position rests now; say so with the position."""
        position = self._positions.get(row.symbol)
        if position is None or order.trigger_price is None or row.leg == Leg.ENTRY:
            return
        if row.leg == Leg.STOP:
            position.stop = order.trigger_price
        else:
            position.targets[row.order] = TakeProfit(price=order.trigger_price, quantity=order.quantity)
        self._position(row, position)

    def _cancel(self, row: Any) -> None:
        if row.unconfirmed:  # it works until the venue says that it is over
            return
        self._ended(row, "cancelled", REASONS[row.reason])
        position = self._positions.get(row.symbol)
        if position is not None:
            position.targets.pop(row.order, None)

    def _order_end(self, row: Any) -> None:
        self._ended(row, ORDER_ENDS[row.end], REASONS[row.reason])

    def _ended(self, row: Any, status: str, reason: str) -> None:
        known = self._orders.pop(row.order, None)
        if known is None:  # its cancellation was reported before
            return
        self._out.append(replace(known, **self._head(row), status=status, reason=reason))
        signal = self._entered.get(row.symbol)
        if signal is not None and signal.decision == known.decision and reason == REASONS[Reason.ENTRY_EXPIRED]:
            del self._entered[row.symbol]
            if Decimal(known.filled_quantity) == 0:  # nothing came of it
                self._out.append(replace(signal, **self._head(row), status=STATUSES[SignalStatus.EXPIRED]))

    # ---------------------------------------------------------------------------------------------- fills, positions
    def _fill(self, row: Any) -> None:
        instrument = self._rows[row.symbol].instrument
        slippage = price_text(row.slippage)
        fill = Fill(
            **self._head(row),
            fill_id=ids.fill_id(self._session, row.seq),
            order_id=ids.order_id(self._session, row.order),
            filled_at=int(row.filled_at) or row.time,
            leg=LEGS[row.leg],
            side=_side(row.side),
            price=instrument.price_text(row.price_ticks),
            quantity=instrument.quantity_text(row.quantity_lots),
            fee=money_text(row.fee),
            slippage=slippage,
            maker=bool(row.maker),
            reason=REASONS[row.reason] if row.reason else None,
        )
        self._out.append(fill)
        order = self._orders.get(row.order)  # none: of an order that was forgotten, or of somebody else's
        if order is not None:
            self._fills(row, order, fill)
        self._moves(row, fill)

    def _fills(self, row: Any, order: Order, fill: Fill) -> None:
        """Take a fill into its order."""
        before, quantity = Decimal(order.filled_quantity), Decimal(fill.quantity)
        filled, price, slippage = before + quantity, fill.price, fill.slippage
        if before:
            paid = Decimal(order.filled_price or 0) * before + Decimal(fill.price) * quantity
            slipped = Decimal(order.slippage or 0) * before + Decimal(fill.slippage) * quantity
            price, slippage = price_text(float(paid / filled)), price_text(float(slipped / filled))
        asked = float(order.requested_price or 0.0)
        order = replace(
            order, **self._head(row),
            status="filled" if row.done else "partially_filled",
            reason=order.reason if row.leg == Leg.EXIT else None,
            filled_quantity=text(filled),
            filled_price=price,
            slippage=slippage,
            slippage_percent=100.0 * float(slippage) / asked if asked else None,
        )  # fmt: skip
        if row.done:
            del self._orders[row.order]
        else:
            self._orders[row.order] = order
        self._out.append(order)

    def _moves(self, row: Any, fill: Fill) -> None:
        """Take a fill into the position."""
        position = self._positions.get(row.symbol)
        if position is None:
            position = self._positions[row.symbol] = _Open(row.decision, row.side, fill.filled_at)
        if row.leg == Leg.ENTRY:
            position.entry_lots += row.quantity_lots
            position.entry_ticks += row.quantity_lots * row.price_ticks
        position.lots = abs(int(row.position_lots))
        target = position.targets.get(row.order)
        if target is not None:
            position.targets[row.order] = replace(target, filled=True)
        if position.lots:
            self._position(row, position)

    def _position(self, row: Any, position: _Open, status: str = "open") -> None:
        instrument = self._rows[row.symbol].instrument
        ticks, lots = position.entry_ticks, position.entry_lots
        whole = ticks % lots == 0
        entry = instrument.price_text(ticks // lots) if whole else price_text(float(instrument.price(ticks) / lots))
        head = self._head(row)
        head["decision"] = position.decision
        self._out.append(
            Position(
                **head,
                id=ids.position_id(self._session, position.decision),
                side="LONG" if position.side > 0 else "SHORT",
                status=status,
                size=instrument.quantity_text(position.lots),
                quantity=instrument.quantity_text(lots),
                entry_price=entry,
                entry_time=position.entry_time,
                stop_loss=position.stop,
                take_profits=list(position.targets.values()),
                leverage=self._leverage,
            )
        )

    def _trade(self, row: Any) -> None:
        position = self._positions.pop(row.symbol)
        self._position(row, position, "closed")
        trade_id = ids.position_id(self._session, row.decision)
        self._out.append(
            Trade(
                **self._head(row),
                id=trade_id,
                position_id=trade_id,
                side="LONG" if row.side > 0 else "SHORT",
                quantity=self._rows[row.symbol].instrument.quantity_text(row.quantity_lots),
                entry_time=int(row.entry_time),
                exit_time=int(row.exit_time),
                entry_price=price_text(row.entry_price),
                exit_price=price_text(row.exit_price),
                pnl=money_text(row.pnl),
                fees=money_text(row.fees),
                funding=None if isnan(row.funding) else money_text(row.funding),
                slippage=money_text(row.slippage),
                balance_after=money_text(row.balance_after),
                r_multiple=number(row.r_multiple),
                mae=number(row.mae),
                mfe=number(row.mfe),
                exit_reason=REASONS[row.reason],
                bars_held=int(row.bars_held),
                stop_loss=position.stop,
                simulated=row.decision in self.simulated,
            )
        )

    # ---------------------------------------------------------------------------------------------------------- state
    def _state(self, row: Any) -> None:
        position = self._positions.get(row.symbol)
        change = StateChange(
            **self._head(row),
            from_state=STATES[row.from_state],
            to_state=STATES[row.to_state],
            reason=REASONS[row.reason],
            order_id=ids.order_id(self._session, row.order) if row.order else None,
            position_id=ids.position_id(self._session, position.decision) if position else None,
        )
        self._out.append(change)
        if row.to_state != State.HALTED:
            self._halted = False
        elif not self._halted:  # the account halts once, however many symbols say so
            self._halted = True
            alert = RiskAlert(
                **self._heads.make(row.time), alert_id=ids.alert_id(self._session, row.seq), severity="CRITICAL",
                alert_type=change.reason, message="", details={"from_state": change.from_state},
            )  # fmt: skip
            self._out.append(replace(alert, message=alert_text(alert)))

"""From the rows of the core to typed events: integers become exact decimals, codes become words, here and only here."""

import math
from collections import namedtuple
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from typing import Any, Final, Protocol

import numpy as np

from triplane.data.instruments import Grid, Instrument
from triplane.engine import ids, sentences
from triplane.engine.events import (
    Decision,
    Event,
    Fill,
    LogLine,
    Order,
    Position,
    RiskAlert,
    Signal,
    StateChange,
    Target,
    Trade,
)
from triplane.execution.ids import client_order_id
from triplane.kernel.records import (
    CHECKS,
    ENTRY,
    EXIT,
    LEGS,
    ORDER_ENDS,
    ORDER_TYPES,
    OUTPUT,
    REASONS,
    ROW_AMEND,
    ROW_CANCEL,
    ROW_FILL,
    ROW_ORDER,
    ROW_PLACE,
    ROW_REJECT,
    ROW_SIGNAL,
    ROW_STATE,
    ROW_TRADE,
    SIGNAL_EXECUTED,
    SIGNAL_PENDING,
    SIGNAL_REJECTED,
    SIGNAL_STATUS,
    STATES,
    STOP,
)

Row: Any = namedtuple("Row", OUTPUT.names or ())  # type: ignore[misc]
KEPT_SIGNALS: Final = 64
"""Signals of a symbol that may still change their status."""


class Speaks(Protocol):
    """What the decoder needs of a strategy: the sentences of its reasons and the names of the values it saw."""

    @property
    def reasons(self) -> Sequence[str]:
        """Sentence of each bit."""
        ...

    @property
    def sees(self) -> Sequence[str]:
        """Name of each value."""
        ...


def money(value: float) -> Decimal:
    """A float of the core as money: eight decimals, without trailing zeros."""
    digits = f"{value:.8f}".rstrip("0").rstrip(".")
    return Decimal("0" if digits == "-0" else digits)


def number(value: float) -> float | None:
    """A float that may be missing."""
    return value if math.isfinite(value) else None


def _side(side: int) -> str:
    return "buy" if side > 0 else "sell"


@dataclass(slots=True)
class _Open:
    """The open position of one symbol, as the rows tell it."""

    decision: int
    side: int
    entry_time: int
    lots: int = 0
    entry_lots: int = 0
    entry_ticks: int = 0  # sum of ticks x lots
    stop: Decimal | None = None
    targets: dict[int, Target] = field(default_factory=dict)


class Decoder:
    """Decodes the rows of one session, in order, from the first.

    Parameters
    ----------
    session_id, instruments
        As in the session's setup.
    strategy
        For the sentences.
    leverage
        Of the session's costs.
    """

    def __init__(
        self, session_id: str, instruments: Sequence[Instrument], strategy: Speaks, leverage: float = 1.0
    ) -> None:
        self._session = session_id
        self._instruments = [Grid(instrument) for instrument in instruments]
        self._strategy = strategy
        self._leverage = money(leverage)
        self._orders: dict[int, Order] = {}
        self._signals: dict[int, Signal] = {}
        self._positions: dict[int, _Open] = {}
        self._out: list[Event] = []
        self._decoders: dict[int, Callable[[Any], None]] = {
            ROW_SIGNAL: self._signal,
            ROW_REJECT: self._reject,
            ROW_PLACE: self._place,
            ROW_AMEND: self._amend,
            ROW_CANCEL: self._cancel,
            ROW_STATE: self._state,
            ROW_FILL: self._fill,
            ROW_ORDER: self._order_end,
            ROW_TRADE: self._trade,
        }

    def decode(self, rows: "np.ndarray[Any, Any]") -> list[Event]:
        """Events of some rows, in their order."""
        self._out = []
        for values, x in zip(rows.tolist(), rows["x"].tolist(), strict=True):
            row: Any = Row._make((*values[:-1], x))  # the floats of x as Python's own
            self._decoders[row.kind](row)
        return self._out

    def working_orders(self) -> list[Order]:
        """Orders that may still fill."""
        return list(self._orders.values())

    # ------------------------------------------------------------------------------------------------------- plumbing
    def _head(self, row: Any) -> dict[str, Any]:
        return {
            "session_id": self._session,
            "seq": row.seq,
            "time": row.time,
            "symbol": self._instruments[row.symbol].symbol,
            "decision": row.decision,
        }

    def _log(
        self, row: Any, kind: str, render: Callable[[], str], level: str = "info", reasons: tuple[str, ...] = ()
    ) -> None:
        self._out.append(LogLine(**self._head(row), kind=kind, render=render, level=level, reasons=reasons))

    def confirmed(
        self, number: int, client_id: str, venue_id: str, latency_ms: int, seq: int, time: int
    ) -> Order | None:
        """A venue has confirmed an order: the same with the venue's id; None when it is over."""
        known = self._orders.get(number)
        if known is None:
            return None
        self._orders[number] = replace(
            known, seq=seq, time=time, created=False, client_order_id=client_id, exchange_order_id=venue_id,
            latency_ms=latency_ms,
        )  # fmt: skip
        return self._orders[number]

    # -------------------------------------------------------------------------------------------------------- signals
    def _signal(self, row: Any) -> None:
        known = self._signals.get(row.decision)
        status = SIGNAL_STATUS[row.code]
        if row.flag:
            signal = self._said(row, "close", status)
            self._out.append(signal)
            self._log(row, "signal", partial(sentences.signal_text, signal), reasons=signal.reasons)
            return
        if known is None:
            signal = self._said(row, "enter", status)
        elif row.x[1] > 0.0:  # a pending signal that was tried now: the row has what it became
            signal = self._said(row, "enter", status)
            signal = replace(signal, generated_at=known.generated_at, pending_at=known.pending_at)
        else:
            signal = replace(known, seq=row.seq, time=row.time, status=status)
        if row.code in (SIGNAL_EXECUTED, SIGNAL_REJECTED):
            self._signals[row.decision] = signal  # the next row has its order, or the check that refused it
            return
        if row.code == SIGNAL_PENDING:
            self._signals[row.decision] = signal
            while len(self._signals) > KEPT_SIGNALS * len(self._instruments):
                del self._signals[next(iter(self._signals))]
        else:
            self._signals.pop(row.decision, None)
        self._out.append(signal)
        self._log(row, "signal", partial(sentences.signal_text, signal), reasons=signal.reasons)

    def _said(self, row: Any, action: str, status: str) -> Signal:
        spec, x = self._strategy, row.x
        seen: dict[str, float | str | None] = {name: number(x[8 + i]) for i, name in enumerate(spec.sees[:8])}
        enter = action == "enter"
        return Signal(
            **self._head(row),
            id=ids.signal_id(self._session, row.decision, action),
            action=action,
            signal_type=_side(row.side or -1),
            status=status,
            confidence=x[6],
            price=x[0],
            entry_price=x[1] if enter and x[1] > 0.0 else None,
            stop_loss=x[2] if enter and x[2] > 0.0 else None,
            targets=tuple(t for t in x[3:6] if t > 0.0) if enter else (),
            position_size=x[7] if enter and x[7] > 0.0 else None,
            indicators={"regime": None, "regime_confidence": None} | seen,
            reasons=tuple(text for bit, text in enumerate(spec.reasons) if row.bits >> bit & 1),
            generated_at=row.time,
            pending_at=row.time if row.code == SIGNAL_PENDING else None,
            executed_at=row.time if not enter else None,
        )

    def _reject(self, row: Any) -> None:
        signal = self._signals.pop(row.decision)
        check, value, limit = CHECKS[row.code], row.x[0], row.x[1]
        signal.seq = row.seq  # nobody has seen it yet
        signal.reject_reason = check
        sentence = sentences.reject_text(signal, check, value, limit)
        self._out += [
            signal,
            RiskAlert(
                **self._head(row),
                alert_id=ids.alert_id(self._session, row.seq),
                severity="WARNING" if 1 <= row.code <= 9 else "INFO",
                alert_type=check,
                message=sentence,
                details={"value": number(value), "limit": number(limit), "signal_id": signal.id},
            ),
        ]
        self._log(row, "reject", lambda: sentence, "bad", signal.reasons)

    def _executed(self, row: Any, order: Order) -> None:
        """The entry order behind a signal was placed: now the signal is complete, and a decision."""
        signal = self._signals.pop(row.decision, None)
        if signal is None:  # the same decision placed its entry again, at market
            return
        signal.seq = row.seq  # nobody has seen it yet
        signal.executed_at = row.time
        signal.order_id = order.order_id
        decision = Decision(
            **self._head(row),
            side=signal.signal_type,
            size=order.quantity,
            entry=signal.entry_price or signal.price,
            stop=signal.stop_loss or 0.0,
            targets=signal.targets,
        )
        self._out += [signal, decision]
        self._log(row, "signal", partial(sentences.signal_text, signal), "good", signal.reasons)

    # --------------------------------------------------------------------------------------------------------- orders
    def _place(self, row: Any) -> None:
        instrument = self._instruments[row.symbol]
        order = Order(
            **self._head(row),
            order_id=ids.order_id(self._session, row.order),
            client_order_id=client_order_id(self._session, row.symbol, row.decision, row.leg, row.order),
            leg=LEGS[row.leg],
            order_type=ORDER_TYPES[row.type],
            side=_side(row.side),
            quantity=instrument.quantity(row.quantity_lots),
            price=instrument.price(row.price_ticks) if row.price_ticks else None,
            trigger_price=instrument.price(row.trigger_ticks) if row.trigger_ticks else None,
            requested_price=money(row.x[0]),
            reduce_only=bool(row.flag),
            created_at=row.time,
            expires_at=row.expires_at or None,
            reason=REASONS[row.code] if row.leg == EXIT else None,
            created=True,
        )
        if row.leg == ENTRY:
            self._executed(row, order)
        self._orders[row.order] = order
        self._out.append(order)
        self._rests(row, order)

    def _amend(self, row: Any) -> None:
        instrument = self._instruments[row.symbol]
        known = self._orders[row.order]
        order = replace(
            known,
            seq=row.seq,
            time=row.time,
            created=False,
            trigger_price=instrument.price(row.trigger_ticks),
            quantity=instrument.quantity(row.quantity_lots),
            reason=REASONS[row.code],
        )
        self._orders[row.order] = order
        self._out.append(order)
        if row.leg == STOP and order.trigger_price != known.trigger_price:
            self._log(row, "amend", partial(sentences.stop_text, order))
        self._rests(row, order)

    def _rests(self, row: Any, order: Order) -> None:
        """A stop or target of the open position rests now; say so with the position."""
        position = self._positions.get(row.symbol)
        if position is None or order.trigger_price is None or row.leg == ENTRY:
            return
        if row.leg == STOP:
            position.stop = order.trigger_price
        else:
            position.targets[row.order] = Target(price=order.trigger_price, quantity=order.quantity)
        self._position(row, position)

    def _cancel(self, row: Any) -> None:
        if row.flag:  # it works until the venue says that it is over
            return
        self._ended(row, "cancelled", REASONS[row.code])
        position = self._positions.get(row.symbol)
        if position is not None:
            position.targets.pop(row.order, None)

    def _order_end(self, row: Any) -> None:
        self._ended(row, ORDER_ENDS[row.code], REASONS[row.code2])

    def _ended(self, row: Any, status: str, reason: str) -> None:
        known = self._orders.pop(row.order, None)
        if known is None:  # its cancellation was reported before
            return
        order = replace(known, seq=row.seq, time=row.time, created=False, status=status, reason=reason)
        self._out.append(order)
        if sentences.order_text(order):
            self._log(row, "order", partial(sentences.order_text, order))

    # ---------------------------------------------------------------------------------------------- fills, positions
    def _fill(self, row: Any) -> None:
        instrument = self._instruments[row.symbol]
        order = self._orders.get(row.order)  # none: of an order that was let go of, or of somebody else's
        price, quantity = instrument.price(row.price_ticks), instrument.quantity(row.quantity_lots)
        reason = REASONS[row.code] if row.code else None
        fill = Fill(
            **self._head(row),
            fill_id=ids.fill_id(self._session, row.seq),
            order_id=ids.order_id(self._session, row.order),
            filled_at=int(row.x[4]) or row.time,
            leg=LEGS[row.leg],
            side=_side(row.side),
            price=price,
            quantity=quantity,
            fee=money(row.x[0]),
            slippage=money(row.x[2]),
            maker=bool(row.flag),
            reason=reason,
        )
        self._out.append(fill)
        if order is not None:
            self._fills(row, order, fill)
        self._log(row, "fill", partial(sentences.fill_text, fill))
        self._moves(row, fill)

    def _fills(self, row: Any, order: Order, fill: Fill) -> None:
        """Take a fill into its order."""
        price, quantity = fill.price, fill.quantity
        filled = order.filled_quantity + quantity
        before = order.filled_price or Decimal(0)
        order = replace(
            order,
            seq=row.seq,
            time=row.time,
            created=False,
            status="filled" if row.code2 else "partially_filled",
            filled_quantity=filled,
            filled_price=money(float((before * order.filled_quantity + price * quantity) / filled))
            if order.filled_quantity
            else price,
            slippage=money(row.x[2]),
        )
        if row.code2:
            del self._orders[row.order]
        else:
            self._orders[row.order] = order
        self._out.append(order)

    def _moves(self, row: Any, fill: Fill) -> None:
        """Take a fill into the position."""
        position = self._positions.get(row.symbol)
        if position is None:
            position = self._positions[row.symbol] = _Open(row.decision, row.side, fill.filled_at)
        if row.leg == ENTRY:
            position.entry_lots += row.quantity_lots
            position.entry_ticks += row.quantity_lots * row.price_ticks
        position.lots = abs(int(row.x[3]))
        target = position.targets.get(row.order)
        if target is not None:
            position.targets[row.order] = replace(target, filled=True)
        if position.lots:
            self._position(row, position)

    def _position(self, row: Any, position: _Open, status: str = "open") -> None:
        instrument = self._instruments[row.symbol]
        ticks, lots = position.entry_ticks, position.entry_lots
        whole = ticks % lots == 0
        entry = instrument.price(ticks // lots) if whole else money(float(instrument.price(ticks) / lots))
        self._out.append(
            Position(
                **self._head(row) | {"decision": position.decision},
                id=ids.position_id(self._session, position.decision),
                side="LONG" if position.side > 0 else "SHORT",
                status=status,
                size=instrument.quantity(position.lots),
                quantity=instrument.quantity(lots),
                entry_price=entry,
                entry_time=position.entry_time,
                stop_loss=position.stop,
                take_profits=tuple(position.targets.values()),
                leverage=self._leverage,
            )
        )

    def _trade(self, row: Any) -> None:
        x = row.x
        position = self._positions.pop(row.symbol)
        self._position(row, position, "closed")
        trade_id = ids.position_id(self._session, row.decision)
        trade = Trade(
            **self._head(row),
            id=trade_id,
            position_id=trade_id,
            side="LONG" if row.side > 0 else "SHORT",
            quantity=self._instruments[row.symbol].quantity(row.quantity_lots),
            entry_time=int(x[4]),
            exit_time=int(x[5]),
            entry_price=money(x[0]),
            exit_price=money(x[1]),
            pnl=money(x[2]),
            fees=money(x[3]),
            funding=money(x[10]),
            slippage=money(x[9]),
            balance_after=money(x[11]),
            r_multiple=number(x[6]),
            mae=x[7],
            mfe=x[8],
            exit_reason=REASONS[row.code],
            bars_held=int(x[12]),
            stop_loss=position.stop,
        )
        self._out.append(trade)
        self._log(row, "trade", partial(sentences.trade_text, trade), "good" if trade.pnl > 0 else "bad")

    # ---------------------------------------------------------------------------------------------------------- state
    def _state(self, row: Any) -> None:
        position = self._positions.get(row.symbol)
        change = StateChange(
            **self._head(row),
            from_state=STATES[row.code2],
            to_state=STATES[row.code],
            reason=REASONS[row.flag],
            order_id=ids.order_id(self._session, row.order) if row.order else None,
            position_id=ids.position_id(self._session, position.decision) if position else None,
        )
        self._out.append(change)
        sentence = sentences.state_text(change)
        halted = change.to_state == "HALTED"
        if halted:
            self._out.append(
                RiskAlert(
                    **self._head(row),
                    alert_id=ids.alert_id(self._session, row.seq),
                    severity="CRITICAL",
                    alert_type=change.reason,
                    message=sentence,
                    details={"from_state": change.from_state},
                )
            )
        if sentence:
            self._log(row, "state", lambda: sentence, "bad" if halted else "info")

"""Decide: signals and fills in, intents out. It cannot tell whether a simulated broker or a venue answers.

Every intent is an audit row (place, amend, cancel). The bracket follows the fills: the first entry fill places the
stop for what was filled, each further fill widens it, and the targets are placed when the entry is over; after that
the stop always covers exactly what is left. No stop, no position: a signal without one gets the default distance.
"""

import numpy as np

from triplane.kernel.audit import change_state, emit
from triplane.kernel.codes import Action, Check, Leg, OrderType, Reason, RowKind, SignalStatus, State
from triplane.kernel.jit import Rec, njit
from triplane.kernel.ledger import book_fill, reserve, trade_row
from triplane.kernel.prices import to_lots, to_price, to_quantity, to_ticks
from triplane.kernel.records import ENTRY_TTL_BARS, NO_TARGET
from triplane.kernel.risk import check_entry, fits_grid, is_sound, size_lots


# ------------------------------------------------------------------------------------------------------- intents
@njit
def place(a: Rec, s: Rec, out: Rec, leg: int, kind: int, side: int, ticks: int, lots: int, reason: int) -> None:
    """Place an order for ``leg``: ``ticks`` is the limit price or the trigger, ``reason`` why an exit is wanted."""
    a.orders += 1
    mine = s.legs[leg]
    mine.order = a.orders
    mine.quantity_lots = lots
    mine.trigger_ticks = 0 if kind == OrderType.LIMIT else ticks
    mine.price_ticks = ticks if kind == OrderType.LIMIT else 0
    mine.reason = reason
    mine.expires_at = 0
    mine.revision = 0
    mine.cancelling = 0
    mine.reference = s.last.close if kind == OrderType.MARKET else to_price(s.instrument, ticks)
    row = out.place_rows[emit(a, s, out, RowKind.PLACE)]
    row.decision = s.plan.decision
    row.order = a.orders
    row.leg = leg
    row.type = kind
    row.side = side
    row.price_ticks = mine.price_ticks
    row.trigger_ticks = mine.trigger_ticks
    row.quantity_lots = lots
    row.reduce_only = 0 if leg == Leg.ENTRY else 1
    row.reason = reason
    row.reference = mine.reference
    if leg == Leg.ENTRY:
        reserve(a, s)


@njit
def amend(a: Rec, s: Rec, out: Rec, leg: int, ticks: int, lots: int, reason: int) -> None:
    """Change trigger and quantity of the working order of ``leg``."""
    mine = s.legs[leg]
    mine.trigger_ticks = ticks
    mine.quantity_lots = lots
    mine.reason = reason
    mine.revision += 1
    mine.reference = to_price(s.instrument, ticks)
    row = out.amend_rows[emit(a, s, out, RowKind.AMEND)]
    row.revision = mine.revision
    row.decision = s.plan.decision
    row.order = mine.order
    row.leg = leg
    row.trigger_ticks = ticks
    row.quantity_lots = lots
    row.reason = reason


@njit
def cancel(a: Rec, s: Rec, out: Rec, leg: int, reason: int) -> None:
    """Cancel the working order of ``leg``, if there is one.

    The simulated broker obeys at once. At a venue an entry may fill while it is being cancelled, so it counts as
    working until the venue says that it is over; all other legs can only reduce, so they are let go of.
    """
    mine = s.legs[leg]
    if mine.order == 0 or mine.cancelling:
        return
    row = out.cancel_rows[emit(a, s, out, RowKind.CANCEL)]
    row.decision = s.plan.decision
    row.order = mine.order
    row.leg = leg
    row.reason = reason
    if s.external and leg == Leg.ENTRY:
        row.unconfirmed = 1
        mine.cancelling = max(reason, 1)
    else:
        mine.order = 0
        reserve(a, s)


# ------------------------------------------------------------------------------------------------------- signals
@njit
def _stop_price(s: Rec, sig: Rec, entry: float) -> float:
    if sig.stop > 0.0:
        return sig.stop  # type: ignore[no-any-return]
    distance = sig.stop_distance if sig.stop_distance > 0.0 else entry * s.limits.default_stop
    return entry - sig.side * distance  # type: ignore[no-any-return]


@njit
def _target_price(s: Rec, sig: Rec, i: int, entry: float, stop: float) -> float:
    """Price of target ``i``, or NaN when there is none; the first has a default."""
    if sig.targets[i] > 0.0:
        return sig.targets[i]  # type: ignore[no-any-return]
    if sig.targets[i] == NO_TARGET:
        return np.nan
    if sig.target_distances[i] > 0.0:
        return entry + sig.side * sig.target_distances[i]  # type: ignore[no-any-return]
    if i == 0 and sig.trail_distance <= 0.0:
        return entry + s.limits.reward_risk * (entry - stop)  # type: ignore[no-any-return]
    return np.nan


@njit
def _entry_price(s: Rec, sig: Rec) -> float:
    return sig.entry if sig.entry_type != OrderType.MARKET and sig.entry > 0.0 else s.last.close  # type: ignore[no-any-return]


@njit
def signal_row(a: Rec, s: Rec, out: Rec, sig: Rec, decision: int, status: int, lots: int) -> None:
    """Write what the strategy said, with the values it saw."""
    entry = _entry_price(s, sig)
    stop = _stop_price(s, sig, entry)
    row = out.signal_rows[emit(a, s, out, RowKind.SIGNAL)]
    row.decision = decision
    row.side = sig.side
    row.entry_type = sig.entry_type
    row.status = status
    row.reasons = sig.reasons
    row.closing = 1 if sig.action == Action.CLOSE else 0
    row.quantity_lots = lots
    row.price = s.last.close
    if sig.action == Action.ENTER:
        row.entry = entry
        row.stop = stop
        for i in range(3):
            target = _target_price(s, sig, i, entry, stop)
            row.targets[i] = max(0.0, target)
        row.quantity = to_quantity(s.instrument, lots)
    row.confidence = sig.confidence
    row.seen = sig.seen


@njit
def enter(a: Rec, s: Rec, out: Rec, sig: Rec, decision: int) -> None:
    """Put an entry signal through size and risk; place the order, or say which check refused it."""
    entry = _entry_price(s, sig)
    sound = is_sound(s, sig, entry)
    ticks = 0
    if sound and sig.entry_type != OrderType.MARKET:  # what is sized and checked is what is asked for, on the grid
        ticks = to_ticks(s.instrument, entry, (sig.side > 0) == (sig.entry_type == OrderType.STOP_MARKET))
        entry = to_price(s.instrument, ticks)
    stop = _stop_price(s, sig, entry)
    if sound:
        lots = size_lots(a, s, entry, stop, sig.weight)
        if sig.quantity > 0.0:
            lots = min(lots, to_lots(s.instrument, sig.quantity))
        failed = check_entry(a, s, sig.side, entry, stop, lots)
    else:
        lots = 0
        failed = int(Check.BAD_SIGNAL)
        s.check_value = entry
        s.check_limit = 0.0
    if failed != Check.OK:
        signal_row(a, s, out, sig, decision, SignalStatus.REJECTED, lots)
        row = out.reject_rows[emit(a, s, out, RowKind.REJECT)]
        row.decision = decision
        row.side = sig.side
        row.check = failed
        row.value = s.check_value
        row.limit = s.check_limit
        row.entry = entry
        row.stop = stop
        return
    signal_row(a, s, out, sig, decision, SignalStatus.EXECUTED, lots)
    out.signal_rows[a.n_out - 1].capped = s.capped
    s.plan.signal = sig
    s.plan.decision = decision
    s.plan.targets_placed = 0
    s.plan.leaving = 0
    s.plan.then_market = 0
    s.position.decision = decision
    place(a, s, out, Leg.ENTRY, sig.entry_type, sig.side, ticks, lots, Reason.NONE)
    ttl = sig.ttl_bars if sig.ttl_bars != 0 else ENTRY_TTL_BARS
    if ttl > 0 and sig.entry_type != OrderType.MARKET:
        s.legs[Leg.ENTRY].expires_at = s.now + ttl * s.timeframe_ms
        out.rows[a.n_out - 1].expires_at = s.legs[Leg.ENTRY].expires_at
    change_state(a, s, out, State.ENTRY_PENDING, Reason.ENTRY_PLACED, s.legs[Leg.ENTRY].order)


@njit
def _wait(a: Rec, s: Rec, out: Rec, sig: Rec, decision: int) -> None:
    """Keep a signal until a person decides (manual mode); the oldest gives way when all places are taken."""
    slot = 0
    for j in range(len(s.waiting)):
        if s.waiting[j].decision == 0:
            slot = j
            break
        if s.waiting[j].decision < s.waiting[slot].decision:
            slot = j
    w = s.waiting[slot]
    if w.decision > 0:
        expire_waiting(a, s, out, slot)
    w.signal = sig
    w.decision = decision
    w.expires_bar = s.bars + s.limits.signal_ttl_bars
    signal_row(a, s, out, sig, decision, SignalStatus.PENDING, 0)


@njit
def expire_waiting(a: Rec, s: Rec, out: Rec, slot: int) -> None:
    """End a pending signal that nobody executed."""
    w = s.waiting[slot]
    row = out.signal_rows[emit(a, s, out, RowKind.SIGNAL)]
    row.decision = w.decision
    row.side = w.signal.side
    row.status = SignalStatus.EXPIRED
    row.price = s.last.close
    w.decision = 0


@njit
def ready(s: Rec) -> bool:
    """Whether a new entry may be thought of: scanning, and no entry order is left from before."""
    return bool(s.state == State.SCANNING and s.legs[Leg.ENTRY].order == 0 and s.position.lots == 0)


@njit
def wants_in(s: Rec) -> bool:
    """Whether the strategy asks for an entry that may be thought of."""
    return bool(s.signal.action == Action.ENTER and s.state != State.BOOTSTRAP and ready(s))


@njit
def on_entry(a: Rec, s: Rec, out: Rec) -> None:
    """Act on an entry that the strategy asks for."""
    a.decisions += 1
    if s.limits.manual:
        _wait(a, s, out, s.signal, a.decisions)
    else:
        enter(a, s, out, s.signal, a.decisions)


@njit
def on_exit(a: Rec, s: Rec, out: Rec) -> None:
    """Act on what the strategy wants of its position, or of its working entry; nothing when there is none."""
    sig = s.signal
    if sig.action == Action.CANCEL:
        cancel_entry(a, s, out, Reason.SIGNAL)
    elif s.position.lots == 0 or s.plan.leaving:
        return
    elif sig.action == Action.MANAGE:
        _manage(a, s, out, sig)
    elif sig.action == Action.REDUCE:
        if s.legs[Leg.EXIT].order == 0:
            _reduce(a, s, out, sig.fractions[0])
    elif sig.action == Action.CLOSE:
        signal_row(a, s, out, sig, s.plan.decision, SignalStatus.EXECUTED, 0)
        leave(a, s, out, Reason.SIGNAL)


@njit
def _manage(a: Rec, s: Rec, out: Rec, sig: Rec) -> None:
    """Move the stop, never further away than the first one was, and the targets, as the strategy says."""
    side = 1 if s.position.lots > 0 else -1
    if sig.stop > 0.0 and (sig.stop - s.position.first_stop) * side >= 0.0:
        set_stop(a, s, out, sig.stop, Reason.SIGNAL)
    for i in range(3):
        set_target(a, s, out, i, sig.targets[i])


@njit
def set_stop(a: Rec, s: Rec, out: Rec, price: float, reason: int) -> None:
    """Move the stop to ``price``, if it is on the losing side of the last price."""
    side = 1 if s.position.lots > 0 else -1
    if price > 0.0 and fits_grid(s, price) and (s.last.close - price) * side > 0.0:
        move_stop(a, s, out, price, reason, True)


@njit
def set_target(a: Rec, s: Rec, out: Rec, i: int, price: float) -> None:
    """Move target ``i`` to ``price``, if it works and the price is on the winning side of the last one."""
    side = 1 if s.position.lots > 0 else -1
    leg = s.legs[Leg.TP1 + i]
    if leg.order != 0 and price > 0.0 and fits_grid(s, price) and (price - s.last.close) * side > 0.0:
        ticks = to_ticks(s.instrument, price, side > 0)
        if ticks != leg.trigger_ticks:
            amend(a, s, out, Leg.TP1 + i, ticks, leg.quantity_lots, leg.reason)


@njit
def _reduce(a: Rec, s: Rec, out: Rec, share: float) -> None:
    """Close a share of the position at market; all of it when that leaves less than a lot."""
    if not 0.0 < share <= 1.0:
        return
    held = abs(s.position.lots)
    lots = to_lots(s.instrument, to_quantity(s.instrument, held) * share)
    if lots >= held:
        leave(a, s, out, Reason.SIGNAL)
    elif lots > 0:
        place(a, s, out, Leg.EXIT, OrderType.MARKET, -1 if s.position.lots > 0 else 1, 0, lots, Reason.SIGNAL)


@njit
def _fit_targets(a: Rec, s: Rec, out: Rec) -> None:
    """After a part was closed at market: the targets together are never more than what is left."""
    left = abs(s.position.lots)
    for leg in range(Leg.TP1, Leg.TP1 + 3):
        mine = s.legs[leg]
        if mine.order == 0:
            continue
        if left == 0:
            cancel(a, s, out, leg, Reason.SIGNAL)
        elif mine.quantity_lots > left:
            amend(a, s, out, leg, mine.trigger_ticks, left, mine.reason)
        left -= min(mine.quantity_lots, left)


@njit
def leave(a: Rec, s: Rec, out: Rec, reason: int) -> None:
    """Close the whole position at market, and what still fills late; the stop stays until the exit has filled.

    An exit of a part gives way to one of the whole; at a venue, where it is filling by now, the rest follows it.
    """
    lots = abs(s.position.lots)
    if lots == 0:
        return
    s.plan.leaving = reason
    cancel(a, s, out, Leg.ENTRY, reason)
    if s.legs[Leg.EXIT].order != 0:
        if s.external or s.legs[Leg.EXIT].quantity_lots >= lots:
            return
        cancel(a, s, out, Leg.EXIT, reason)
    side = -1 if s.position.lots > 0 else 1
    place(a, s, out, Leg.EXIT, OrderType.MARKET, side, 0, lots, reason)


# --------------------------------------------------------------------------------------------------------- fills
@njit
def _protect(a: Rec, s: Rec, out: Rec) -> None:
    """Make the stop cover the position as it is now."""
    position = s.position
    sig = s.plan.signal
    lots = abs(position.lots)
    if s.legs[Leg.STOP].order == 0:
        price = _stop_price(s, sig, position.entry_price)
        ticks = to_ticks(s.instrument, price, sig.side < 0)
        position.stop = to_price(s.instrument, ticks)
        position.first_stop = position.stop
        place(a, s, out, Leg.STOP, OrderType.STOP_MARKET, -sig.side, ticks, lots, Reason.STOP)
    elif s.legs[Leg.STOP].quantity_lots != lots:
        amend(a, s, out, Leg.STOP, s.legs[Leg.STOP].trigger_ticks, lots, s.legs[Leg.STOP].reason)


@njit
def _targets(a: Rec, s: Rec, out: Rec) -> None:
    """Place the ladder; its quantities add up exactly to the position."""
    sig = s.plan.signal
    position = s.position
    s.plan.targets_placed = 1
    last = 0
    for i in range(3):
        if _target_price(s, sig, i, position.entry_price, position.stop) > 0.0:
            last = i
    left = abs(position.lots)
    for i in range(3):
        price = _target_price(s, sig, i, position.entry_price, position.stop)
        if not price > 0.0:
            continue
        lots = left
        if i < last:
            share = sig.fractions[i] if sig.fractions[i] > 0.0 else 1.0 / (last + 1)
            lots = min(to_lots(s.instrument, to_quantity(s.instrument, position.entry_lots) * share), left)
        if lots > 0:
            ticks = to_ticks(s.instrument, price, sig.side > 0)
            place(a, s, out, Leg.TP1 + i, OrderType.TAKE_PROFIT_MARKET, -sig.side, ticks, lots, Reason.TARGET)
            left -= lots


@njit
def move_stop(a: Rec, s: Rec, out: Rec, price: float, reason: int, loosen: bool) -> None:
    """Move the stop to ``price``; further away only when a person says so (``loosen``)."""
    if s.legs[Leg.STOP].order == 0 or s.position.lots == 0:
        return
    side = 1 if s.position.lots > 0 else -1
    ticks = to_ticks(s.instrument, price, side < 0)
    if (ticks - s.legs[Leg.STOP].trigger_ticks) * side > 0 or loosen:
        amend(a, s, out, Leg.STOP, ticks, abs(s.position.lots), reason)
        s.position.stop = to_price(s.instrument, ticks)


@njit
def _flat(a: Rec, s: Rec, out: Rec, side: int) -> None:
    """The position has just closed: take every other order out, write the trade, start the cool-down."""
    s.plan.leaving = s.last_fill.reason
    for leg in range(6):
        cancel(a, s, out, leg, s.last_fill.reason)
    trade_row(a, s, out, s.last_fill, side)
    if s.state != State.HALTED:
        change_state(a, s, out, State.COOLDOWN, s.last_fill.reason, s.last_fill.order)
        s.cooldown = 0 if s.limits.fixed_lots > 0 else s.limits.cooldown_bars
        if s.cooldown == 0:
            change_state(a, s, out, State.SCANNING, Reason.COOLDOWN_OVER, 0)


@njit
def on_fill(a: Rec, s: Rec, out: Rec) -> None:
    """Answer the fill in ``s.last_fill``: book it, then protect, take profit or finish."""
    fill = s.last_fill
    side = 1 if s.position.lots > 0 else -1
    book_fill(a, s, fill)
    mine = s.legs[fill.leg]
    if mine.order == fill.order and fill.leg != Leg.ENTRY:
        mine.quantity_lots -= fill.quantity_lots
    if fill.done and mine.order == fill.order:
        mine.order = 0
    reserve(a, s)
    if fill.leg == Leg.ENTRY:
        _protect(a, s, out)
        if s.state != State.HALTED:
            change_state(a, s, out, State.IN_POSITION, Reason.ENTRY_FILLED, fill.order)
        if fill.done and not s.plan.targets_placed:
            _targets(a, s, out)
        if s.plan.leaving:
            leave(a, s, out, s.plan.leaving)
        return
    if s.position.lots == 0:
        _flat(a, s, out, side)
        return
    if fill.leg == Leg.STOP and s.legs[Leg.ENTRY].order != 0:  # who is being stopped out buys no more
        s.plan.targets_placed = 1
        cancel(a, s, out, Leg.ENTRY, fill.reason)
    _protect(a, s, out)
    if fill.leg == Leg.EXIT:
        _fit_targets(a, s, out)
    if fill.leg == Leg.TP1 and fill.done and s.limits.break_even:
        move_stop(a, s, out, s.position.entry_price, Reason.BREAK_EVEN, False)
    if s.plan.leaving:
        leave(a, s, out, s.plan.leaving)


@njit
def on_order_end(a: Rec, s: Rec, out: Rec, leg: int, reason: int) -> None:
    """An order ended without (more) fills: expired, cancelled or rejected."""
    s.legs[leg].order = 0
    reserve(a, s)
    if leg != Leg.ENTRY:
        return
    if s.position.lots != 0:
        if not s.plan.targets_placed and not s.plan.leaving:
            _targets(a, s, out)
    elif s.state == State.ENTRY_PENDING:
        change_state(a, s, out, State.SCANNING, reason, 0)


@njit
def cancel_entry(a: Rec, s: Rec, out: Rec, reason: int) -> None:
    """Take a working entry out; a part that has filled keeps its bracket."""
    if s.legs[Leg.ENTRY].order != 0:
        cancel(a, s, out, Leg.ENTRY, reason)
        if s.legs[Leg.ENTRY].order == 0:
            on_order_end(a, s, out, Leg.ENTRY, Reason.ENTRY_CANCELLED)


@njit
def trail(a: Rec, s: Rec, out: Rec) -> None:
    """Let a trailing stop follow the best price seen; called at the close of each base candle."""
    distance = s.plan.signal.trail_distance
    if distance > 0.0 and s.position.lots != 0:
        side = 1 if s.position.lots > 0 else -1
        price = s.position.best - side * distance
        if (s.last.close - price) * side < 0.0:
            price = s.last.close  # a stop beyond the market would be a price that nobody got
        move_stop(a, s, out, price, Reason.TRAILING, False)

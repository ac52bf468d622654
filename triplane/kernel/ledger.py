"""The books: what a fill does to the position and the account, and marking both to market.

The same for simulated and for real fills. P&L is net: fees are booked against the balance as they occur, the price
difference when a part of the position closes. Money is in the quote currency.
"""

import numpy as np

from triplane.kernel.audit import emit
from triplane.kernel.codes import Leg, RowKind
from triplane.kernel.jit import Rec, njit
from triplane.kernel.prices import to_price, to_quantity
from triplane.kernel.records import NO_POSITION

DAY_MS = 86_400_000
FUNDING_MS = 8 * 3_600_000
"""The longest time between two fundings of a perpetual."""
FUNDING_LATE_MS = 60_000
"""How much later than that a venue may stamp one."""


@njit
def liquidation_price(entry: float, side: int, leverage: float, maintenance: float) -> float:
    """Mark price at which an isolated linear position is liquidated; 0 when it never is.

    From margin + unrealised = maintenance x notional, with margin = entry / leverage a unit:
    ``entry x (1 - side / leverage) / (1 - side x maintenance)``.
    """
    return max(entry * (1.0 - side / leverage) / (1.0 - side * maintenance), 0.0)


@njit
def liquidated_at(s: Rec, entry: float, side: int, quantity: float) -> float:
    """Mark price at which a position of ``quantity`` is liquidated, 0 when it never is.

    The tier is the one of its notional at that price. Since each tier asks for more than the one below it as soon as it
    begins, and for less before, that is the tier that comes first.
    """
    rules = s.instrument
    leverage = s.costs.leverage
    price = liquidation_price(entry, side, leverage, rules.maintenance_margin)
    notional = entry * quantity
    for i in range(rules.tier_count if notional > 0.0 else 0):
        tier = rules.tiers[i]
        if quantity <= tier.above:
            break
        backing = 1.0 / leverage + tier.amount / notional
        reached = liquidation_price(entry, side, 1.0 / backing, tier.rate)
        price = max(price, reached) if side > 0 else min(price, reached)
    return price


@njit
def mark(a: Rec, s: Rec, price: float) -> None:
    """Mark the position of ``s`` to ``price``: unrealised P&L and equity."""
    position = s.position
    unrealized = 0.0
    if position.lots != 0:
        unrealized = (price - position.entry_price) * to_quantity(s.instrument, position.lots)
    a.unrealized += unrealized - position.unrealized
    position.unrealized = unrealized
    if a.open_positions == 0:
        a.unrealized = 0.0  # nothing is open: drop the last bits of float noise
    a.equity = a.balance + a.unrealized


@njit
def move_peak(a: Rec) -> None:
    """Move peak and drawdown: once, when every position is marked to the same time."""
    if a.equity == a.judged_equity:
        return
    a.judged_equity = a.equity
    if a.equity > a.peak_equity:
        a.peak_equity = a.equity
    elif a.peak_equity > 0.0:
        a.max_drawdown = max(a.max_drawdown, 1.0 - a.equity / a.peak_equity)


@njit
def reserve(a: Rec, s: Rec) -> None:
    """Keep room in the account for what the working entry of ``s`` will take when it fills, or give it back."""
    mine = s.legs[Leg.ENTRY]
    slot = 0
    margin = 0.0
    if mine.order != 0:
        left = mine.quantity_lots
        if s.position.lots == 0:
            slot = 1
        else:
            left = max(left - s.position.entry_lots, 0)
        margin = to_quantity(s.instrument, left) * mine.reference / s.costs.leverage
    a.pending_entries += slot - s.slot
    a.reserved_margin += margin - s.reserved
    s.slot = slot
    s.reserved = margin


@njit
def exposure(s: Rec) -> float:
    """What is open or working to be opened, at the last price, quote currency."""
    lots = abs(s.position.lots)
    mine = s.legs[Leg.ENTRY]
    if mine.order != 0:
        lots += max(mine.quantity_lots - s.position.entry_lots, 0) if lots else mine.quantity_lots
    return to_quantity(s.instrument, lots) * s.last.close  # type: ignore[no-any-return]


@njit
def roll_day(a: Rec, time: int) -> None:
    """Start the daily counters again at 00:00 UTC."""
    day = time // DAY_MS
    if day > a.day:
        a.day = day
        a.day_equity = a.equity
        a.trades_today = 0


@njit
def _open(a: Rec, s: Rec, fill: Rec, price: float, quantity: float) -> None:
    position = s.position
    if position.lots == 0:
        decision = position.decision
        s.position = NO_POSITION[0]
        position.decision = decision
        position.entry_time = fill.time
        position.entry_bar = s.bars
        position.best = price
        position.worst = price
        position.mid_bar = 0 if s.external or s.fill_at_open else 1
        a.open_positions += 1
        a.trades_today += 1
    position.lots += fill.side * fill.quantity_lots
    position.entry_lots += fill.quantity_lots
    position.entry_value += price * quantity
    held = abs(to_quantity(s.instrument, position.lots))
    if position.exit_lots > 0:
        position.late_entry = 1
        position.entry_price += (price - position.entry_price) * quantity / held
    elif position.entry_lots == fill.quantity_lots:
        position.entry_price = price  # exact, not price x q / q
    else:
        position.entry_price = position.entry_value / held
    margin = position.entry_price * held / s.costs.leverage
    a.used_margin += margin - position.margin
    position.margin = margin
    position.liquidation = liquidated_at(s, position.entry_price, fill.side, held)


@njit
def _close(a: Rec, s: Rec, fill: Rec, price: float, quantity: float) -> None:
    position = s.position
    side = 1 if position.lots > 0 else -1
    a.balance += (price - position.entry_price) * quantity * side
    position.exit_value += price * quantity
    position.best = max(position.best * side, price * side) * side
    position.worst = min(position.worst * side, price * side) * side
    position.exit_lots += fill.quantity_lots
    position.lots += fill.side * fill.quantity_lots
    margin = position.entry_price * abs(to_quantity(s.instrument, position.lots)) / s.costs.leverage
    a.used_margin = a.used_margin + margin - position.margin if position.lots != 0 else a.used_margin - position.margin
    position.margin = margin
    if position.lots == 0:
        a.open_positions -= 1
        position.liquidation = 0.0
        if a.open_positions == 0:
            a.used_margin = 0.0
    elif s.instrument.tier_count > 0:
        held = abs(to_quantity(s.instrument, position.lots))
        position.liquidation = liquidated_at(s, position.entry_price, side, held)


@njit
def book_fill(a: Rec, s: Rec, fill: Rec) -> None:
    """Book one fill: position, balance, fees, margin; marks to the fill price."""
    price = to_price(s.instrument, fill.price_ticks)
    quantity = to_quantity(s.instrument, fill.quantity_lots)
    position = s.position
    if position.lots == 0 or (position.lots > 0) == (fill.side > 0):
        _open(a, s, fill, price, quantity)
    else:
        _close(a, s, fill, price, quantity)
    a.balance -= fill.fee
    a.fees += fill.fee
    position.fees += fill.fee
    position.slippage += (price - fill.reference) * fill.side * quantity
    mark(a, s, price)


@njit
def book_funding(a: Rec, s: Rec, received: float) -> None:
    """Book a funding payment, negative when it was paid."""
    a.balance += received
    a.funding += received
    if s.position.lots != 0:
        s.position.funding += received


@njit
def charge_funding(a: Rec, s: Rec, due: int, rate: float, price: float) -> None:
    """Charge the funding of a time, once: notional at the mark ``price`` times ``rate``; longs pay a positive one."""
    if s.funded_at > 0 and due <= s.funded_at + FUNDING_LATE_MS:
        return
    position = s.position
    if position.lots != 0 and position.entry_time < due:
        if due > max(s.funded_at, position.entry_time) + FUNDING_MS + FUNDING_LATE_MS:
            position.unfunded = 1
        book_funding(a, s, -to_quantity(s.instrument, position.lots) * price * rate)
    s.funded_at = due


@njit
def charge_due(a: Rec, s: Rec, until: int) -> None:
    """Charge the fundings that were told of and whose time is at most ``until`` to what is held now."""
    done = 0
    while done < s.due_count and s.dues[done].time <= until:
        told = s.dues[done]
        charge_funding(a, s, told.time, told.rate, told.mark if told.mark > 0.0 else s.last.close)
        done += 1
    for j in range(done, s.due_count if done > 0 else 0):
        s.dues[j - done] = s.dues[j]
    s.due_count -= done


@njit
def owe(a: Rec, s: Rec, due: int, rate: float, price: float) -> None:
    """Take a funding: charged now, or, where its time lies behind the newest candle, with the candle of that time."""
    if s.due_count == len(s.dues):
        charge_due(a, s, s.dues[0].time)
    told = s.dues[s.due_count]
    s.due_count += 1
    told.time = due
    told.rate = rate
    told.mark = price
    charge_due(a, s, s.last.open_time + s.base_ms + FUNDING_LATE_MS - 1)


@njit
def funding_known(s: Rec, time: int) -> bool:
    """Whether all funding of a position that closes at ``time`` is in the books."""
    if s.external or not s.instrument.perpetual:
        return True
    told = s.funded_at > 0 and time <= s.funded_at + FUNDING_MS + FUNDING_LATE_MS
    return bool(told and not s.position.unfunded)


@njit
def track(s: Rec, c: Rec) -> None:
    """Keep the best and worst price that the position has seen (MFE, MAE); of the candle of its entry, the close."""
    position = s.position
    high = c.close if position.mid_bar else c.high
    low = c.close if position.mid_bar else c.low
    position.mid_bar = 0
    if position.lots > 0:
        position.best = max(position.best, high)
        position.worst = min(position.worst, low)
    else:
        position.best = min(position.best, low)
        position.worst = max(position.worst, high)


@njit
def trade_row(a: Rec, s: Rec, out: Rec, fill: Rec, side: int) -> None:
    """Write the row of a position that has just closed and take its result into the account's statistics."""
    position = s.position
    quantity = to_quantity(s.instrument, position.entry_lots)
    entry_price = position.entry_value / quantity if position.late_entry else position.entry_price
    exit_price = to_price(s.instrument, fill.price_ticks)
    if position.exit_lots != fill.quantity_lots:
        exit_price = position.exit_value / quantity
    gross = (exit_price - entry_price) * quantity * side
    pnl = gross - position.fees + position.funding
    away = abs(entry_price - position.first_stop) if position.first_stop > 0.0 else 0.0
    risk = away * quantity if away > 0.5 * to_price(s.instrument, 1) else 0.0  # less is float noise
    r_multiple = pnl / risk if risk > 0.0 else np.nan
    a.trades += 1
    if risk > 0.0:
        a.return_sum += r_multiple
        a.return_square += r_multiple * r_multiple
    row = out.trade_rows[emit(a, s, out, RowKind.TRADE)]
    row.decision = position.decision
    row.order = fill.order
    row.side = side
    row.quantity_lots = position.entry_lots
    row.reason = fill.reason
    row.entry_price = entry_price
    row.exit_price = exit_price
    row.pnl = pnl
    row.fees = position.fees
    row.entry_time = position.entry_time
    row.exit_time = fill.time
    row.r_multiple = r_multiple
    row.mae = (position.worst - entry_price) * side
    row.mfe = (position.best - entry_price) * side
    row.slippage = position.slippage
    row.funding = position.funding if funding_known(s, fill.time) else np.nan
    row.balance_after = a.balance
    row.bars_held = s.bars - position.entry_bar
    row.entry_bar = position.entry_bar

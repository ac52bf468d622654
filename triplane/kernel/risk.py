"""Position size and the checks before every entry, in the order that the rules give; the first failure wins.

No check here ever looks at an order that reduces risk: exits are not asked.
"""

import numpy as np

from triplane.kernel.codes import Check, Gate, OrderType, Reason
from triplane.kernel.jit import Rec, njit
from triplane.kernel.ledger import liquidated_at
from triplane.kernel.prices import to_lots, to_price, to_quantity, to_ticks
from triplane.kernel.records import LARGEST, NO_TARGET

N_GATES = len(Gate)
GATE_CHECKS = np.array([Check[gate.name] for gate in Gate], dtype=np.int64)
"""The check that each gate fails."""

ROUNDING = 1e-9
"""Sizes are cut down to the limits themselves, so a limit is only broken by more than float noise."""


@njit
def fits_grid(s: Rec, x: float) -> bool:
    """Whether ``x`` can be a price or a distance of this market; 0 is none."""
    return 0.0 <= x < to_price(s.instrument, LARGEST)


@njit
def _target_is_sound(s: Rec, sig: Rec, i: int, entry: float) -> bool:
    """Whether a target fits the grid, lies where it wins, and is given as a price or a distance."""
    target = sig.targets[i]
    if not (fits_grid(s, sig.target_distances[i]) and sig.fractions[i] >= 0.0):
        return False
    if target <= 0.0:
        return bool(target in (0.0, NO_TARGET))
    return bool(fits_grid(s, target) and (target - entry) * sig.side > 0.0 and sig.target_distances[i] == 0.0)


@njit
def is_sound(s: Rec, sig: Rec, entry: float) -> bool:
    """Whether a signal says something that can be traded: a side, prices that fit the grid, and all of it together."""
    if abs(sig.side) != 1 or (sig.entry_type == OrderType.MARKET) != (sig.entry == 0.0):
        return False
    if not (fits_grid(s, sig.entry) and fits_grid(s, sig.stop)):
        return False
    if not (fits_grid(s, sig.stop_distance) and fits_grid(s, sig.trail_distance)):
        return False
    for i in range(3):
        if not _target_is_sound(s, sig, i, entry):
            return False
    size = 0.0 <= sig.weight <= 1.0 and 0.0 <= sig.quantity < np.inf
    total = sig.fractions[0] + sig.fractions[1] + sig.fractions[2]
    return bool(size and total <= 1.0 + ROUNDING and 0.0 <= sig.confidence <= 1.0)


@njit
def size_lots(a: Rec, s: Rec, entry: float, stop: float, weight: float) -> int:
    """Lots to trade: ``min(balance x risk / |entry - stop|, balance x max position / entry) x weight``, rounded down.

    ``weight`` is the share of the usual size that the signal asks for; 0 is all of it.
    """
    limits = s.limits
    s.capped = 0
    if limits.fixed_lots > 0:
        return int(limits.fixed_lots)
    distance = abs(entry - stop)
    if distance <= 0.0 or entry <= 0.0 or a.balance <= 0.0:
        return 0
    wanted = a.balance * limits.risk_per_trade / distance
    quantity = wanted
    if limits.max_position_share > 0.0:
        quantity = min(quantity, a.balance * limits.max_position_share / entry)
    if limits.max_position_quote > 0.0:
        quantity = min(quantity, limits.max_position_quote / entry)
    s.capped = 1 if quantity < wanted else 0
    if weight > 0.0:
        quantity *= weight
    return to_lots(s.instrument, quantity)


@njit
def gate(a: Rec, s: Rec) -> int:
    """The first closed gate, as a check, or ``Check.OK``: halts, the feed, the operator, data quality."""
    if a.halted:
        return Check.HALTED
    for bit in range(N_GATES):
        if a.gates & (1 << bit):
            return int(GATE_CHECKS[bit])
    if s.limits.quality_gate and s.quality.grade >= 3:
        s.check_value = s.quality.grade
        s.check_limit = 2.0
        return Check.DATA_QUALITY
    return Check.OK


@njit
def breached(a: Rec, s: Rec) -> int:
    """Whether the account must halt now: ``DAILY_LOSS``, ``DRAWDOWN`` or ``NONE``."""
    limits = s.limits
    if limits.fixed_lots > 0:
        return Reason.NONE
    loss = a.day_equity - a.equity
    if limits.daily_loss_quote > 0.0 and loss >= limits.daily_loss_quote:
        s.check_value = loss
        s.check_limit = limits.daily_loss_quote
        return Reason.DAILY_LOSS
    if limits.daily_loss_share > 0.0 and loss >= limits.daily_loss_share * a.day_equity:
        s.check_value = loss
        s.check_limit = limits.daily_loss_share * a.day_equity
        return Reason.DAILY_LOSS
    if limits.max_drawdown > 0.0 and a.equity <= a.peak_equity * (1.0 - limits.max_drawdown):
        s.check_value = 1.0 - a.equity / a.peak_equity
        s.check_limit = limits.max_drawdown
        return Reason.DRAWDOWN
    return Reason.NONE


@njit
def _limit(s: Rec, value: float, limit: float) -> bool:
    """Whether ``value`` is past ``limit``; both are kept for the record when it is."""
    if limit <= 0.0 or value <= limit * (1.0 + ROUNDING):
        return False
    s.check_value = value
    s.check_limit = limit
    return True


@njit
def _statistics(a: Rec, s: Rec, price: float) -> int:
    """The optional checks: volatility ceiling and minimum Sharpe (per trade, from ten trades on)."""
    limits = s.limits
    if limits.volatility_ceiling > 0.0:
        volatility = s.atr.value / price
        if not volatility <= limits.volatility_ceiling:
            s.check_value = volatility
            s.check_limit = limits.volatility_ceiling
            return Check.VOLATILITY_CEILING
    if not np.isnan(limits.min_sharpe) and a.trades >= 10:
        mean = a.return_sum / a.trades
        deviation = np.sqrt(max(a.return_square / a.trades - mean * mean, 0.0))
        sharpe = mean / deviation if deviation > 0.0 else 0.0
        if sharpe < limits.min_sharpe:
            s.check_value = sharpe
            s.check_limit = limits.min_sharpe
            return Check.MIN_SHARPE
    return Check.OK


@njit
def _account(a: Rec, s: Rec, notional: float) -> int:
    """Checks 1 to 7 of the rules, against what is open and what working entries have reserved."""
    limits = s.limits
    if _limit(s, notional, limits.max_position_quote):
        return Check.MAX_POSITION_SIZE
    if _limit(s, notional, limits.max_position_share * a.balance):
        return Check.MAX_POSITION_SIZE
    if limits.max_open_positions > 0 and a.open_positions + a.pending_entries >= limits.max_open_positions:
        s.check_value = a.open_positions + a.pending_entries
        s.check_limit = limits.max_open_positions
        return Check.MAX_OPEN_POSITIONS
    if _limit(s, notional + s.elsewhere, limits.max_symbol_share * a.equity):
        return Check.CONCENTRATION
    why = breached(a, s)
    if why == Reason.DAILY_LOSS:
        return Check.DAILY_LOSS_LIMIT
    if why == Reason.DRAWDOWN:
        return Check.DRAWDOWN
    margin = a.used_margin + a.reserved_margin + notional / s.costs.leverage
    if _limit(s, margin, limits.max_margin_use * a.equity):
        return Check.MARGIN_UTILISATION
    if limits.max_trades_day > 0 and a.trades_today + a.pending_entries >= limits.max_trades_day:
        s.check_value = a.trades_today + a.pending_entries
        s.check_limit = limits.max_trades_day
        return Check.MAX_TRADES_DAY
    return Check.OK


@njit
def check_entry(a: Rec, s: Rec, side: int, entry: float, stop: float, lots: int) -> int:
    """All checks for one entry; returns the first that fails with value and limit in the state."""
    s.check_value = 0.0
    s.check_limit = 0.0
    closed = gate(a, s)
    if closed != Check.OK:
        return closed
    if side < 0 and not s.instrument.can_short:
        return Check.NO_SHORT
    if to_ticks(s.instrument, stop, side < 0) < 1:
        return Check.NO_STOP
    if not (entry - stop) * side > 0.0:
        s.check_value = stop
        s.check_limit = entry
        return Check.BAD_STOP
    quantity = to_quantity(s.instrument, lots)
    liquidated = liquidated_at(s, entry, side, quantity)
    if liquidated > 0.0 and not (stop - liquidated) * side > 0.0:
        s.check_value = stop
        s.check_limit = liquidated
        return Check.STOP_BEYOND_LIQUIDATION
    if lots >= LARGEST:
        s.check_value = quantity
        s.check_limit = quantity
        return Check.MAX_POSITION_SIZE
    notional = quantity * entry
    if lots < max(s.instrument.min_quantity_lots, 1):
        s.check_value = quantity
        s.check_limit = to_quantity(s.instrument, max(s.instrument.min_quantity_lots, 1))
        return Check.BELOW_MINIMUM
    if notional < s.instrument.min_notional:
        s.check_value = notional
        s.check_limit = s.instrument.min_notional
        return Check.BELOW_MINIMUM
    if s.limits.fixed_lots > 0:
        return Check.OK
    failed = _account(a, s, notional)
    if failed != Check.OK:
        return failed
    return _statistics(a, s, entry)


@njit
def refusal(a: Rec, s: Rec, side: int) -> int:
    """What an entry at the last price with the default stop would be refused for now; asked of copies of the state."""
    entry = s.last.close
    stop = entry - side * entry * s.limits.default_stop
    return int(check_entry(a, s, side, entry, stop, size_lots(a, s, entry, stop, 0.0)))

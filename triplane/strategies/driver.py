"""The driver: one strategy fused with the core into compiled functions.

This file is both the driver of ``ema_cross`` and the pattern for all others: ``compiler.py`` copies it to the cache
folder with the marked import replaced. (Numba caches a function beside the file that defines it.)

``A`` is the account (one element), ``S`` the states of all rows (a symbol under a strategy), ``shown`` what strategies
may know of each (``records.VIEW``; a view into ``S``), ``out`` the outbox (one element of ``rows.OUTBOX``), whose fill
level is ``A[0].n_out``.
"""

from typing import Any

from triplane.kernel.codes import Reason
from triplane.kernel.commands import on_command as _command
from triplane.kernel.decide import wants_in
from triplane.kernel.indicators.volatility import atr_init
from triplane.kernel.inputs import INBOX
from triplane.kernel.jit import Arr, Rec, entry, inlined, njit
from triplane.kernel.ledger import roll_day
from triplane.kernel.moment import end_bars, judged, look_elsewhere, take_candles
from triplane.kernel.records import NO_SIGNAL
from triplane.kernel.risk import refusal as _refusal
from triplane.kernel.rows import OUT_FULL, OUT_MARGIN, OUT_ROWS
from triplane.kernel.step import begin_bar, end_bar, enter_bar, exit_bar, halt_now, take_candle
from triplane.kernel.timeframes import DONE, LATE, agg_init, agg_push
from triplane.strategies.registry import find

strategy: Any = find("ema_cross")  # STRATEGY
strategy_init = strategy.init
strategy_step = strategy.step


@njit
def _nothing(state: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """In place of a strategy that asks for the others, whose rows are always run together."""


step_alone = _nothing if strategy.others else strategy_step


@entry
def init(S: Arr) -> None:
    """Prepare the states of all rows; sizes, times and parameters are filled in."""
    for k in range(len(S)):
        s = S[k].core
        agg_init(s.agg, s.base_ms, s.timeframe_ms)
        atr_init(s.atr, 14)
        strategy_init(S[k].strategy)


@njit
def _ask(symbol: Rec) -> None:
    """Ask the strategy; one that raises has said nothing, and whoever runs it hears of it."""
    s = symbol.core
    try:
        step_alone(symbol.strategy, s.shown.candle, s.shown, s.signal)
    except Exception:  # noqa: BLE001 - whatever the user's code raises
        s.signal = NO_SIGNAL[0]
        s.raised = s.bars + 1


if strategy.others:

    @njit
    def _step_among(symbol: Rec, shown: Arr) -> None:
        s = symbol.core
        others = shown[s.first : s.first + s.count].copy()  # whatever it writes there, nobody else sees
        strategy_step(symbol.strategy, s.shown.candle, s.shown, s.signal, others)

    @njit
    def _ask_among(symbol: Rec, shown: Arr) -> None:
        """Ask a strategy that sees the other symbols."""
        try:
            _step_among(symbol, shown)
        except Exception:  # noqa: BLE001 - as above
            symbol.core.signal = NO_SIGNAL[0]
            symbol.core.raised = symbol.core.bars + 1

else:

    @inlined
    def _step_among(symbol: Rec, shown: Arr) -> None:  # noqa: ARG001 - one shape for both
        strategy_step(symbol.strategy, symbol.core.shown.candle, symbol.core.shown, symbol.core.signal)

    @inlined
    def _ask_among(symbol: Rec, shown: Arr) -> None:  # noqa: ARG001
        _ask(symbol)


@njit
def _bar(a: Rec, symbol: Rec, bar: Rec, out: Rec) -> None:
    """The decision bar of a session's only row."""
    s = symbol.core
    begin_bar(a, s, bar, out)
    _ask(symbol)
    exit_bar(a, s, out)
    if wants_in(s):
        enter_bar(a, s, out)
    end_bar(a, s, out)


@njit
def _candle(a: Rec, symbol: Rec, c: Rec, out: Rec) -> None:
    """A moment of a session with one row: the same as for several, much faster without arrays."""
    s = symbol.core
    roll_day(a, c.open_time)
    take_candle(a, s, c, out)
    s.closed = agg_push(s.agg, c)
    reason = judged(a, s)
    if reason != Reason.NONE:
        halt_now(a, s, out, reason, s.now)
    if s.closed & LATE:
        _bar(a, symbol, s.agg.late, out)
    if s.closed & DONE:
        _bar(a, symbol, s.agg.bar, out)


@inlined
def _bars(a: Rec, S: Arr, shown: Arr, which: Arr, begin: int, end: int, kind: int, out: Rec) -> None:
    """The decision bars of one kind that closed in a moment; all are shown before the first strategy is asked."""
    for i in range(begin, end):
        s = S[which[i]].core
        if s.closed & kind:
            if kind == LATE:
                begin_bar(a, s, s.agg.late, out)
            else:
                begin_bar(a, s, s.agg.bar, out)
    for i in range(begin, end):
        symbol = S[which[i]]
        if symbol.core.closed & kind:
            _ask_among(symbol, shown)
            exit_bar(a, symbol.core, out)
    end_bars(a, S, which, begin, end, kind, out)


@entry
def ask(S: Arr, shown: Arr, k: int) -> None:
    """Ask the strategy of row ``k``, and raise what it raises."""
    _step_among(S[k], shown)


@entry
def on_command(A: Arr, S: Arr, k: int, commands: Arr, out: Arr) -> None:
    """Carry out ``commands[0]`` for row ``k``."""
    look_elsewhere(S, k)
    _command(A[0], S[k].core, commands.view(INBOX)[0], out[0])


@entry
def refusal(A: Arr, S: Arr, k: int, side: int) -> int:
    """The check that an entry of row ``k`` would fail now; asked of copies."""
    look_elsewhere(S, k)
    return _refusal(A[0], S[k].core, side)


@entry
def run_alone(A: Arr, S: Arr, candles: Arr, out: Arr, equity: Arr, start: int) -> int:
    """Take the candles of a session's only row through; see :func:`run_together`."""
    a = A[0]
    rows = out[0]
    for i in range(start, len(candles)):
        if a.n_out > OUT_FULL:
            return i
        _candle(a, S[0], candles[i], rows)
        equity[i] = a.equity
        if S[0].core.raised and S[0].core.raised == S[0].core.bars:
            return i + 1
    return len(candles)


@entry
def run_together(A: Arr, S: Arr, shown: Arr, which: Arr, candles: Arr, out: Arr, equity: Arr, start: int) -> int:
    """Take many candles through, in the order of their time; ``which[i]`` is the row of candle ``i``.

    Stops before the moment for which ``out`` might be too full, and behind one in which a strategy raised; returns
    the index of the next candle to take. ``equity[i]`` is the equity after the moment of candle ``i``.
    """
    a = A[0]
    rows = out[0]
    begin = start
    while begin < len(candles):
        end = begin + 1
        while end < len(candles) and candles[end].open_time == candles[begin].open_time:
            end += 1
        if a.n_out > min(OUT_FULL, max(OUT_ROWS - OUT_MARGIN * (end - begin), 0)):
            return begin
        closed = take_candles(a, S, which, candles, begin, end, rows)
        if closed & LATE:
            _bars(a, S, shown, which, begin, end, LATE, rows)
        if closed & DONE:
            _bars(a, S, shown, which, begin, end, DONE, rows)
        raised = False
        for i in range(begin, end):
            equity[i] = a.equity
            s = S[which[i]].core
            raised = raised or (s.raised > 0 and s.raised == s.bars)
        begin = end
        if raised:
            return begin
    return begin

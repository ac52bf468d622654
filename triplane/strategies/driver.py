"""The driver: one strategy fused with the core into compiled functions.

This file is both the driver of ``ema_cross`` and the pattern for all others: ``compiler.py`` copies it to the cache
folder with the marked import replaced. (Numba caches a function beside the file that defines it.)

``A`` is the account (one element), ``S`` the states of all symbols, ``out`` the outbox (one element of
``rows.OUTBOX``), whose fill level is ``A[0].n_out``.
"""

from triplane.kernel.commands import on_command as _command
from triplane.kernel.indicators.volatility import atr_init
from triplane.kernel.inputs import INBOX
from triplane.kernel.jit import Arr, Rec, entry, njit
from triplane.kernel.records import NO_SIGNAL
from triplane.kernel.risk import refusal as _refusal
from triplane.kernel.rows import OUT_MARGIN, OUT_ROWS
from triplane.kernel.step import begin_bar, end_bar, open_candle
from triplane.kernel.timeframes import DONE, LATE, agg_init, agg_push
from triplane.strategies import ema_cross as strategy  # STRATEGY

strategy_init = strategy.init
strategy_step = strategy.step


@entry
def init(S: Arr) -> None:
    """Prepare the states of all symbols; sizes, times and parameters are filled in."""
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
        strategy_step(symbol.strategy, s.bar, s.shown, s.signal)
    except Exception:  # noqa: BLE001 - whatever the user's code raises
        s.signal = NO_SIGNAL[0]
        s.raised = s.bars + 1


@njit
def _candle(a: Rec, symbol: Rec, c: Rec, out: Rec) -> None:
    """The way of one candle; see ``kernel/step.py``."""
    s = symbol.core
    open_candle(a, s, c, out)
    closed = agg_push(s.agg, c)
    if closed & LATE:
        begin_bar(a, s, s.agg.late, out)
        _ask(symbol)
        end_bar(a, s, out)
    if closed & DONE:
        begin_bar(a, s, s.agg.bar, out)
        _ask(symbol)
        end_bar(a, s, out)


@entry
def ask(S: Arr, k: int) -> None:
    """Ask the strategy of symbol ``k`` once more, and raise what it raises."""
    s = S[k].core
    strategy_step(S[k].strategy, s.bar, s.shown, s.signal)


@entry
def on_candle(A: Arr, S: Arr, k: int, candles: Arr, i: int, out: Arr) -> None:
    """Take the closed base candle ``candles[i]`` of symbol ``k`` through everything."""
    _candle(A[0], S[k], candles[i], out[0])


@entry
def on_command(A: Arr, S: Arr, k: int, commands: Arr, out: Arr) -> None:
    """Carry out ``commands[0]`` for symbol ``k``."""
    _command(A[0], S[k].core, commands.view(INBOX)[0], out[0])


@entry
def refusal(A: Arr, S: Arr, k: int, side: int) -> int:
    """The check that an entry of symbol ``k`` would fail now; asked of copies."""
    return _refusal(A[0], S[k].core, side)


@entry
def run(A: Arr, S: Arr, which: Arr, candles: Arr, out: Arr, equity: Arr, start: int) -> int:
    """Take many candles through; ``which[i]`` is the symbol of candle ``i``.

    Stops before the candle for which ``out`` might be too full, and behind one on which the strategy raised; returns
    the index of the next candle to take.
    """
    a = A[0]
    rows = out[0]
    for i in range(start, len(candles)):
        if a.n_out > OUT_ROWS - OUT_MARGIN:
            return i
        s = S[which[i]]
        _candle(a, s, candles[i], rows)
        equity[i] = a.equity
        if s.core.raised and s.core.raised == s.core.bars:
            return i + 1
    return len(candles)

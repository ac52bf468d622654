"""The driver cut in two around the strategy, for strategies in ordinary Python (see ``python_core.py``).

Like ``driver.py`` it is copied to the cache folder before it is used, so that its compiled functions are found again.
"""

import numpy as np

from triplane.kernel.commands import on_command as _command
from triplane.kernel.core import CORE
from triplane.kernel.indicators.volatility import atr_init
from triplane.kernel.inputs import COMMAND, INBOX
from triplane.kernel.jit import Arr, entry, record
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.kernel.risk import refusal as _refusal
from triplane.kernel.rows import OUTBOX
from triplane.kernel.step import begin_bar, end_bar, open_candle
from triplane.kernel.timeframes import agg_init, agg_push

STATE = record([("core", CORE), ("strategy", record([("none", "i8")]))])


@entry
def init(S: Arr) -> None:
    """Prepare the states of all symbols."""
    for k in range(len(S)):
        s = S[k].core
        agg_init(s.agg, s.base_ms, s.timeframe_ms)
        atr_init(s.atr, 14)


@entry
def open(A: Arr, S: Arr, k: int, candles: Arr, i: int, out: Arr) -> int:  # noqa: A001 - open, begin, end
    """Everything up to the close of the base candle; returns which decision bars closed (LATE, DONE)."""
    s = S[k].core
    c = candles[i]
    open_candle(A[0], s, c, out[0])
    return agg_push(s.agg, c)


@entry
def begin(A: Arr, S: Arr, k: int, late: bool, out: Arr) -> None:
    """Before the strategy sees a closed bar."""
    s = S[k].core
    if late:
        begin_bar(A[0], s, s.agg.late, out[0])
    else:
        begin_bar(A[0], s, s.agg.bar, out[0])


@entry
def end(A: Arr, S: Arr, k: int, out: Arr) -> None:
    """After the strategy has answered."""
    end_bar(A[0], S[k].core, out[0])


@entry
def on_command(A: Arr, S: Arr, k: int, commands: Arr, out: Arr) -> None:
    """Carry out ``commands[0]`` for symbol ``k``."""
    _command(A[0], S[k].core, commands.view(INBOX)[0], out[0])


@entry
def refusal(A: Arr, S: Arr, k: int, side: int) -> int:
    """The check that an entry of symbol ``k`` would fail now; asked of copies."""
    return _refusal(A[0], S[k].core, side)


def warm() -> None:
    """Compile every function, or load it from the cache."""
    A, S, out = np.zeros(1, ACCOUNT), np.zeros(1, STATE), np.zeros(1, OUTBOX)
    S["core"]["base_ms"] = S["core"]["timeframe_ms"] = 60_000
    init(S)
    open(A, S, 0, np.zeros(1, CANDLE), 0, out)
    begin(A, S, 0, False, out)
    end(A, S, 0, out)
    on_command(A, S, 0, np.zeros(1, COMMAND), out)
    refusal(A, S, 0, 1)

"""The driver cut in two around the strategy, for strategies in ordinary Python (see ``python_core.py``).

Like ``driver.py`` it is copied to the cache folder before it is used, so that its compiled functions are found again.
"""

import numpy as np

from triplane.kernel.commands import on_command as _command
from triplane.kernel.core import CORE
from triplane.kernel.indicators.volatility import atr_init
from triplane.kernel.inputs import COMMAND, INBOX
from triplane.kernel.jit import Arr, entry, record
from triplane.kernel.moment import end_bars, look_elsewhere, take_candles
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.kernel.risk import refusal as _refusal
from triplane.kernel.rows import OUTBOX
from triplane.kernel.step import begin_bar, exit_bar
from triplane.kernel.timeframes import DONE, LATE, agg_init

STATE = record([("core", CORE), ("strategy", record([("none", "i8")]))])


@entry
def init(S: Arr) -> None:
    """Prepare the states of all rows."""
    for k in range(len(S)):
        s = S[k].core
        agg_init(s.agg, s.base_ms, s.timeframe_ms)
        atr_init(s.atr, 14)


@entry
def open(A: Arr, S: Arr, which: Arr, candles: Arr, out: Arr) -> int:  # noqa: A001 - open, begin, answer, end
    """Everything up to the close of a moment's candles; returns which decision bars closed (LATE, DONE)."""
    return take_candles(A[0], S, which, candles, 0, len(candles), out[0])


@entry
def begin(A: Arr, S: Arr, k: int, kind: int, out: Arr) -> None:
    """Before the strategy sees a closed bar."""
    s = S[k].core
    if kind == LATE:
        begin_bar(A[0], s, s.agg.late, out[0])
    else:
        begin_bar(A[0], s, s.agg.bar, out[0])


@entry
def answer(A: Arr, S: Arr, k: int, out: Arr) -> None:
    """After the strategy has answered."""
    exit_bar(A[0], S[k].core, out[0])


@entry
def end(A: Arr, S: Arr, which: Arr, kind: int, out: Arr) -> None:
    """After the strategies of all rows have answered."""
    end_bars(A[0], S, which, 0, len(which), kind, out[0])


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


def warm() -> None:
    """Compile every function, or load it from the cache."""
    A, S, out = np.zeros(1, ACCOUNT), np.zeros(1, STATE), np.zeros(1, OUTBOX)
    S["core"]["base_ms"] = S["core"]["timeframe_ms"] = 60_000
    init(S)
    which = np.zeros(1, np.int64)
    open(A, S, which, np.zeros(1, CANDLE), out)
    begin(A, S, 0, DONE, out)
    answer(A, S, 0, out)
    end(A, S, which, DONE, out)
    on_command(A, S, 0, np.zeros(1, COMMAND), out)
    refusal(A, S, 0, 1)

"""A moment: the closed candles of one time, of all symbols that have one; several strategies may trade the same one.

What happens to the account at a time happens once. Every order fills, then every position is marked, then peak, day and
limits are looked at, and then the entries that strategies ask for compete for what the account has left: the most
confident first, among equals the symbol that stands first in the session. So the order in which candles arrive decides
nothing, and a halt holds for all symbols.

``which[begin:end]`` are the symbols of ``candles[begin:end]``, each at most once.
"""

from triplane.kernel.codes import Reason
from triplane.kernel.decide import wants_in
from triplane.kernel.jit import Arr, Rec, inlined, njit
from triplane.kernel.ledger import exposure, move_peak, roll_day
from triplane.kernel.risk import breached
from triplane.kernel.step import end_bar, enter_bar, halt_now, take_candle
from triplane.kernel.timeframes import agg_push


@njit
def judged(a: Rec, s: Rec) -> int:
    """Move the peak, when all positions are marked; returns why the account is halted now, or ``NONE``."""
    move_peak(a)
    if a.equity <= 0.0 and not s.external:
        return Reason.BANKRUPT
    if s.limits.fixed_lots > 0:
        return Reason.NONE
    return int(a.halt_code) if a.halted else int(breached(a, s))


@inlined
def take_candles(a: Rec, S: Arr, which: Arr, candles: Arr, begin: int, end: int, out: Rec) -> int:
    """Fills, marks and limits of a moment; returns which kinds of decision bars closed for any symbol."""
    roll_day(a, candles[begin].open_time)
    known = 0
    for i in range(begin, end):
        s = S[which[i]].core
        take_candle(a, s, candles[i], out)
        s.closed = agg_push(s.agg, candles[i])
        known |= s.closed
    s = S[which[begin]].core
    reason = judged(a, s)
    if reason != Reason.NONE:
        for k in range(len(S)):
            halt_now(a, S[k].core, out, reason, s.now)
    return known


@inlined
def look_elsewhere(S: Arr, k: int) -> None:
    """Sum up what the other rows of the market of row ``k`` have open or working."""
    core = S[k].core
    core.elsewhere = 0.0
    for j in range(len(S)):
        if j != k and S[j].core.market == core.market:
            core.elsewhere += exposure(S[j].core)


@inlined
def end_bars(a: Rec, S: Arr, which: Arr, begin: int, end: int, kind: int, out: Rec) -> None:
    """Let the entries of a moment compete, then end its decision bars of one kind (``LATE`` or ``DONE``)."""
    for _ in range(begin, end):
        best = -1
        for i in range(begin, end):
            s = S[which[i]].core
            if s.closed & kind and not s.considered and wants_in(s):
                better = best < 0 or s.signal.confidence > S[which[best]].core.signal.confidence
                if better:
                    best = i
        if best < 0:
            break
        S[which[best]].core.considered = 1
        look_elsewhere(S, which[best])
        enter_bar(a, S[which[best]].core, out)
    for i in range(begin, end):
        s = S[which[i]].core
        if s.closed & kind:
            s.considered = 0
            end_bar(a, s, out)

"""The readable example, and the benchmark's subject: buy when a fast average crosses above a slow one.

At the close of a bar, EMA(``fast``) above EMA(``slow``) now but not before → buy at the next open, with a stop
``stop_atr`` and a target ``target_atr`` times the ATR(14) of this bar away from the fill. A cross below → close at the
next open. Averages and ATR start as TA-Lib's do.
"""

from collections import namedtuple

from triplane.kernel.indicators.moving import EMA, ema_init, ema_step
from triplane.kernel.indicators.volatility import ATR, atr_init, atr_step
from triplane.strategies import CLOSE, ENTER, NOTHING, Param, Reasons, Rec, Strategy, njit, show, state

PARAMS = (
    Param("fast", 20, 1, 1000, "bars of the fast average"),
    Param("slow", 50, 2, 2000, "bars of the slow average"),
    Param("stop_atr", 2.0, 0.1, 50.0, "stop distance in ATRs"),
    Param("target_atr", 3.0, 0.1, 100.0, "target distance in ATRs"),
)


class Why(Reasons):
    """Why it says so."""

    ABOVE = 0, "The fast average crossed above the slow one."
    BELOW = 1, "The fast average crossed below the slow one."


Saw = namedtuple("Saw", "ema_fast ema_slow atr14")
"""What it decided on."""

STATE = state(PARAMS, ("fast", EMA), ("slow", EMA), ("atr", ATR), ("above", "i8"))


@njit
def init(s: Rec) -> None:
    """Prepare the averages."""
    ema_init(s.fast, s.p.fast)
    ema_init(s.slow, s.p.slow)
    atr_init(s.atr, 14)


@njit
def step(s: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """Compare the averages before and after this bar."""
    fast = ema_step(s.fast, bar.close)
    slow = ema_step(s.slow, bar.close)
    atr = atr_step(s.atr, bar.high, bar.low, bar.close)
    above = fast > slow
    if above and not s.above and view.side == 0:
        signal.action = ENTER
        signal.side = 1
        signal.stop_distance = s.p.stop_atr * atr
        signal.target_distances[0] = s.p.target_atr * atr
        signal.confidence = 0.5
        signal.reasons = 1 << Why.ABOVE
    elif not above and s.above and view.side > 0:
        signal.action = CLOSE
        signal.reasons = 1 << Why.BELOW
    if signal.action != NOTHING:
        show(signal, Saw(fast, slow, atr))
    s.above = above


STRATEGY = Strategy(
    name="ema_cross",
    text="Buys when a fast exponential average crosses above a slow one; ATR stop and target.",
    params=PARAMS,
    state=STATE,
    init=init,
    step=step,
    warmup=lambda p: max(100, int(p["slow"])),
    reasons=Why.texts(),
    sees=Saw._fields,
    plots={"ema_fast": "fast.value", "ema_slow": "slow.value"},
    check=lambda p: None if p["fast"] < p["slow"] else f"fast is {p['fast']}; it must be below slow, {p['slow']}.",
    timeframe="1m",
)

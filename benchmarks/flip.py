"""A strategy for benchmarks: an order at the close of every bar, in and out by turns."""

from triplane.strategies import CLOSE, ENTER, Param, Rec, Strategy, njit, state

PARAMS = (Param("stop", 0.05, 0.001, 0.5, "distance of the stop, fraction of the price"),)


@njit
def init(s: Rec) -> None:
    """Nothing to prepare."""


@njit
def step(s: Rec, bar: Rec, view: Rec, signal: Rec) -> None:
    """In when flat, out when not."""
    if view.side != 0:
        signal.action = CLOSE
        return
    signal.action = ENTER
    signal.side = 1
    signal.stop_distance = s.p.stop * bar.close
    signal.target_distances[0] = s.p.stop * bar.close


STRATEGY = Strategy(
    name="flip", text=__doc__ or "", params=PARAMS, state=state(PARAMS), init=init, step=step, warmup=lambda _: 1,
    timeframe="1m",
)  # fmt: skip

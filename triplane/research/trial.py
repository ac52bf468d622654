"""One run of a strategy over a few generated candles, in a process of its own (see ``check.py``).

Under ``NUMBA_DISABLE_JIT=1`` it is ordinary Python, in which NumPy refuses an index beyond the end of an array.
"""

import dataclasses
import faulthandler
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from numbers import Real
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numba.core import config

from triplane.data.candles import parse_timeframe, timeframe_name
from triplane.data.generator import generate
from triplane.engine.observe import field_of
from triplane.errors import BadInput
from triplane.research.backtest import simulate
from triplane.research.problems import problem_of
from triplane.strategies.base import AnyStrategy, Strategy
from triplane.strategies.drivers import strategy_driver
from triplane.strategies.registry import find, source_of
from triplane.strategies.sources import sources

BARS: Final = 700
"""More than the longest window that an indicator has room for."""
MOST_WARMUP: Final = 2_000
_DRAWN: Final = {"plots": "", "zones": "sides", "structures": "events", "pools": "ended", "agents": "action"}
"""What is read of the state, and a field that each must have; a plot is a number."""
LONGEST_BAR: Final = 900_000
START: Final = 1_735_689_600_000


def _watch(patience: float, told: IO[str]) -> None:
    """From now on, end this process when it makes no progress; ``told`` gets where it was. None in compiled code."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]
        faulthandler.dump_traceback_later(patience, exit=True, file=told)


def _kept(
    function: Callable[..., Any], errors: list[BaseException], progressed: Callable[[], None]
) -> Callable[..., Any]:
    def call(*given: Any) -> Any:
        progressed()
        try:
            return function(*given)
        except (Exception, SystemExit) as error:
            errors.append(error)
            raise

    return call


def _listen(
    strategy: AnyStrategy, source: Path, errors: list[BaseException], progressed: Callable[[], None], asked: list[Any]
) -> None:
    """Keep what the strategy raises: the core turns it into a sentence; and which instance was ``asked`` last."""
    if not isinstance(strategy, Strategy):
        kept = _kept(strategy.on_bar, errors, progressed)

        def on_bar(self: Any, bar: Any, view: Any) -> Any:
            asked[:] = [self]
            return kept(self, bar, view)

        strategy.on_bar = on_bar  # type: ignore[method-assign]
    elif config.DISABLE_JIT:  # type: ignore[attr-defined]
        module: Any = strategy_driver([(strategy, source)])
        module.strategy_step = module.step_alone = _kept(module.strategy_step, errors, progressed)


def _require_drawn(strategy: AnyStrategy, asked: Sequence[Any]) -> None:
    """Raise BadInput for what is to be drawn or told and is not there: a session would refuse it."""
    if isinstance(strategy, Strategy):
        states = np.zeros(1, strategy.state)
        for what, needs in _DRAWN.items():
            listed = getattr(strategy, what)
            for path in listed.values() if isinstance(listed, Mapping) else listed:
                found = field_of(states, path)
                if found is None:
                    names = ", ".join(strategy.state.names or ())
                    raise BadInput(f"{what}: the state has no {path!r}; it has: {names}.")
                if not (needs in (found.dtype.names or ()) if needs else found.shape == (1,) and not found.dtype.names):
                    raise BadInput(f"{what}: {path!r} of the state is something else.")
        return
    if strategy.zones:
        raise BadInput("zones: only a compiled strategy has them.")
    for path in strategy.plots.values() if asked else ():
        try:
            value = attrgetter(path)(asked[0])
        except AttributeError:
            raise BadInput(f"plots: the strategy has no attribute {path!r}.") from None
        if not isinstance(value, Real | None):
            raise BadInput(f"plots: {path!r} is {value!r}; it must be a number or None.")


def run(name: str, params: Mapping[str, object], out: Path, patience: float) -> None:
    """Write the audit rows to ``out``, or what went wrong to the ``.json`` beside it; what stands still to ``.txt``."""
    source = source_of(name)
    errors: list[BaseException] = []
    watch = partial(_watch, patience, out.with_suffix(".txt").open("w", encoding="utf-8"))
    try:
        watch()
        strategy = find(name)
        asked: list[Any] = []
        _listen(strategy, source, errors, watch, asked)
        try:
            resolved = strategy.resolve(params)
        except BadInput as error:
            out.with_suffix(".json").write_text(json.dumps({"refused": str(error)}), encoding="utf-8")
            return
        warmup = strategy.warmup(resolved) if isinstance(strategy, Strategy) else strategy.warmup
        bar_ms = min(parse_timeframe(strategy.timeframe), LONGEST_BAR)
        candles = generate(seed=1, start_ms=START, n=BARS + min(int(warmup), MOST_WARMUP), interval_ms=bar_ms)
        result = simulate(
            candles, strategy=name, symbol="BTCUSDT", timeframe=timeframe_name(bar_ms), params=params,
            balance=1_000_000.0, quantity="0.01",
        )  # fmt: skip
        _require_drawn(strategy, asked)
        np.save(out, result.rows)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the user's code raises
        problem = problem_of(errors[0] if errors else error, sources(source))
        out.with_suffix(".json").write_text(json.dumps(dataclasses.asdict(problem)), encoding="utf-8")


if __name__ == "__main__":
    run(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))

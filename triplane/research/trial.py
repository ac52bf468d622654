"""One run of a strategy over a few generated candles, in a process of its own (see ``check.py``).

Under ``NUMBA_DISABLE_JIT=1`` it is ordinary Python, in which NumPy refuses an index beyond the end of an array.
"""

import dataclasses
import faulthandler
import json
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numba.core import config

from triplane.data.candles import parse_timeframe, timeframe_name
from triplane.data.generator import generate
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


def _listen(strategy: AnyStrategy, source: Path, errors: list[BaseException], progressed: Callable[[], None]) -> None:
    """Keep what the strategy raises: the core turns it into a sentence."""
    if not isinstance(strategy, Strategy):
        strategy.on_bar = _kept(strategy.on_bar, errors, progressed)  # type: ignore[method-assign]
    elif config.DISABLE_JIT:  # type: ignore[attr-defined]
        module: Any = strategy_driver([(strategy, source)])
        module.strategy_step = module.step_alone = _kept(module.strategy_step, errors, progressed)


def run(name: str, params: Mapping[str, object], out: Path, patience: float) -> None:
    """Write the audit rows to ``out``, or what went wrong to the ``.json`` beside it; what stands still to ``.txt``."""
    source = source_of(name)
    errors: list[BaseException] = []
    watch = partial(_watch, patience, out.with_suffix(".txt").open("w", encoding="utf-8"))
    try:
        watch()
        strategy = find(name)
        _listen(strategy, source, errors, watch)
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
        np.save(out, result.rows)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever the user's code raises
        problem = problem_of(errors[0] if errors else error, sources(source))
        out.with_suffix(".json").write_text(json.dumps(dataclasses.asdict(problem)), encoding="utf-8")


if __name__ == "__main__":
    run(sys.argv[1], json.loads(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))

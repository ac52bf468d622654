"""Compile a strategy together with the whole core into one step."""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from triplane.kernel.inputs import COMMAND
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.kernel.rows import OUTBOX
from triplane.strategies.base import AnyStrategy, Number, Strategy, set_params
from triplane.strategies.core import Array, Core, Failure, InstrumentLike
from triplane.strategies.drivers import (
    AROUND,
    Progress,
    around_is_cached,
    compile_around,
    compiled_features,
    is_cached,
    kernel_hash,
    strategy_driver,
)
from triplane.strategies.python_core import PythonCore
from triplane.strategies.registry import find, name_of, source_of
from triplane.strategies.sources import source_hash

__all__ = [
    "Array", "CompiledCore", "Core", "Failure", "InstrumentLike", "Progress", "compile_strategy", "compiled_features",
    "kernel_hash",
]  # fmt: skip


_WARM: set[str] = set()
"""Drivers whose functions are compiled, or loaded, in this process."""


class CompiledCore(Core):
    """The fast kind: everything in compiled functions."""

    def __init__(self, strategy: Strategy, source: Path) -> None:
        super().__init__(strategy, strategy.state, source_hash(source))
        self.warmup = strategy.warmup
        self.module = strategy_driver(strategy, source)
        self.init = self.module.init
        self.on_command = self.module.on_command  # type: ignore[method-assign]  # itself: a call costs nothing more
        self._curve = np.zeros(1)

    def on_moment(self, A: Array, S: Array, which: Array, candles: Array, out: Array) -> None:
        """Take the closed base candles of one time through everything; ``which[i]`` is the symbol of candle ``i``."""
        if len(candles) > len(self._curve):
            self._curve = np.zeros(len(candles))
        self.run(A, S, which, candles, out, self._curve, 0)

    def run(self, A: Array, S: Array, which: Array, candles: Array, out: Array, equity: Array, start: int) -> int:
        """Take candles through until the end, a failure, or until ``out`` is nearly full; returns the next index."""
        at: int
        if len(S) == 1:
            at = self.module.run_alone(A, S, candles, out, equity, start)
        else:
            at = self.module.run_together(A, S, which, candles, out, equity, start)
        return at

    def _start(self, states: Array, params: Mapping[str, Number]) -> None:
        set_params(states["strategy"], params)
        states["core"]["warmup"] = self.warmup(params)
        self.init(states)

    def _failure(self, S: Array, k: int, bar: int) -> Failure:
        """Compiled code cannot say what it caught, so a copy of the strategy is asked once more."""
        try:
            self.module.ask(S[k : k + 1].copy(), 0)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            return Failure.of(self.strategy.name, bar, error)
        return Failure(f"Strategy {self.strategy.name} failed on bar {bar}")

    def warm(self, progress: Progress | None = None) -> float:
        """Compile every function, or load it from the cache; returns the seconds that it took."""
        begin = time.perf_counter()
        if self.module.__name__ in _WARM:
            return 0.0
        states = np.zeros(1, self.state_dtype)
        account = np.zeros(1, ACCOUNT)
        out = np.zeros(1, OUTBOX)
        candles = np.zeros(0, CANDLE)
        which = np.zeros(0, np.int64)
        states["core"]["base_ms"] = states["core"]["timeframe_ms"] = 60_000
        defaults = self.strategy.resolve({})
        self._prepare(states, defaults, 60_000, {})
        set_params(states["strategy"], defaults)
        first = not is_cached(self.module)
        steps: list[tuple[str, Callable[[], object]]] = [
            ("the state", lambda: self.init(states)),
            ("the strategy", lambda: self._failure(states, 0, 0)),
            ("the commands", lambda: self.on_command(account, states, 0, np.zeros(1, COMMAND), out)),
            ("the checks", lambda: self.refusal(account, states, 0, 1)),
            ("one symbol", lambda: self.module.run_alone(account, states, candles, out, np.zeros(0), 0)),
            ("several symbols", lambda: self.module.run_together(account, states, which, candles, out, np.zeros(0), 0)),
        ]
        for number, (text, call) in enumerate(steps, 1):
            if progress and first:
                progress(f"Compiling {self.strategy.name} for the first time ({number}/{len(steps)}: {text}) …")
            call()
        _WARM.add(self.module.__name__)
        return time.perf_counter() - begin


def _compile_apart(around: Sequence[str], strategy: str | None, progress: Progress | None) -> None:
    """Fill the cache from processes of their own: the 300 MB that a compiler needs would stay with a long session.

    ``around`` names what is needed of ``drivers.AROUND``, ``strategy`` one that is not compiled yet.
    """
    names = [name for name in around if not around_is_cached(name)] + ([strategy] if strategy else [])
    command = [sys.executable, "-m", "triplane.strategies.compiler"]
    with ExitStack() as stack:
        for process in [
            stack.enter_context(subprocess.Popen([*command, name], stdout=subprocess.PIPE, text=True))  # noqa: S603 - ours
            for name in names
        ]:
            for line in process.stdout or ():
                if progress:
                    progress(line.rstrip())


def compile_strategy(
    strategy: AnyStrategy, source: Path, progress: Progress | None = None, *, apart: bool = False
) -> Core:
    """Make a strategy ready to run.

    Parameters
    ----------
    strategy, source
        As found by ``registry.find`` and ``registry.source_of``.
    progress
        Called with a sentence while something is compiled for the first time.
    apart
        Compile in a process of its own, so that this one stays small.
    """
    if isinstance(strategy, Strategy):
        core = CompiledCore(strategy, source)
        if apart:
            _compile_apart(["features"], None if is_cached(core.module) else name_of(strategy, source), progress)
        core.warm(progress)
        return core
    if apart:
        _compile_apart(list(AROUND), None, progress)
    return PythonCore(strategy, source, progress)


if __name__ == "__main__":
    told, what = partial(print, flush=True), sys.argv[1]
    if what in AROUND:
        compile_around(what, told)
    else:
        compile_strategy(find(what), source_of(what), told)

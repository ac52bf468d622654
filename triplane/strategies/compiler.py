"""Compile strategies together with the whole core into one step."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from triplane.kernel.inputs import COMMAND
from triplane.kernel.layout import record
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.kernel.rows import OUTBOX
from triplane.strategies.base import AnyStrategy, Strategy, set_params
from triplane.strategies.core import Array, Core, Failure, InstrumentLike, Part
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
from triplane.strategies.sources import joint_hash

__all__ = [
    "Array", "CompiledCore", "Core", "Failure", "InstrumentLike", "Part", "Progress", "compile_strategies",
    "compile_strategy", "compiled_features", "kernel_hash",
]  # fmt: skip


_WARM: set[str] = set()
"""Drivers whose functions are compiled, or loaded, in this process."""


class CompiledCore(Core):
    """The fast kind: everything in compiled functions."""

    strategies: tuple[Strategy, ...]

    def __init__(self, parts: Sequence[tuple[Strategy, Path]]) -> None:
        strategies = [strategy for strategy, _ in parts]
        self._several = len(parts) > 1
        state = strategies[0].state
        if self._several:
            own = [(f"s{i}", one.state) for i, one in enumerate(strategies)]
            state = record([("part", "i8"), *own])
        super().__init__(strategies, state, joint_hash(parts))
        self._together = any(one.others for one in strategies)
        self.module = strategy_driver(parts)
        self.init = self.module.init
        self.on_command = self.module.on_command  # type: ignore[method-assign]  # itself: a call costs nothing more
        self._curve = np.zeros(1)

    def on_moment(self, A: Array, S: Array, which: Array, candles: Array, out: Array) -> None:
        """Take the closed base candles of one time through everything; ``which[i]`` is the row of candle ``i``."""
        if len(candles) > len(self._curve):
            self._curve = np.zeros(len(candles))
        self.run(A, S, which, candles, out, self._curve, 0)

    def run(self, A: Array, S: Array, which: Array, candles: Array, out: Array, equity: Array, start: int) -> int:
        """Take candles through until the end, a failure, or until ``out`` is nearly full; returns the next index."""
        at: int
        if len(S) == 1 and not self._together:
            at = self.module.run_alone(A, S, candles, out, equity, start)
        else:
            at = self.module.run_together(A, S, _shown(S), which, candles, out, equity, start)
        return at

    def remembered(self, S: Array, k: int) -> tuple[Array, int]:
        """What the strategy of row ``k`` remembers: an array of its states, and its place there."""
        own: Array = S["strategy"]
        return (own[f"s{own['part'].item(k)}"] if self._several else own), k

    def _start(self, states: Array, part: Part) -> None:
        strategy, own = self.strategies[part.strategy], states["strategy"]
        if self._several:
            own["part"] = part.strategy
            own = own[f"s{part.strategy}"]
        if strategy.prepare is not None:
            strategy.prepare(own, part.params, part.timeframe_ms, part.data)
        set_params(own, part.params)
        states["core"]["warmup"] = strategy.warmup(part.params)

    def _failure(self, S: Array, k: int, bar: int) -> Failure:
        """Compiled code cannot say what it caught, so a copy of the strategy is asked once more."""
        name = self.strategies[S["strategy"]["part"].item(k) if self._several else 0].name
        S = S.copy()
        try:
            self.module.ask(S, _shown(S), k)
        except Exception as error:  # noqa: BLE001 - whatever the user's code raises
            return Failure.of(name, bar, error)
        return Failure(f"Strategy {name} failed on bar {bar}")

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
        self._start(states, Part([], [], self.strategy.resolve({}), 60_000))
        first, shown = not is_cached(self.module), _shown(states)
        names = " and ".join(one.name for one in self.strategies)
        steps: list[tuple[str, Callable[[], object]]] = [
            ("the state", lambda: self.init(states)),
            ("the strategy", lambda: self._failure(states, 0, 0)),
            ("the commands", lambda: self.on_command(account, states, 0, np.zeros(1, COMMAND), out)),
            ("the checks", lambda: self.refusal(account, states, 0, 1)),
            ("one symbol", lambda: self.module.run_alone(account, states, candles, out, np.zeros(0), 0)),
            (
                "several symbols",
                lambda: self.module.run_together(account, states, shown, which, candles, out, np.zeros(0), 0),
            ),
        ]
        if not first:  # what is not always needed is loaded when somebody asks for it
            run = "several symbols" if self._several or self._together else "one symbol"
            steps = [(text, call) for text, call in steps if text in ("the state", "the commands", run)]
        for number, (text, call) in enumerate(steps, 1):
            if progress and first:
                progress(f"Compiling {names} for the first time ({number}/{len(steps)}: {text}) …")
            call()
        _WARM.add(self.module.__name__)
        return time.perf_counter() - begin


def _shown(S: Array) -> Array:
    """What the rows show each other; of one row too with gaps, for which alone the machine code is compiled."""
    own: Array = S["core"]["shown"]
    return own if len(own) > 1 else np.lib.stride_tricks.as_strided(own, (2,), (0,))


def _compile_apart(around: Sequence[str], strategies: Sequence[str], progress: Progress | None) -> None:
    """Fill the cache from processes of their own: the 300 MB that a compiler needs would stay with a long session.

    ``around`` names what is needed of ``drivers.AROUND``, ``strategies`` those that are not compiled yet.
    """
    wanted = [[name] for name in around if not around_is_cached(name)] + ([[*strategies]] if strategies else [])
    command = [sys.executable, "-m", "triplane.strategies.compiler"]
    with ExitStack() as stack:
        for process in [
            stack.enter_context(subprocess.Popen([*command, *names], stdout=subprocess.PIPE, text=True))  # noqa: S603 - ours
            for names in wanted
        ]:
            for line in process.stdout or ():
                if progress:
                    progress(line.rstrip())


def compile_strategy(
    strategy: AnyStrategy, source: Path, progress: Progress | None = None, *, apart: bool = False
) -> Core:
    """Make a strategy ready to run; see :func:`compile_strategies`."""
    return compile_strategies([(strategy, source)], progress, apart=apart)


def compile_strategies(
    parts: Sequence[tuple[AnyStrategy, Path]], progress: Progress | None = None, *, apart: bool = False
) -> Core:
    """Make strategies ready to run beside each other in one session.

    Parameters
    ----------
    parts
        As found by ``registry.find`` and ``registry.source_of``, each once.
    progress
        Called with a sentence while something is compiled for the first time.
    apart
        Compile in a process of its own, so that this one stays small.
    """
    compiled = [(strategy, source) for strategy, source in parts if isinstance(strategy, Strategy)]
    if len(compiled) == len(parts):
        core = CompiledCore(compiled)
        if apart:
            names = [] if is_cached(core.module) else [name_of(*one) for one in compiled]
            _compile_apart(["features"], names, progress)
        core.warm(progress)
        return core
    if apart:
        _compile_apart(list(AROUND), [], progress)
    made = {parts.index(one): CompiledCore([one]) for one in compiled}
    for one in made.values():
        one.warm(progress)
    return PythonCore(parts, made, progress)


if __name__ == "__main__":
    told, what = partial(print, flush=True), sys.argv[1:]
    if what[0] in AROUND:
        compile_around(what[0], told)
    else:
        compile_strategies([(find(name), source_of(name)) for name in what], told)

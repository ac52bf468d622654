"""The slow twin of the compiled driver: a strategy in ordinary Python between the same compiled halves of the core.

Broker, risk, state machine and audit trail are the functions that every compiled strategy uses too; only the call of
the strategy crosses over to Python (about 50 µs a bar, against 0.03 to 0.1 µs).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from triplane.kernel.layout import record
from triplane.kernel.records import SIGNAL
from triplane.kernel.rows import OUT_FULL, OUT_MARGIN, OUT_ROWS
from triplane.kernel.timeframes import DONE, LATE
from triplane.strategies.base import Bar, Number, PythonStrategy, View
from triplane.strategies.core import Array, Core, Failure
from triplane.strategies.drivers import Progress, compiled_halves
from triplane.strategies.sources import source_hash

EMPTY = np.zeros((), SIGNAL)
ACCOUNT_SHOWN = ("stop", "unrealized", "balance", "equity", "day_pnl", "open_positions", "pending_entries")


class PythonCore(Core):
    """A :class:`PythonStrategy` with the core; one instance of the strategy for each symbol."""

    def __init__(self, strategy: type[PythonStrategy], source: Path, progress: Progress | None = None) -> None:
        super().__init__(strategy, record([("none", "i8")]), source_hash(source))
        self.module = compiled_halves(progress)
        self.kind = strategy
        self.current: list[PythonStrategy] = []
        self.failures: dict[int, Failure] = {}

    def _start(self, states: Array, params: Mapping[str, Number]) -> None:
        self.current = [self.kind(**params) for _ in states]
        states["core"]["warmup"] = self.current[0].warmup
        self.module.init(states)

    def _bar(self, A: Array, S: Array, k: int, kind: int, out: Array) -> None:
        self.module.begin(A, S, k, kind, out)
        s = S[k]["core"]
        bar, view = s["bar"], s["shown"]
        seen = View(
            int(view["bar"]),
            int(view["side"]),
            float(view["entry_price"]),
            int(view["bars_held"]),
            bool(view["pending"]),
            *(view[name].item() for name in ACCOUNT_SHOWN),
        )
        strategy = self.current[k]
        try:
            answer = strategy.on_bar(Bar(*bar.item()), seen)
            if answer is not None:
                answer.write(s["signal"])
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything; its session halts
            S["core"]["signal"][k] = EMPTY
            S["core"]["raised"][k] = seen.bar + 1
            self.failures[k] = Failure.of(strategy.name, seen.bar, error)
        self.module.answer(A, S, k, out)

    def _failure(self, S: Array, k: int, bar: int) -> Failure:  # noqa: ARG002 - it was kept when it was raised
        return self.failures.pop(k)

    def on_moment(self, A: Array, S: Array, which: Array, candles: Array, out: Array) -> None:
        """Take the closed base candles of one time through everything; ``which[i]`` is the symbol of candle ``i``."""
        closed = self.module.open(A, S, which, candles, out)
        for kind in (LATE, DONE):
            if closed & kind:
                for k in which.tolist():
                    if S["core"]["closed"].item(k) & kind:
                        self._bar(A, S, k, kind, out)
                self.module.end(A, S, which, kind, out)

    def on_command(self, A: Array, S: Array, k: int, commands: Array, out: Array) -> None:
        """Carry out one command."""
        self.module.on_command(A, S, k, commands, out)

    def run(self, A: Array, S: Array, which: Array, candles: Array, out: Array, equity: Array, start: int) -> int:
        """Take candles through until the end, a failure, or until ``out`` is nearly full; returns the next index."""
        ends = [*(np.flatnonzero(np.diff(candles["open_time"][start:])) + start + 1).tolist(), len(candles)]
        begin = start
        for end in ends if start < len(candles) else ():
            if A["n_out"].item(0) > min(OUT_FULL, max(OUT_ROWS - OUT_MARGIN * (end - begin), 0)):
                return begin
            self.on_moment(A, S, which[begin:end], candles[begin:end], out)
            equity[begin:end] = A["equity"].item(0)
            begin = end
            if self.failures:
                return begin
        return begin

"""The slow twin of the compiled driver: strategies in ordinary Python between the same compiled halves of the core.

Broker, risk, state machine and audit trail are the functions that every compiled strategy uses too; only the call of
the strategy crosses over to Python (about 50 µs a bar, against 0.03 to 0.1 µs).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from triplane.errors import BadInput
from triplane.kernel.layout import record
from triplane.kernel.records import COSTS, LIMITS, SIGNAL
from triplane.kernel.rows import OUT_FULL, OUT_MARGIN, OUT_ROWS
from triplane.kernel.timeframes import DONE, LATE
from triplane.strategies.base import Answer, AnyStrategy, Bar, PythonStrategy, Strategy, View
from triplane.strategies.core import Array, Core, Failure, Part
from triplane.strategies.drivers import Progress, compiled_halves
from triplane.strategies.sources import joint_hash

EMPTY = np.zeros((), SIGNAL)
PLAIN = ("bar", "side", "entry_price", "bars_held", "stop", "unrealized", "balance", "equity", "day_pnl",
         "open_positions", "pending_entries", "index")  # fmt: skip
"""What a strategy is shown as it is."""


def _view(shown: Array, k: int) -> View:
    """What a strategy may know of row ``k``."""
    row = shown[k]
    told: dict[str, Any] = {name: row[name].item() for name in PLAIN}
    return View(**told, pending=bool(row["pending"]), candle=Bar(*row["candle"].item()))


class _Among:
    """A compiled strategy among others in ordinary Python: it keeps its own state, and is asked through its driver."""

    def __init__(self, core: Core, part: Part, first: int) -> None:
        self.name, self.first, self._ask = core.strategy.name, first, core.module.ask
        alone = replace(part, strategy=0)
        self.states = core.assemble([alone], costs=np.zeros(1, COSTS), limits=np.zeros(1, LIMITS), base_ms=60_000,
                                    balance=0.0)[1]  # fmt: skip
        self.warmup = self.states["core"]["warmup"].item(0)
        self._shown: Array = self.states["core"]["shown"]

    def on_bar(self, S: Array, k: int) -> None:
        """Ask it; raises what it raises."""
        i = k - self.first
        self._shown[:] = S["core"]["shown"][self.first : self.first + len(self._shown)]
        self.states["core"]["signal"][i] = EMPTY
        self._ask(self.states, self._shown, i)
        S["core"]["signal"][k] = self.states["core"]["signal"][i]


class PythonCore(Core):
    """Strategies of which at least one is a :class:`PythonStrategy`; one instance of it for each row.

    Parameters
    ----------
    parts
        The strategies and their files.
    compiled
        Those that are compiled, by number.
    """

    def __init__(
        self,
        parts: Sequence[tuple[AnyStrategy, Path]],
        compiled: Mapping[int, Core] | None = None,
        progress: Progress | None = None,
    ) -> None:
        super().__init__([one for one, _ in parts], record([("none", "i8")]), joint_hash(parts))
        self.module = compiled_halves(progress)
        self._compiled = compiled or {}
        self.current: list[PythonStrategy | _Among] = []
        self.failures: dict[int, Failure] = {}

    def _begin(self, states: Array, parts: Sequence[Part]) -> None:
        self.current = []
        super()._begin(states, parts)

    def _start(self, states: Array, part: Part) -> None:
        kind = self.strategies[part.strategy]
        if part.strategy in self._compiled:
            one = _Among(self._compiled[part.strategy], part, len(self.current))
            self.current += [one] * len(states)
        elif not isinstance(kind, Strategy):
            self.current += [kind(**part.params) for _ in states]
        states["core"]["warmup"] = self.current[-1].warmup if len(states) else 0

    def remembered(self, S: Array, k: int) -> tuple[Array, int]:
        """What the strategy of row ``k`` remembers: an array of its states, and its place there."""
        one = self.current[k]
        return (one.states["strategy"], k - one.first) if isinstance(one, _Among) else super().remembered(S, k)

    def _ask(self, S: Array, k: int) -> None:
        strategy, core = self.current[k], S["core"]
        if isinstance(strategy, _Among):
            strategy.on_bar(S, k)
            return
        seen = _view(core["shown"], k)
        if strategy.others:
            first, count = core["first"].item(k), core["count"].item(k)
            seen = replace(seen, others=tuple(_view(core["shown"], j) for j in range(first, first + count)))
        answer = strategy.on_bar(seen.candle, seen)
        if not isinstance(answer, Answer | None):
            raise BadInput(f"on_bar answered {answer!r}; it must be None or one of Enter(…), Close(), Reduce(…), "
                           "Manage(…), Cancel().")  # fmt: skip
        if answer is not None:
            answer.write(S[k]["core"]["signal"])

    def _bar(self, A: Array, S: Array, k: int, out: Array) -> None:
        try:
            self._ask(S, k)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the user's code may raise anything; its session halts
            bar = S["core"]["bars"].item(k)
            S["core"]["signal"][k] = EMPTY
            S["core"]["raised"][k] = bar + 1
            self.failures[k] = Failure.of(self.current[k].name, bar, error)
        self.module.answer(A, S, k, out)

    def _failure(self, S: Array, k: int, bar: int) -> Failure:  # noqa: ARG002 - it was kept when it was raised
        return self.failures.pop(k)

    def on_moment(self, A: Array, S: Array, which: Array, candles: Array, out: Array) -> None:
        """Take the closed base candles of one time through everything; ``which[i]`` is the symbol of candle ``i``."""
        closed = self.module.open(A, S, which, candles, out)
        for kind in (LATE, DONE):
            if closed & kind:
                rows = [k for k in which.tolist() if S["core"]["closed"].item(k) & kind]
                for k in rows:
                    self.module.begin(A, S, k, kind, out)
                for k in rows:
                    self._bar(A, S, k, out)
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

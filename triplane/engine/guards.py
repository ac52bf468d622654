"""Guards of a user's own: what may only forbid entries, such as a blackout around news or an expensive funding.

A guard is asked outside the core, with each closed candle before the core decides on it. Its verdict closes or opens
the gate ``guard`` of the session: a command in the journal, as for every other gate, so a replay needs no guard.
A file defines ``GUARD``; a package offers guards as entry points of the group ``triplane.guards``.
"""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

import numpy as np

from triplane.errors import TriplaneError
from triplane.kernel.codes import CommandKind, Gate
from triplane.kernel.inputs import COMMAND, command
from triplane.strategies.base import Bar
from triplane.strategies.registry import find_part

Array = np.ndarray[Any, Any]


class Guard:
    """Base of a user's guards; one instance for a session.

    It is called on the way of every candle, so it must answer at once: what takes long (a request to a website) belongs
    into a thread that the guard starts itself.
    """

    name: ClassVar[str] = ""

    def start(self, symbols: Sequence[str]) -> None:
        """Prepare for a session of these symbols."""

    def forbids(self, symbol: str, bar: Bar) -> str | None:
        """Why nothing may be opened from the close of this base candle on, in a sentence; None when it may."""
        raise NotImplementedError


class Guards:
    """The guards of one session. The gate is closed while the newest verdict of any of them on any symbol forbids.

    Parameters
    ----------
    strict
        A guard that raises ends the run; otherwise it forbids.
    """

    def __init__(self, names: Collection[str], symbols: Sequence[str], *, strict: bool = False) -> None:
        self._guards = [find_guard(name)() for name in names]
        self._symbols, self._strict = symbols, strict
        self._said: dict[tuple[str, str], str] = {}
        self._closed: bool | None = None
        for guard in self._guards:
            try:
                guard.start(symbols)
            except Exception as error:  # the user's code may raise anything
                raise TriplaneError(f"Guard {guard.name} cannot be started: {type(error).__name__}: {error}") from error

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._guards)

    def ask(self, k: int, candle: Array) -> str | None:
        """Show all guards a closed candle; where the verdict turns, says what forbids (empty: nothing), else None."""
        symbol, bar = self._symbols[k], Bar(*candle.item())
        for guard in self._guards:
            try:
                said = guard.forbids(symbol, bar) or ""
            except Exception as error:  # the user's code may raise anything
                said = f"Guard {guard.name} failed: {type(error).__name__}: {error}"
                if self._strict:
                    raise TriplaneError(said) from error
            self._said[guard.name, symbol] = said
        reasons = dict.fromkeys(filter(None, self._said.values()))
        if self._closed is bool(reasons):
            return None
        self._closed = bool(reasons)
        return " ".join(reasons)

    def commands(self, candles: Array) -> Array:
        """The verdicts on all candles of the first symbol, as commands that come before the candles they are about."""
        turns = [(int(c["open_time"]), said) for c in candles if (said := self.ask(0, c)) is not None]
        made = [command(CommandKind.GATE, time, gate=Gate.GUARD, closed=bool(said)) for time, said in turns]
        return np.concatenate([np.zeros(0, COMMAND), *made])


def find_guard(name: str) -> type[Guard]:
    """The guard of a file or an installed package; raises BadInput, also for one that is named like a gate."""
    found: type[Guard] = find_part(name, Guard, Gate.labels, subclass=True)
    return found

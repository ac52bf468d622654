"""The core with its strategies, as everything above it sees it: account and states in, rows out.

There are two kinds: everything compiled (``compiler.py``), and strategies in ordinary Python (``python_core.py``). A
state is that of a *row*: one symbol under one strategy.
"""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy as np

from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import Check
from triplane.kernel.core import CORE
from triplane.kernel.layout import record
from triplane.kernel.records import ACCOUNT
from triplane.kernel.rows import OUT_FULL, OUT_MARGIN, OUT_ROWS
from triplane.strategies.base import AnyStrategy, Number

Array = np.ndarray[Any, Any]
MAX_SYMBOLS = (OUT_ROWS - OUT_FULL) // OUT_MARGIN
"""The candles of so many symbols at one time fit into the outbox, whatever they cause."""
_OWN = (*(str(Path(__file__).with_name(name)) for name in ("python_core.py", "base.py")), "<")


class InstrumentLike(Protocol):
    """Anything that knows itself as a ``records.INSTRUMENT`` record."""

    def to_record(self) -> Array:
        """One-element array of ``records.INSTRUMENT``."""
        ...


@dataclass(frozen=True, slots=True)
class Failure:
    """What a strategy raised, in a sentence, and its line as ``file:line: source`` (empty when it is not known)."""

    text: str
    line: str = ""

    def __str__(self) -> str:
        return f"{self.text} ({self.line})" if self.line else self.text

    @classmethod
    def of(cls, strategy: str, bar: int, error: BaseException) -> "Failure":
        """Describe an error; the line is the innermost one of the user's own code."""
        frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(_OWN)]
        last = next((f for f in reversed(frames) if "site-packages" not in f.filename), None)
        line = f"{Path(last.filename).name}:{last.lineno}: {last.line}" if last is not None else ""
        return cls(f"Strategy {strategy} failed on bar {bar}: {type(error).__name__}: {error}", line)


@contextmanager
def _starting(name: str) -> Iterator[None]:
    """Say in a sentence what a user's code raises, which may be anything."""
    try:
        yield
    except TriplaneError:
        raise
    except (Exception, SystemExit) as error:
        what = f"{type(error).__name__}: {error}"
        raise TriplaneError(f"Strategy {name} cannot be started: {what}") from error


def _fresh_account(balance: float) -> Array:
    account = np.zeros(1, ACCOUNT)
    for name in ("balance", "start_balance", "equity", "peak_equity", "day_equity"):
        account[name] = balance
    account["day"] = -1
    return account


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a session beside each other that run one strategy with the same parameters, one for each symbol.

    Parameters
    ----------
    instruments, markets
        Of each row; the number of its market, which another part may trade too.
    params
        Checked parameters of the strategy.
    timeframe_ms
        Milliseconds of a decision bar.
    data
        What the strategy's ``prepare`` may need, such as a fitted model under ``regime``.
    strategy
        Its number among those of the core.
    """

    instruments: Sequence[InstrumentLike]
    markets: Sequence[int]
    params: Mapping[str, Number]
    timeframe_ms: int
    data: Mapping[str, Any] = field(default_factory=dict)
    strategy: int = 0


class Core:
    """Strategies compiled with the core; see ``driver.py`` for the meaning of the arguments.

    Attributes
    ----------
    strategies
        What the parts of a session may run; :attr:`strategy` is the first, for most sessions the only one.
    module
        The compiled functions.
    """

    module: ModuleType

    def __init__(self, strategies: Sequence[AnyStrategy], state: "np.dtype[Any]", source_hash: str) -> None:
        self.strategies = tuple(strategies)
        self.strategy = self.strategies[0]
        self.state_dtype = record([("core", CORE), ("strategy", state)])
        self.source_hash = source_hash

    def new(
        self,
        symbols: Sequence[InstrumentLike],
        *,
        costs: Array,
        limits: Array,
        params: Mapping[str, Number],
        base_ms: int,
        timeframe_ms: int,
        balance: float,
        hold: bool = False,
        external: bool = False,
        data: Mapping[str, Any] | None = None,
    ) -> tuple[Array, Array]:
        """Make the account and one state for each symbol, all under the first strategy; see :meth:`assemble`."""
        part = Part(symbols, range(len(symbols)), params, timeframe_ms, data or {})
        return self.assemble([part], costs=costs, limits=limits, base_ms=base_ms, balance=balance, hold=hold,
                             external=external)  # fmt: skip

    def assemble(
        self,
        parts: Sequence[Part],
        *,
        costs: Array,
        limits: Array,
        base_ms: int,
        balance: float,
        hold: bool = False,
        external: bool = False,
    ) -> tuple[Array, Array]:
        """Make the account and the states of all rows.

        Parameters
        ----------
        parts
            In the order of their rows.
        costs, limits
            One-element arrays of ``records.COSTS`` and ``records.LIMITS``.
        base_ms
            Milliseconds of a base candle.
        balance
            Quote currency to start with.
        hold
            Stay in BOOTSTRAP until the command ``READY``: history is being loaded.
        external
            A venue executes, and reports; otherwise the simulated broker does.

        Raises
        ------
        BadInput
            More rows than a moment has room for.
        """
        count = sum(len(part.instruments) for part in parts)
        if count > MAX_SYMBOLS:
            raise BadInput(f"symbols: {count} were given, those of all sleeves; a session has at most {MAX_SYMBOLS}.")
        states = np.zeros(count, self.state_dtype)
        core = states["core"]
        core["symbol"] = np.arange(count)
        core["base_ms"] = base_ms
        core["hold"] = hold
        core["external"] = external
        core["costs"] = costs[0]
        core["limits"] = limits[0]
        core["watch_low"] = -np.inf
        core["watch_high"] = np.inf
        core["watch_expiry"] = np.iinfo(np.int64).max
        begin = 0
        for part in parts:
            own = core[begin : begin + len(part.instruments)]
            own["first"], own["count"] = begin, len(own)
            own["market"] = part.markets
            own["timeframe_ms"] = part.timeframe_ms
            for i, symbol in enumerate(part.instruments):
                own["instrument"][i] = symbol.to_record()[0]
            begin += len(own)
        self._begin(states, parts)
        return _fresh_account(balance), states

    def _begin(self, states: Array, parts: Sequence[Part]) -> None:
        """Let the strategies begin; their own code may raise anything."""
        begin = 0
        for part in parts:
            with _starting(self.strategies[part.strategy].name):
                self._start(states[begin : begin + len(part.instruments)], part)
            begin += len(part.instruments)
        with _starting(" and ".join(one.name for one in self.strategies)):
            self.module.init(states)

    def _start(self, states: Array, part: Part) -> None:
        """Get the states of a part ready to begin."""
        raise NotImplementedError

    def remembered(self, S: Array, k: int) -> tuple[Array, int]:
        """What the strategy of row ``k`` remembers: an array of its states, and its place there."""
        return S["strategy"], k

    def failed(self, S: Array, k: int) -> Failure | None:
        """What the strategy of row ``k`` raised since this was asked last; it was taken to have said nothing."""
        raised = S["core"]["raised"]
        bar = raised.item(k)
        if not bar:
            return None
        raised[k] = 0
        return self._failure(S, k, bar - 1)

    def refusal(self, A: Array, S: Array, k: int, side: int) -> tuple[Check, float, float]:
        """The check that an entry at the last price would fail now (``Check.OK`` for none), its value and its limit."""
        S = S.copy()
        check = Check(self.module.refusal(A.copy(), S, k, side))
        return check, S["core"]["check_value"].item(k), S["core"]["check_limit"].item(k)

    def _failure(self, S: Array, k: int, bar: int) -> Failure:
        raise NotImplementedError

    def on_moment(self, A: Array, S: Array, which: Array, candles: Array, out: Array) -> None:
        """Take the closed base candles of one time through everything; ``which[i]`` is the row of candle ``i``."""
        raise NotImplementedError

    def on_command(self, A: Array, S: Array, k: int, commands: Array, out: Array) -> None:
        """Carry out one command."""
        raise NotImplementedError

    def run(self, A: Array, S: Array, which: Array, candles: Array, out: Array, equity: Array, start: int) -> int:
        """Take candles through until the end, a failure, or until ``out`` is nearly full; returns the next index."""
        raise NotImplementedError

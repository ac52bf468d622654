"""What a strategy is: a parameter list, a state record, and a step.

A strategy file defines ``STRATEGY``, either a :class:`Strategy` (compiled: the step is written in the Numba subset and
runs at millions of candles a second) or a subclass of :class:`PythonStrategy` (all of Python, about a thousand
times slower; the same engine, broker and risk). Both are found by name, see ``triplane.strategies.registry``.
"""

import keyword
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, ClassVar, Final

import numpy as np

from triplane.errors import BadInput
from triplane.kernel.codes import Action, OrderType
from triplane.kernel.jit import record
from triplane.kernel.records import SIGNAL

Number = int | float


@dataclass(frozen=True)
class Param:
    """One parameter of a strategy.

    Parameters
    ----------
    name
        Identifier, a field of ``state.p``.
    default, low, high
        Value and inclusive range. When ``default`` is an ``int`` only whole numbers are allowed.
    text
        One line for people: meaning and unit.
    choices
        Words for the whole numbers from 0 on; either may be given.
    """

    name: str
    default: Number
    low: Number
    high: Number
    text: str = ""
    choices: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.name.isidentifier() or keyword.iskeyword(self.name):
            raise BadInput(f"Param name is {self.name!r}; it must be a Python identifier.")
        if not self.low <= self.default <= self.high:
            raise BadInput(
                f"Parameter {self.name} has the default {self.default}; it must be from {self.low} to {self.high}."
            )

    def check(self, value: object, strategy: str) -> Number:
        """Return ``value`` as a number of the right kind, or raise :class:`BadInput`."""
        if value in self.choices:
            return self.choices.index(str(value))
        whole = isinstance(self.default, int)
        kind = " or ".join([*self.choices, "a whole number" if whole else "a number"])
        try:
            number = float(str(value))
        except ValueError:
            number = float("nan")
        if (whole and not number.is_integer()) or not self.low <= number <= self.high:
            raise BadInput(
                f"Parameter {self.name} of strategy {strategy} is {value}; "
                f"it must be {kind} from {self.low} to {self.high}."
            )
        return int(number) if whole else number


def _require_params(strategy: str, params: object, taken: Collection[str] = ()) -> None:
    """Raise :class:`BadInput` for parameters that are none, are there twice, or are called like something else."""
    if not isinstance(params, tuple | list) or not all(isinstance(one, Param) for one in params):
        raise BadInput(
            f"Strategy {strategy}: params must be a tuple of Param; a tuple of one has a comma: (Param(...),)"
        )
    names = [one.name for one in params]
    for name in names:
        if names.count(name) > 1:
            raise BadInput(f"Strategy {strategy} has two parameters called {name}.")
        if name in taken:
            raise BadInput(
                f"Strategy {strategy}: a parameter must not be called {name}; a PythonStrategy uses that name."
            )


def check_params(strategy: str, params: Sequence[Param], given: Mapping[str, object]) -> dict[str, Number]:
    """Fill in the defaults; raise :class:`BadInput` for a name or a value that is not allowed."""
    known = {p.name: p for p in params}
    for name in given:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise BadInput(f"Strategy {strategy} has no parameter {name}; it has: {allowed}.")
    return {p.name: p.check(given[p.name], strategy) if p.name in given else p.default for p in params}


def state(params: Sequence[Param], *fields: tuple[Any, ...]) -> "np.dtype[Any]":
    """Make the state record of a strategy: the parameters as ``p``, then the given fields."""
    chosen = record([(p.name, "i8" if isinstance(p.default, int) else "f8") for p in params] or [("none", "i8")])
    return record([("p", chosen), *fields])


def set_params(states: "np.ndarray[Any, Any]", params: Mapping[str, Number]) -> None:
    """Write checked parameter values into the ``p`` record of every state."""
    for name, value in params.items():
        states["p"][name] = value


@dataclass(frozen=True)
class Strategy:
    """A compiled strategy.

    Parameters
    ----------
    name, text
        How it is called, and what it does in a sentence.
    params
        Its parameters.
    state
        Record dtype made with :func:`state`.
    init
        ``init(s)``: compiled; prepares a zeroed state whose ``s.p`` is filled.
    step
        ``step(s, bar, view, signal)``: compiled; called once for each closed bar, also during warm-up. Writes into
        ``signal`` (``records.SIGNAL``, empty at the call) what it wants, if anything.
    warmup
        Bars before the first signal may be acted on, from the parameters.
    reasons
        Sentence for each bit of ``signal.reasons``.
    sees
        Name for each used place of ``signal.seen``.
    plots
        Name → dotted path into the state of a value to draw beside the candles.
    zones
        Dotted paths into the state of zone books (``kernel.patterns.zones``) to draw.
    structures, pools
        Dotted paths into the state of market structures (``kernel.patterns.structure``) and of pools of liquidity
        (``kernel.patterns.liquidity``), whose breaks and sweeps are told.
    check
        Further conditions between parameters; returns a sentence when they do not fit.
    prepare
        ``prepare(states, params, timeframe_ms, data)``: ordinary Python, called once before ``init`` with the zeroed
        array of states; puts into them what is more than a number, such as a fitted model in ``data``.
    base
        The strategy whose compiled code it runs, when it differs from that in names, words and defaults alone.
    agents
        Name → dotted path into the state of a raw signal (``records.SIGNAL``) of this bar, of a strategy that combines
        several.
    timeframe
        The timeframe that it was made for.
    others
        The step takes a fifth argument, ``others``: a ``records.VIEW`` of each symbol that this strategy trades in the
        session, in their order, its own at ``view.index``. Each is as of that symbol's newest closed bar
        (``others[j].candle``); all bars of one time are shown before the first step of that time.
    """

    name: str
    text: str
    params: tuple[Param, ...]
    state: "np.dtype[Any]"
    init: Callable[..., None]
    step: Callable[..., None]
    warmup: Callable[[Mapping[str, Number]], int]
    reasons: tuple[str, ...] = ()
    sees: tuple[str, ...] = ()
    plots: Mapping[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()
    structures: tuple[str, ...] = ()
    pools: tuple[str, ...] = ()
    check: Callable[[Mapping[str, Number]], str | None] = lambda _: None
    prepare: Callable[[Any, Mapping[str, Number], int, Mapping[str, Any]], None] | None = None
    agents: Mapping[str, str] = field(default_factory=dict)
    timeframe: str = "15m"
    base: "Strategy | None" = None
    others: bool = False

    def __post_init__(self) -> None:
        _require_params(self.name, self.params)

    def preset(self, name: str, text: str, **defaults: Number) -> "Strategy":
        """The same strategy under another name with other defaults."""
        params = tuple(replace(p, default=defaults.get(p.name, p.default)) for p in self.params)
        return replace(self, name=name, text=text, params=params, base=self.base or self)

    def resolve(self, given: Mapping[str, object]) -> dict[str, Number]:
        """Check parameters given by a user and fill in the rest."""
        values = check_params(self.name, self.params, given)
        problem = self.check(values)
        if problem:
            raise BadInput(f"Strategy {self.name}: {problem}")
        return values


@dataclass(frozen=True)
class Bar:
    """A closed bar as a :class:`PythonStrategy` sees it; time in ms UTC."""

    open_time: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True)
class View:
    """What a :class:`PythonStrategy` may know besides the bars.

    ``candle`` is the newest closed bar, and ``others`` the same of each symbol that the strategy trades in the session,
    its own at ``index``; empty unless the strategy has set ``others``.
    """

    bar: int
    side: int
    entry_price: float
    bars_held: int
    pending: bool
    stop: float = 0.0
    unrealized: float = 0.0
    balance: float = 0.0
    equity: float = 0.0
    day_pnl: float = 0.0
    open_positions: int = 0
    pending_entries: int = 0
    index: int = 0
    candle: Bar = Bar(0, 0.0, 0.0, 0.0, 0.0, 0.0)
    others: Sequence["View"] = ()


_KINDS: Final = {"market": OrderType.MARKET, "limit": OrderType.LIMIT, "stop_market": OrderType.STOP_MARKET}
_REASONS: Final = frozenset(range(63))


def _require_number(owner: str, name: str, value: object) -> None:
    if not isinstance(value, Real):
        raise BadInput(f"{owner}({name}={value!r}): {name} must be a number; leave it out where there is none.")


def _require_numbers(owner: str, name: str, values: Sequence[float]) -> None:
    most = SIGNAL[name].shape[0]
    try:
        fits = len(values) <= most and all(isinstance(one, Real) for one in values)
    except TypeError:
        fits = False
    if not fits:
        raise BadInput(f"{owner}({name}={values!r}): {name} must be a list of at most {most} numbers.")


def _bits(owner: str, reasons: Sequence[int]) -> int:
    if not {*reasons} <= _REASONS:
        raise BadInput(f"{owner}(reasons={reasons!r}): reasons must be whole numbers from 0 to {max(_REASONS)}.")
    return sum(1 << int(bit) for bit in set(reasons))


@dataclass(frozen=True)
class Enter:
    """Open a position: ``side`` +1 long or -1 short; prices absolute, distances from the fill price.

    ``weight`` is the share of the size that the profile allows (0 = all), ``quantity`` a size in base units that is not
    exceeded (0 = what the profile allows).
    """

    side: int
    entry: float | None = None
    entry_type: str = "market"
    stop: float = 0.0
    stop_distance: float = 0.0
    targets: Sequence[float] = ()
    target_distances: Sequence[float] = ()
    fractions: Sequence[float] = ()
    weight: float = 0.0
    quantity: float = 0.0
    trail_distance: float = 0.0
    ttl_bars: int = 0
    confidence: float = 0.5
    reasons: Sequence[int] = ()
    seen: Sequence[float] = ()

    def __post_init__(self) -> None:
        if self.side not in (1, -1) or self.entry_type not in _KINDS:
            raise BadInput(f"Enter(side={self.side!r}, entry_type={self.entry_type!r}): side must be 1 or -1, "
                           f"entry_type one of {', '.join(_KINDS)}.")  # fmt: skip
        for name in ("stop", "stop_distance", "weight", "quantity", "trail_distance", "confidence"):
            _require_number("Enter", name, getattr(self, name))
        _require_number("Enter", "entry", self.entry or 0.0)
        _require_number("Enter", "ttl_bars", self.ttl_bars)
        for name in ("targets", "target_distances", "fractions", "seen"):
            _require_numbers("Enter", name, getattr(self, name))
        if not float(self.ttl_bars).is_integer():
            raise BadInput(f"Enter(ttl_bars={self.ttl_bars!r}): ttl_bars must be a whole number.")

    def write(self, signal: Any) -> None:
        """Fill a ``records.SIGNAL`` record."""
        signal.action = Action.ENTER
        signal.side = self.side
        signal.entry_type = _KINDS[self.entry_type]
        signal.entry = self.entry or 0.0
        signal.stop = self.stop
        signal.stop_distance = self.stop_distance
        for name in ("targets", "target_distances", "fractions", "seen"):
            for i, value in enumerate(getattr(self, name)):
                signal[name][i] = value
        signal.weight, signal.quantity = self.weight, self.quantity
        signal.trail_distance = self.trail_distance
        signal.ttl_bars = self.ttl_bars
        signal.confidence = self.confidence
        signal.reasons = _bits("Enter", self.reasons)


@dataclass(frozen=True)
class Close:
    """Close the open position at market."""

    reasons: Sequence[int] = ()

    def write(self, signal: Any) -> None:
        """Fill a ``records.SIGNAL`` record."""
        signal.action = Action.CLOSE
        signal.reasons = _bits("Close", self.reasons)


@dataclass(frozen=True)
class Reduce:
    """Close a share of the open position at market, 0 to 1."""

    share: float

    def __post_init__(self) -> None:
        _require_number("Reduce", "share", self.share)
        if not 0.0 < self.share <= 1.0:
            raise BadInput(f"Reduce(share={self.share}): share must be above 0 and at most 1.")

    def write(self, signal: Any) -> None:
        """Fill a ``records.SIGNAL`` record."""
        signal.action = Action.REDUCE
        signal.fractions[0] = self.share


@dataclass(frozen=True)
class Manage:
    """Move the stop and the targets of the open position; prices, 0 leaves one where it is.

    The stop goes no further away than the first one was, and neither goes past the last price.
    """

    stop: float = 0.0
    targets: Sequence[float] = ()

    def __post_init__(self) -> None:
        _require_number("Manage", "stop", self.stop)
        _require_numbers("Manage", "targets", self.targets)
        if not all(0.0 <= price < math.inf for price in (self.stop, *self.targets)):
            raise BadInput(
                f"Manage(stop={self.stop}, targets={self.targets}): prices must be numbers, and not negative."
            )

    def write(self, signal: Any) -> None:
        """Fill a ``records.SIGNAL`` record."""
        signal.action = Action.MANAGE
        signal.stop = self.stop
        for i, price in enumerate(self.targets):
            signal.targets[i] = price


@dataclass(frozen=True)
class Cancel:
    """Call the working entry back."""

    def write(self, signal: Any) -> None:
        """Fill a ``records.SIGNAL`` record."""
        signal.action = Action.CANCEL


Answer = Enter | Close | Reduce | Manage | Cancel


class PythonStrategy:
    """Base of strategies in ordinary Python; one instance for each symbol.

    It must be deterministic: the same bars give the same answers, or a replay of the journal cannot prove anything.
    Parameters arrive as attributes.
    """

    name: ClassVar[str]
    text: ClassVar[str] = ""
    params: ClassVar[tuple[Param, ...]] = ()
    reasons: ClassVar[tuple[str, ...]] = ()
    sees: ClassVar[tuple[str, ...]] = ()
    timeframe: ClassVar[str] = "15m"
    warmup: int = 0
    plots: ClassVar[Mapping[str, str]] = {}
    zones: ClassVar[tuple[str, ...]] = ()
    others: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        """Say at once what is wrong with a strategy as it is written, not on its first bar."""
        _require_params(cls.__name__, cls.params, {"name", *vars(PythonStrategy)} - {"warmup"})

    def __init__(self, **params: Number) -> None:
        for name, value in params.items():
            setattr(self, name, value)
        self.start()

    def start(self) -> None:
        """Prepare; the parameters are set."""

    def on_bar(self, bar: Bar, view: View) -> Answer | None:
        """Answer a closed bar; called for every bar, also during warm-up."""
        raise NotImplementedError

    @classmethod
    def resolve(cls, given: Mapping[str, object]) -> dict[str, Number]:
        """Check parameters given by a user and fill in the rest."""
        return check_params(cls.name, cls.params, given)


AnyStrategy = Strategy | type[PythonStrategy]

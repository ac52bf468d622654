"""The codes in the kernel's records: what each small integer means.

The numbers are written into journals and never change; a new member takes the next free one. Compiled code sees a
member as the plain integer that it is (see ``jit.py``), Python sees an ``IntEnum``; people see its ``label``. Nothing
here needs the compiler.
"""

from enum import EnumMeta, IntEnum
from functools import cache
from typing import Any, Final, Self


class CodeMeta(EnumMeta):
    """Gives a set of codes its words."""

    @property
    def labels(cls) -> tuple[str, ...]:
        """The label of each code, by its number: ``Leg.labels[2]`` is ``"tp1"``."""
        return _labels(cls)


@cache
def _labels(codes: Any) -> tuple[str, ...]:
    return tuple(codes(number).label for number in range(len(codes)))


class Code(IntEnum, metaclass=CodeMeta):
    """A set of codes, numbered from 0 without gaps."""

    @property
    def label(self) -> str:
        """The word for people, tables and events."""
        return self.name.lower()

    @classmethod
    def of(cls, label: str) -> Self:
        """The code with this label, in either case; raises KeyError when there is none."""
        return cls[label.upper()]


# --------------------------------------------------------------------------------------------------- orders, signals
class Leg(Code):
    """What an order is for."""

    ENTRY = 0
    STOP = 1
    TP1 = 2
    TP2 = 3
    TP3 = 4
    EXIT = 5


class OrderType(Code):
    """How an order fills."""

    MARKET = 0
    LIMIT = 1
    STOP_MARKET = 2
    TAKE_PROFIT_MARKET = 3


class OrderEnd(Code):
    """What became of an order."""

    WORKING = 0
    EXPIRED = 1
    CANCELLED = 2
    REJECTED = 3
    FILLED = 4


class Action(Code):
    """What a strategy wants at the close of a bar."""

    NOTHING = 0
    ENTER = 1
    CLOSE = 2
    REDUCE = 3  # close a share of the position at market
    MANAGE = 4  # move stop and targets
    CANCEL = 5  # call a working entry back


class SignalStatus(Code):
    """How far a signal has come."""

    GENERATED = 0
    PENDING = 1
    EXECUTED = 2
    EXPIRED = 3
    REJECTED = 4


# ----------------------------------------------------------------------------------------------------- state machine
class State(Code):
    """The states of a session and symbol (contracts, section 2)."""

    BOOTSTRAP = 0
    SCANNING = 1
    ENTRY_PENDING = 2
    IN_POSITION = 3
    COOLDOWN = 4
    HALTED = 5

    @property
    def label(self) -> str:
        """States are written in capitals."""
        return self.name


class Reason(Code):
    """Why a position closed, an order ended or a state changed."""

    NONE = 0
    STOP = 1
    TARGET = 2
    SIGNAL = 3
    LIQUIDATION = 4
    END = 5
    MANUAL = 6
    EXTERNAL = 7
    TRAILING = 8
    BREAK_EVEN = 9
    WARM = 10
    ENTRY_PLACED = 11
    ENTRY_FILLED = 12
    ENTRY_EXPIRED = 13
    ENTRY_CANCELLED = 14
    ENTRY_REJECTED = 15
    COOLDOWN_OVER = 16
    DAILY_LOSS = 17
    DRAWDOWN = 18
    KILL_SWITCH = 19
    ERROR = 20
    RESUME = 21
    HISTORY_FAILED = 22
    NO_STOP = 23
    PARTIAL_EXIT = 24
    BANKRUPT = 25


class Check(Code):
    """The risk checks and gates; 1 to 9 are those of the contracts, in their order."""

    OK = 0
    MAX_POSITION_SIZE = 1
    MAX_OPEN_POSITIONS = 2
    CONCENTRATION = 3
    DAILY_LOSS_LIMIT = 4
    DRAWDOWN = 5
    MARGIN_UTILISATION = 6
    MAX_TRADES_DAY = 7
    VOLATILITY_CEILING = 8
    MIN_SHARPE = 9
    NO_STOP = 10
    BELOW_MINIMUM = 11
    NOT_SCANNING = 12
    HALTED = 13
    DATA_QUALITY = 14
    STALE_FEED = 15
    KILL_SWITCH = 16
    NO_SHORT = 17
    BAD_STOP = 18
    EXPIRED = 19
    NOT_RECONCILED = 20
    OPERATOR_PAUSE = 21
    NEWS_BLACKOUT = 22
    FUNDING_GUARD = 23
    KILL_ZONE = 24
    REGIME = 25
    DISK_SPACE = 26
    GUARD = 27
    BAD_SIGNAL = 28
    STOP_BEYOND_LIQUIDATION = 29


class Gate(Code):
    """Gates that events from outside the kernel close and open: bit numbers of ``ACCOUNT.gates``.

    A closed gate refuses entries with the check of the same name.
    """

    STALE_FEED = 0
    KILL_SWITCH = 1
    OPERATOR_PAUSE = 2
    NOT_RECONCILED = 3
    NEWS_BLACKOUT = 4
    FUNDING_GUARD = 5
    KILL_ZONE = 6
    DISK_SPACE = 7
    GUARD = 8  # a guard of the user's own


# ------------------------------------------------------------------------------------------------------ rows, commands
class RowKind(Code):
    """The kinds of audit rows (``rows.py``)."""

    NONE = 0
    SIGNAL = 1
    REJECT = 2
    PLACE = 3
    AMEND = 4
    CANCEL = 5
    STATE = 6
    FILL = 7
    ORDER = 8
    TRADE = 9


class CommandKind(Code):
    """What may be asked of the core between candles, and what a venue may report (``inputs.py``)."""

    NONE = 0
    READY = 1  # history is loaded: BOOTSTRAP ends
    HALT = 2
    RESUME = 3
    CLOSE = 4  # close the position of this symbol at market
    CANCEL = 5  # cancel the entry
    MARKET = 6  # execute the pending entry order at market
    EXECUTE = 7  # execute a pending signal
    EXPIRE = 8  # expire pending signals
    GATE = 9
    SIMULATE = 10  # a debug signal, paper only
    AMEND = 11  # move stop and targets
    LIMITS = 12  # new limits follow as bytes; carried out outside the step (the record is replaced)
    RESET = 13  # start the paper account again
    END = 14  # end of data: close what is open at the last close, reason "end"
    FILL = 15  # a venue executed an order, or one that nobody here asked for
    ORDER_END = 16  # a venue ended an order
    FUNDING = 17
    BALANCE = 18  # what the venue says the wallet holds
    FUNDING_RATE = 19  # a perpetual's funding time has come; the simulated broker charges it


# ------------------------------------------------------------------------------------------------ patterns, regimes
class StructureKind(Code):
    """Breaks of market structure: with the trend, and of its character."""

    NONE = 0
    BOS_UP = 1
    BOS_DN = 2
    CHOCH_UP = 3
    CHOCH_DN = 4

    @property
    def label(self) -> str:
        """Breaks are written in capitals."""
        return self.name


class BreakOn(Code):
    """What breaks a level."""

    CLOSE = 0
    WICK = 1


class ZoneKind(Code):
    """Order blocks of both kinds, fair value gaps, breakers."""

    NONE = 0
    DISPLACEMENT = 1
    STRUCTURE = 2
    GAP = 3
    BREAKER = 4


class ZoneState(Code):
    """A zone is live until it ends in one of these ways."""

    FREE = 0  # an unused place
    LIVE = 1
    MITIGATED = 2
    FILLED = 3
    TOUCHED_OUT = 4
    TOO_OLD = 5
    DISPLACED = 6


class ZonePart(Code):
    """The parts of a zone's strength."""

    DISPLACEMENT = 0
    VOLUME = 1
    FVG = 2
    STRUCTURE = 3
    UNTOUCHED = 4


class LiquidityKind(Code):
    """What a level of liquidity is: equal highs or lows, or an extreme of the last period."""

    NONE = 0
    EQUAL = 1
    DAY = 2
    WEEK = 3
    ASIA = 4
    LONDON = 5
    NEW_YORK = 6


class LiquidityState(Code):
    """A level is live until it ends in one of these ways."""

    NONE = 0
    LIVE = 1
    SWEPT = 2
    TAKEN = 3
    REPLACED = 4
    DISPLACED = 5


UNKNOWN: Final = -1
"""No regime is known yet."""


class Regime(Code):
    """The market's regimes."""

    TRENDING_LOW_VOL = 0
    TRENDING_HIGH_VOL = 1
    RANGING = 2
    VOLATILE_CHOPPY = 3


class Volatility(Code):
    """The regimes of volatility."""

    LOW = 0
    NORMAL = 1
    HIGH = 2
    EXTREME = 3

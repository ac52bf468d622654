"""What every source of candles looks like to the engine.

A feed is an asynchronous stream of events: closed candles in batches, the forming candle (for the chart alone; nothing
is decided on it) and what happens to the connection. Batches hold one candle or many thousand, so that a replay as fast
as it can costs nothing per candle, and a live candle takes the same path. Within a feed the candles of one symbol come
once each, in order; those of one time come in the order of the symbols.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from triplane.data.candles import Candles
from triplane.data.instruments import Instrument


@dataclass(frozen=True, slots=True)
class CandleBatch:
    """Closed candles in order of time: ``candles[i]`` is one of the feed's symbol number ``which[i]``."""

    which: npt.NDArray[np.int64]
    candles: Candles

    def __len__(self) -> int:
        """Number of candles."""
        return len(self.candles)


@dataclass(frozen=True, slots=True)
class Forming:
    """The candle under way, as it looks now; an array of one."""

    symbol: int
    candle: Candles


class FeedState(StrEnum):
    """What happened to the feed."""

    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    STALE = "stale"
    RECOVERED = "recovered"
    GAP_REPAIRED = "gap_repaired"
    GAP_REMAINS = "gap_remains"
    CONFLICT = "conflict"
    LIVE = "live"  # all history is loaded, from here on candles come as time passes
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """A change of the connection; ``symbol`` is None when it concerns all."""

    state: FeedState
    text: str
    symbol: int | None = None
    time_ms: int = 0


@dataclass(frozen=True, slots=True)
class FundingRate:
    """A funding of a perpetual: its time (ms), its rate, and the mark price, 0 where the venue does not say."""

    symbol: int
    time_ms: int
    rate: float
    mark: float


FeedEvent: TypeAlias = CandleBatch | Forming | FundingRate | FeedStatus


class Feed(Protocol):
    """A source of candles."""

    @property
    def symbols(self) -> tuple[str, ...]:
        """Symbols in the order of the session; events hold indices into it."""
        ...

    @property
    def interval_ms(self) -> int:
        """Length of the candles."""
        ...

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        """Trading rules, one for each symbol. For a venue they are there after :meth:`open`."""
        ...

    async def open(self) -> None:
        """Connect and load what must be known before the first candle."""
        ...

    def __aiter__(self) -> AsyncIterator[FeedEvent]:
        """Stream the events, once."""
        ...

    async def history(self, symbol: str, before_ms: int, n: int) -> Candles:
        """The last ``n`` closed candles of a symbol that opened before a time, fewer if there are no more."""
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...

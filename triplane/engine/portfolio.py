"""What a session trades: sleeves, each a strategy with its parameters on some symbols, and the rows that they make.

A *sleeve* is a part of a portfolio that one strategy runs. A *row* is one symbol of a sleeve: it has a state, orders, a
position and trades of its own. Several sleeves may trade one market; candles and fundings come by market, and all rows
share the account. A row is called by its symbol, and ``symbol:sleeve`` where the sleeves have names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Self

import numpy as np

from triplane.data.instruments import Instrument
from triplane.model.facts import row_name
from triplane.strategies.base import Number

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Sleeve:
    """A strategy (name or path) with checked parameters, on some symbols at one timeframe.

    ``name`` tells the sleeves of a portfolio apart; it is empty where there is only one. ``data`` is what the strategy
    is given before it starts, such as a regime model; JSON.
    """

    strategy: str
    params: Mapping[str, Number]
    symbols: tuple[str, ...]
    timeframe_ms: int
    name: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Reverse of :meth:`to_dict`."""
        return cls(**{**data, "symbols": tuple(data["symbols"])})


class Row(NamedTuple):
    """One symbol of a sleeve."""

    sleeve: Sleeve
    instrument: Instrument
    market: int
    """Number of its instrument in the session."""

    @property
    def name(self) -> str:
        """What people call it by."""
        return row_name(self.instrument.symbol, self.sleeve.name)


def rows_of(sleeves: Sequence[Sleeve], instruments: Sequence[Instrument]) -> tuple[Row, ...]:
    """The rows of a portfolio: sleeve after sleeve, symbol after symbol."""
    number = {instrument.symbol: i for i, instrument in enumerate(instruments)}
    return tuple(
        Row(sleeve, instruments[number[symbol]], number[symbol]) for sleeve in sleeves for symbol in sleeve.symbols
    )


class FanOut:
    """Gives each candle of a market to all its rows."""

    def __init__(self, rows: Sequence[Row], markets: int) -> None:
        self.rows = [np.array([k for k, row in enumerate(rows) if row.market == m], np.int64) for m in range(markets)]
        self._plain = [row.market for row in rows] == list(range(markets))
        self._counts = np.array([len(own) for own in self.rows])
        self._flat = np.concatenate([np.zeros(0, np.int64), *self.rows])
        self._begin = np.cumsum(self._counts) - self._counts

    def __call__(self, which: Array, candles: Array) -> tuple[Array, Array]:
        """Rows and candles, in the order of time and row, from markets and candles in the order of time."""
        if self._plain:
            return which, candles
        counts = self._counts[which]
        source = np.repeat(np.arange(len(which)), counts)
        place = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = self._flat[self._begin[which][source] + place]
        order = np.lexsort((rows, candles["open_time"][source]))
        return rows[order], candles[source[order]]

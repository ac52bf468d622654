"""What a session trades: sleeves, each a strategy with its parameters on some symbols, and the rows that they make.

A *sleeve* is a part of a portfolio that one strategy runs. A *row* is one symbol of a sleeve: it has a state, orders, a
position and trades of its own. Several sleeves may trade one market; candles and fundings come by market, and all rows
share the account. A row is called by its symbol, and ``symbol:sleeve`` where the sleeves have names.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import yaml
from pydantic import ValidationError

from triplane.data.candles import TIMEFRAMES, choose_timeframe
from triplane.data.instruments import Instrument
from triplane.errors import BadInput
from triplane.model.facts import row_name
from triplane.model.settings import SleeveSettings
from triplane.problems import dotted, sentence
from triplane.strategies.base import AnyStrategy, Number
from triplane.strategies.registry import find

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


def is_portfolio(strategy: str) -> bool:
    """Whether what stands in the place of a strategy is the file of a portfolio."""
    return strategy.endswith((".yaml", ".yml"))


def load_portfolio(path: Path) -> list[SleeveSettings]:
    """The sleeves in a YAML file: a list of them, alone or under ``portfolio``; raises BadInput."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"portfolio {path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadInput(f"portfolio {path} is not valid YAML: {' '.join(str(error).split())}") from None
    listed = content.get("portfolio") if isinstance(content, Mapping) else content
    if not isinstance(listed, list) or not listed:
        raise BadInput(f"portfolio {path} must be a list of sleeves, each with a strategy")
    return [_sleeve(one, f"portfolio {path}, number {i}", path.parent) for i, one in enumerate(listed, 1)]


def _sleeve(given: object, where: str, beside: Path) -> SleeveSettings:
    """One sleeve; a strategy's file is looked for beside the portfolio's first."""
    try:
        sleeve = SleeveSettings.model_validate(given)
        file = beside / sleeve.strategy
        return sleeve.model_copy(update={"strategy": str(file)}) if file.suffix == ".py" and file.exists() else sleeve
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = dotted(problem["loc"])
        raise BadInput(sentence(problem, SleeveSettings, f"{where}: {place}" if place else where)) from None


def all_symbols(portfolio: Sequence[SleeveSettings], symbols: Sequence[str]) -> list[str]:
    """The markets that a portfolio needs, those given for sleeves that name none; empty for all of the source.

    Raises
    ------
    BadInput
        Markets are given, and every sleeve names its own.
    """
    if symbols and all(one.symbols for one in portfolio) and len(portfolio) > 1:
        raise BadInput(f"symbols are {', '.join(symbols)}; leave them out, each sleeve of the portfolio names its own")
    if not symbols and not all(one.symbols for one in portfolio):
        return []
    return list(dict.fromkeys(symbol for one in portfolio for symbol in one.symbols or symbols))


def sleeves_of(
    portfolio: Sequence[SleeveSettings],
    symbols: Sequence[str],
    base_ms: int,
    timeframe: str | None = None,
    data: Callable[[AnyStrategy], Mapping[str, Any]] = lambda _: {},
) -> tuple[Sleeve, ...]:
    """What a portfolio comes to on some markets.

    Parameters
    ----------
    symbols, base_ms
        The markets that there are, and the milliseconds of their candles.
    timeframe
        Of sleeves that name none; by default their strategies' own.
    data
        What a strategy is given before it starts.

    Raises
    ------
    BadInput
        In one sentence: a name or a symbol twice, a symbol that is not there, what :func:`registry.find` refuses.
    """
    found, names = [], _names(portfolio)
    for one, name in zip(portfolio, names, strict=True):
        strategy = find(one.strategy)
        missing = next((symbol for symbol in one.symbols if symbol not in symbols), None)
        if missing is not None:
            raise BadInput(f"symbols of {name or one.strategy} name {missing}; there are {', '.join(symbols)}")
        if len(set(one.symbols)) != len(one.symbols):
            raise BadInput(f"symbols of {name or one.strategy} are {', '.join(one.symbols)}; each may be given once")
        found.append(
            Sleeve(
                one.strategy, strategy.resolve(one.params), tuple(one.symbols or symbols),
                choose_timeframe(base_ms, one.timeframe or timeframe, strategy.timeframe), name, dict(data(strategy)),
            )
        )  # fmt: skip
    return tuple(found)


def check_portfolio(portfolio: Sequence[SleeveSettings]) -> None:
    """Refuse what can be told without a market: names, strategies, parameters, timeframes; raises BadInput."""
    for one, name in zip(portfolio, _names(portfolio), strict=True):
        find(one.strategy).resolve(one.params)
        if one.timeframe is not None and one.timeframe not in TIMEFRAMES:
            allowed = ", ".join(TIMEFRAMES)
            raise BadInput(f"timeframe of {name or one.strategy} is {one.timeframe}; it must be one of {allowed}")


def _names(portfolio: Sequence[SleeveSettings]) -> list[str]:
    """A name for each sleeve; of the only one, what it was given."""
    typed = [one.name for one in portfolio]
    if len(portfolio) == 1:
        return typed
    again = next((name for name in typed if name and typed.count(name) > 1), None)
    if again is not None:
        raise BadInput(f"name is {again} in two sleeves; each must have one of its own")
    names: list[str] = []
    for one in portfolio:
        name, stem, number = one.name, re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(one.strategy).stem)[:36], 1
        while not name or (name != one.name and name in {*names, *typed}):
            name = stem if number == 1 else f"{stem}-{number}"
            number += 1
        names.append(name)
    return names


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

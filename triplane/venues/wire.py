"""What the formats of venues have in common: requests as text, exact numbers, the grid of an instrument.

Numbers leave as decimals without an exponent and come in as text; a float is never in between.
"""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from triplane.data.instruments import Instrument, decimal, plain
from triplane.errors import DataError
from triplane.venues.base import NewOrder
from triplane.venues.errors import Refused, Why

Row = Mapping[str, Any]
LONGEST: Final = 200
"""Letters of a venue's text that go into an error."""


class HttpRequest(NamedTuple):
    """One unsigned request: HTTP method, path from the host on, and parameters; a list where the body is one."""

    method: str
    path: str
    params: Mapping[str, Any] | Sequence[Any] = {}


def number(row: Row, *names: str) -> Decimal:
    """The first of the fields that is there and not empty, as a decimal; 0 when none is.

    Raises
    ------
    DataError
        When it is no number.
    """
    for name in names:
        value = row.get(name)
        if value not in (None, "", "None"):
            try:
                return decimal(name, value)
            except ValueError as error:
                raise DataError(f"the venue sent a bad number: {error}") from None
    return Decimal(0)


def positive(row: Row, *names: str) -> Decimal | None:
    """Like :func:`number`, with None for zero."""
    return number(row, *names) or None


def check_grid(order: NewOrder, instrument: Instrument) -> None:
    """Raise Refused (``Why.FILTER``) unless prices and quantity are positive multiples of tick and lot."""
    sizes = {"quantity": instrument.lot_size, "price": instrument.tick_size, "trigger": instrument.tick_size}
    for name, size in sizes.items():
        value = getattr(order, name)
        if value is not None and (value <= 0 or value % size):
            raise Refused(f"{name} is {value}; it must be a positive multiple of {plain(size)}.", why=Why.FILTER)


async def together(jobs: Iterable[Awaitable[Any]]) -> list[Any]:
    """The results of requests sent at once; all of them have ended before the first error is raised."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results

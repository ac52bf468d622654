"""What goes in and out of the executor: requests to a venue, and reports to the core."""

import hashlib
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from triplane.venues.base import Approved, NewOrder

_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class PlaceOrder:
    """Send an order."""

    client_id: str
    order: Approved[NewOrder]


@dataclass(frozen=True, slots=True)
class CancelOrder:
    """Take an order out."""

    client_id: str
    symbol: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """Ask what became of an order."""

    client_id: str
    symbol: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class FetchExecutions:
    """Ask for executions: of one order, or (without ids) of the symbol since a time."""

    symbol: str
    since: int
    client_id: str = ""
    venue_order_id: str = ""


@dataclass(frozen=True, slots=True)
class FetchFunding:
    """Ask for funding payments since a time."""

    symbol: str
    since: int


@dataclass(frozen=True, slots=True)
class TakeSnapshot:
    """Ask for everything open. ``marks`` are the activity counters of the symbols when it was asked."""

    symbols: tuple[str, ...]
    marks: tuple[int, ...]


VenueRequest: TypeAlias = PlaceOrder | CancelOrder | QueryOrder | FetchExecutions | FetchFunding | TakeSnapshot


@dataclass(frozen=True, slots=True)
class CoreReport:
    """Something for the core: a command of ``kind`` (CMD_*) for symbol ``k`` with these fields."""

    kind: int
    k: int
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know. ``code`` is a word for machines, ``text`` a sentence."""

    code: str
    text: str
    symbol: str = ""
    severity: str = "WARNING"


def trade_number(trade_id: str) -> int:
    """A venue's execution id as the number that is journaled: itself, or a hash of what is no number."""
    if trade_id.isdecimal() and 0 < int(trade_id) <= _LARGEST:
        return int(trade_id)
    return int.from_bytes(hashlib.sha256(trade_id.encode()).digest()[:8], "big") >> 1 or 1

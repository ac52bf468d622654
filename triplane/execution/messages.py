"""The messages of the order manager: requests to a venue, reports to the core, and findings for people."""

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
    """Cancel an order."""

    client_id: str
    symbol: str
    conditional: bool


@dataclass(frozen=True, slots=True)
class QueryOrder:
    """Ask for the state of an order."""

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
    """Ask for everything open. ``marks`` are the activity counters of the symbols at the time of asking."""

    symbols: tuple[str, ...]
    marks: tuple[int, ...]


VenueRequest: TypeAlias = PlaceOrder | CancelOrder | QueryOrder | FetchExecutions | FetchFunding | TakeSnapshot


@dataclass(frozen=True, slots=True)
class CoreReport:
    """A report to the core: a command of ``kind`` (``CommandKind``) for symbol ``k`` with these fields."""

    kind: int
    k: int
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that a person should know. ``code`` is for machines, ``text`` a sentence."""

    code: str
    text: str
    symbol: str = ""
    severity: str = "WARNING"


def trade_number(trade_id: str) -> int:
    """A venue's execution id as the number that is journaled: itself, or a hash of an id that is not a number."""
    if trade_id.isdecimal() and 0 < int(trade_id) <= _LARGEST:
        return int(trade_id)
    return int.from_bytes(hashlib.sha256(trade_id.encode()).digest()[:8], "big") >> 1 or 1

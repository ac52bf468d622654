"""The wire format of the router's service, for both of its ends: shapes, events and errors.

The shapes are the structs of :mod:`triplane.venues.base` themselves, so nothing is copied on the way: names in
camelCase, exact decimals as text without an exponent, sides ``BUY`` and ``SELL``, times in milliseconds UTC. An error
is ``{code, message, clientOrderId}``; a refusal also has ``why``, ``venueCode`` and ``retryAt``.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

import msgspec
import orjson

from triplane.data.instruments import plain
from triplane.errors import BadInput, TriplaneError
from triplane.venues.base import (
    BalanceChange,
    Capabilities,
    Execution,
    Funding,
    MarginCall,
    OrderReport,
    Shape,
    StreamState,
    VenueEvent,
)
from triplane.venues.errors import NotFound, Refused, Unknown, VenueError, Why

T = TypeVar("T")


class Conflict(Refused):
    """Another order is known under this client id."""


# ------------------------------------------------------------------------------------------------------------- shapes
class VenueInfo(Shape, frozen=True):
    """The venue behind the router: its name, its time (ms) and what it can do."""

    name: str
    time: int
    capabilities: Capabilities


class KeysChecked(Shape, frozen=True):
    """The keys may trade, and may not withdraw."""

    ok: bool = True


class Prepared(Shape, frozen=True):
    """What stands in the way of trading."""

    problems: list[str]


class Cancelled(Shape, frozen=True):
    """The venue has taken the order out."""

    client_id: str
    symbol: str
    cancelled: bool = True


SIDES: Final = {"BUY": 1, "SELL": -1}


def fields(shape: msgspec.Struct) -> dict[str, Any]:
    """What a shape says, under the names of the wire."""
    said = dict(zip(shape.__struct_encode_fields__, msgspec.structs.astuple(shape), strict=True))
    if "side" in said:
        said["side"] = "BUY" if said["side"] > 0 else "SELL"
    return said


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, msgspec.Struct):
        return fields(value)
    if isinstance(value, frozenset):
        return list(value)
    raise TypeError(type(value).__name__)


def encode(value: object) -> bytes:
    """A shape, or whatever holds some, as JSON."""
    return orjson.dumps(value, default=_plain)


def _signed(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("side") in ("BUY", "SELL"):
        row["side"] = SIDES[row["side"]]
    return row


def read(text: str | bytes) -> Any:
    """JSON with sides as numbers; raises ValueError."""
    return json.loads(text, object_hook=_signed)


def decode(of: type[T], said: object) -> T:
    """A shape from what was :func:`read`; raises msgspec.ValidationError."""
    return msgspec.convert(said, of)


EVENTS: Final[dict[str, type]] = {
    "order": OrderReport,
    "fill": Execution,
    "funding": Funding,
    "balance": BalanceChange,
    "margin_call": MarginCall,
    "stream": StreamState,
}
_KINDS: Final = {of: name for name, of in EVENTS.items()}


def encode_event(event: VenueEvent) -> str:
    """One message of the stream: ``{"type": …, "data": …}``."""
    return encode({"type": _KINDS[type(event)], "data": event}).decode()


def decode_event(message: Mapping[str, Any]) -> VenueEvent:
    """Reverse of :func:`encode_event`, from what was :func:`read`."""
    return cast("VenueEvent", decode(EVENTS[message["type"]], message["data"]))


# ------------------------------------------------------------------------------------------------------------- errors
_STATUS: Final = {
    Why.RATE: 429,
    Why.BANNED: 429,
    Why.COOLING_OFF: 429,
    Why.DUPLICATE: 409,
    Why.CLOCK: 503,
    Why.OVERLOAD: 503,
    Why.KEYS: 503,
    Why.DOWN: 503,
}


def encode_error(error: TriplaneError) -> tuple[int, dict[str, Any]]:
    """HTTP status and body of an error."""
    if isinstance(error, BadInput):
        return 422, {"code": "invalid", "message": str(error)}
    if isinstance(error, Refused):
        more = {"why": error.why, "venueCode": error.code, "retryAt": error.retry_at}
        if isinstance(error, Conflict):
            return 409, {"code": "conflict", "message": str(error), **more}
        return _STATUS.get(error.why, 400), {"code": str(error.why), "message": str(error), **more}
    code = error.code if isinstance(error, VenueError) else ""
    if isinstance(error, NotFound):
        return 404, {"code": "not_found", "message": str(error), "venueCode": code}
    return 504, {"code": "unknown", "message": str(error), "venueCode": code}


def decode_error(status: int, body: object, *, changing: bool) -> TriplaneError:
    """Reverse of :func:`encode_error`.

    An answer that the service itself did not make leaves the fate of a changing request open.
    """
    row = body if isinstance(body, dict) else {}
    text, code = str(row.get("message", "")), str(row.get("venueCode", ""))
    match status, row.get("code"):
        case 404, "not_found" if "venueCode" in row:  # the venue says so, not the service about an address
            return NotFound(text, code)
        case 504, "unknown":
            return Unknown(text, code)
        case 422, "invalid":
            return BadInput(text)
        case 401 | 403, _:
            return Refused(f"the router does not let this client in: {text or status}", why=Why.KEYS)
    if "why" in row:
        kind = Conflict if row["code"] == "conflict" else Refused
        return kind(text, code, Why(row["why"]), int(row["retryAt"]))
    text = f"the router failed with status {status}: {text}"
    return Unknown(text) if changing and status >= 500 else Refused(text, why=Why.DOWN)

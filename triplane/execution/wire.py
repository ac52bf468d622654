"""The wire format of the router's service, for both of its ends: shapes, events and errors.

Shapes are made from the types of :mod:`triplane.venues.base`, so they cannot drift apart: names in camelCase, exact
decimals as text without an exponent, sides ``BUY`` and ``SELL``, times in milliseconds UTC. An error is ``{code,
message, clientOrderId}``; a refusal also has ``why``, ``venueCode`` and ``retryAt``.
"""

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, TypeAdapter, WithJsonSchema, create_model
from pydantic.alias_generators import to_camel

from triplane.data.instruments import plain
from triplane.errors import BadInput, TriplaneError
from triplane.venues.base import BalanceChange, Execution, Funding, MarginCall, OrderReport, StreamState, VenueEvent
from triplane.venues.errors import NotFound, Refused, Unknown, VenueError, Why

T = TypeVar("T")
Body = Mapping[str, Any]


class Conflict(Refused):
    """Another order is known under this client id."""


# ------------------------------------------------------------------------------------------------------------- shapes
NAMES: Final = {
    "client_id": "clientOrderId",
    "trigger": "stopPrice",
    "venue_id": "orderId",
    "venue_order_id": "orderId",
    "child_id": "childOrderId",
    "filled": "filledQuantity",
    "average": "averagePrice",
    "updated": "updateTime",
    "reference": "referencePrice",
}
"""Names that are not simply ours in camelCase."""
SIDES: Final = {"BUY": 1, "SELL": -1}

Exact = Annotated[Decimal, PlainSerializer(plain, return_type=str, when_used="json")]
Side = Annotated[
    int,
    BeforeValidator(lambda value: SIDES.get(value, value)),
    PlainSerializer(lambda side: "BUY" if side > 0 else "SELL", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "enum": list(SIDES)}),
]


def wire_name(field: str) -> str:
    """The wire name of one of our fields."""
    return NAMES.get(field, to_camel(field))


def _translated(hint: Any, field: str) -> Any:
    if field == "side":
        return Side
    if hint is Decimal:
        return Exact
    if is_dataclass(hint):
        return shape(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin is tuple:
        part: Any = _translated(inner[0], "")
        return tuple[part, ...]
    if origin in (Union, types.UnionType):
        return Union[tuple(_translated(part, "") for part in inner)]  # noqa: UP007 - made at run time
    return hint


def shape(of: Any) -> type[BaseModel]:
    """The wire shape of one of our data classes, as a model for OpenAPI."""
    return _shape(of)


@cache
def _shape(of: Any) -> type[BaseModel]:
    hints = get_type_hints(of)
    parts: dict[str, Any] = {}
    for field in fields(of):
        default = ... if field.default is MISSING and field.default_factory is MISSING else field.default
        parts[field.name] = (_translated(hints[field.name], field.name), default)
        if field.default_factory is not MISSING:
            parts[field.name] = (parts[field.name][0], field.default_factory())
    config = ConfigDict(alias_generator=wire_name, populate_by_name=True, from_attributes=True)
    said = (of.__doc__ or "").partition("\n\n")[0]
    made: type[BaseModel] = create_model(of.__name__, __config__=config, __doc__=said, **parts)
    return made


@cache
def _adapter(of: Any) -> TypeAdapter[Any]:
    return TypeAdapter(of)


def encode(value: Any) -> dict[str, Any]:
    """One of our data classes as JSON."""
    model = shape(type(value))
    return model.model_validate(value).model_dump(mode="json", by_alias=True)


def decode(of: type[T], body: Any) -> T:
    """Reverse of :func:`encode`; raises ValueError."""
    read = shape(of).model_validate(body).model_dump()
    return cast("T", _adapter(cast("Any", of)).validate_python(read))


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
    return orjson.dumps({"type": _KINDS[type(event)], "data": encode(event)}).decode()


def decode_event(message: Body) -> VenueEvent:
    """Reverse of :func:`encode_event`."""
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

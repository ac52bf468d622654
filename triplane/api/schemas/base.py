"""What all shapes share: exact money, numbers without NaN, examples, pages and errors."""

import math
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer


def _plain(amount: Decimal) -> str:
    return format(amount, "f")


def _rounded(value: object) -> object:
    """Money that was only computed with comes as a float; what lies beyond eight decimals is noise."""
    if isinstance(value, float) and math.isfinite(value):
        digits = f"{value:.8f}".rstrip("0").rstrip(".")
        return Decimal("0" if digits == "-0" else digits)
    return value


def _no_nan(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value


Money = Annotated[Decimal, BeforeValidator(_rounded), PlainSerializer(_plain, return_type=str)]
"""An exact decimal; text on the wire, never with an exponent."""

Number = Annotated[float | None, BeforeValidator(_no_nan)]
"""A number that is only looked at; null where there is none yet."""

Millis = Annotated[int, Field(description="Milliseconds since 1970, UTC.")]


def example(value: dict[str, Any], *, strict: bool = False) -> ConfigDict:
    """Make a model's configuration with ``value`` as its example; ``strict`` refuses unknown fields."""
    return ConfigDict(json_schema_extra={"example": value}, extra="forbid" if strict else "ignore")


class Problem(BaseModel):
    """Why a request was not carried out."""

    model_config = example({"code": "invalid", "message": "limit is '501'; it must be at most 500."})

    code: str
    message: str


class Accepted(BaseModel):
    """A command was journaled and carried out."""

    model_config = example({"accepted": True, "message": "The position BTCUSDT-17 is closed at market."})

    accepted: bool = True
    message: str


class Health(BaseModel):
    """The process lives."""

    model_config = example({"status": "ok", "version": "0.1.0"})

    status: str
    version: str


class Login(BaseModel):
    """The token that was printed at the start."""

    model_config = example({"token": "uX3…"}, strict=True)

    token: Annotated[str, Field(min_length=1, max_length=200)]


class SignedIn(BaseModel):
    """Whether the browser now holds the token."""

    model_config = example({"signed_in": True})

    signed_in: bool


PAGE_EXAMPLE = {"page": 1, "limit": 100, "total": 1}


class Paged(BaseModel):
    """One page of a list, the latest first."""

    page: int
    limit: int
    total: int

"""What the router's service is asked; what it answers are the shapes of the venues themselves."""

from decimal import Decimal
from typing import Annotated, Any

from msgspec import Meta
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from triplane.execution.wire import SIDES
from triplane.venues.base import NewOrder, OrderType, Shape, TimeInForce, wire_name

NAMES = {"stop_loss": "stop_market", "take_profit": "take_profit_market"}
"""Binance's names on spot for the same thing."""


def _kind(value: Any) -> Any:
    return NAMES.get(value.lower(), value.lower()) if isinstance(value, str) else value


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Text = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,20}(\.[0-9]{1,20})?$", description="An exact decimal as text.", examples=["0.001"]),
]
ClientId = Annotated[str, Field(pattern=r"^[.A-Z:/a-z0-9_-]{1,36}$", description="Identity of the order, for ever.")]
Symbol = Annotated[str, Field(pattern=r"^[A-Z0-9_]{1,40}$", examples=["BTCUSDT"])]


class _Body(BaseModel):
    model_config = ConfigDict(alias_generator=wire_name, populate_by_name=True, extra="forbid")


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"example": fields})


class OrderBody(_Body):
    """An order to place."""

    model_config = _example(
        symbol="BTCUSDT", side="BUY", type="limit", quantity="0.001", price="50000.00", clientOrderId="my-1"
    )

    symbol: Symbol
    side: Annotated[str, BeforeValidator(_upper), Field(pattern="^(BUY|SELL)$", examples=["BUY"])]
    type: Annotated[OrderType, BeforeValidator(_kind)]
    quantity: Text
    client_id: ClientId
    price: Text | None = None
    trigger: Text | None = None
    reduce_only: bool = False
    time_in_force: Annotated[TimeInForce, BeforeValidator(_upper)] = "GTC"
    reference: Annotated[
        Text | None, Field(description="The market's price, for the bounds; a market entry needs it where one is set.")
    ] = None

    def order(self) -> NewOrder:
        """The order."""
        price, trigger = (None if text is None else Decimal(text) for text in (self.price, self.trigger))
        return NewOrder(
            self.client_id, self.symbol, SIDES[self.side], self.type, Decimal(self.quantity), price, trigger,
            self.reduce_only, self.time_in_force,
        )  # fmt: skip


class KillBody(_Body):
    """What the kill switch shall do."""

    model_config = _example(active=True, flatten=False, reason="the feed is wrong")

    active: Annotated[bool, Field(strict=True, description="false takes it back.")] = True
    flatten: Annotated[bool, Field(strict=True, description="Close all positions at market.")] = False
    reason: Annotated[str, Field(max_length=200)] = ""


class PrepareBody(_Body):
    """What is to be traded."""

    model_config = _example(symbols=["BTCUSDT"], leverage=3, resume=False)

    symbols: Annotated[list[Symbol], Field(min_length=1, max_length=64)]
    leverage: Annotated[int, Field(ge=1, le=1000)]
    resume: Annotated[bool, Field(description="Open positions and orders are expected.")] = False


class Alive(Shape, frozen=True):
    """The process lives."""

    status: str
    version: str


class RouterProblem(Shape, frozen=True):
    """Why a request was not carried out, or that it is not known whether it was (504)."""

    code: str
    message: str
    client_id: str | None
    why: Annotated[str | None, Meta(description="Of a refusal: the venue's reason, in our words.")] = None
    venue_code: Annotated[str | None, Meta(description="The venue's own code.")] = None
    retry_at: Annotated[int | None, Meta(description="When it may be tried again, ms; 0 = not said.")] = None

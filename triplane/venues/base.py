"""What every venue looks like to the rest: typed orders, reports and events, and the interface of an adapter.

No format of a venue (or of a client library) gets past its adapter. Prices, quantities and money are exact decimals,
sides +1 and -1, times milliseconds UTC. Each shape is declared once: the router's service sends the same structs.
"""

from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Final, Generic, Literal, Protocol, TypeAlias, TypeVar

import msgspec
from msgspec.structs import replace
from pydantic.alias_generators import to_camel

from triplane.data.instruments import Instrument

T_co = TypeVar("T_co", covariant=True)
TimeInForce: TypeAlias = Literal["GTC", "IOC", "FOK", "GTX"]
ZERO: Final = Decimal(0)
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
"""Names between the router and its clients that are not simply ours in camelCase."""


def wire_name(field: str) -> str:
    """What one of our fields is called between the router and its clients."""
    return NAMES.get(field, to_camel(field))


class Shape(msgspec.Struct, frozen=True, rename=wire_name):
    """What passes between the router and its clients as it is, see :mod:`triplane.execution.wire`."""


class OrderType(StrEnum):
    """Kinds of order; the last two wait at the venue until the price reaches their trigger."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_MARKET = "stop_market"
    TAKE_PROFIT_MARKET = "take_profit_market"

    @property
    def conditional(self) -> bool:
        """Whether it waits for a trigger."""
        return self in (OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET)


class OrderStatus(StrEnum):
    """The state of an order according to its venue."""

    OPEN = "open"  # accepted; maybe partly filled, maybe triggered
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    REJECTED = "rejected"

    @property
    def final(self) -> bool:
        """Whether it can no longer change."""
        return self is not OrderStatus.OPEN


class NewOrder(Shape, frozen=True):
    """An order to place.

    Parameters
    ----------
    client_id
        The identity of the intent, for ever; matches ``^[.A-Z:/a-z0-9_-]{1,36}$``.
    quantity
        Base units, on the grid of the instrument.
    price, trigger
        Limit price and trigger price, on the grid.
    reduce_only
        It may only make a position smaller.
    """

    client_id: str
    symbol: str
    side: int
    type: OrderType
    quantity: Decimal
    price: Decimal | None = None
    trigger: Decimal | None = None
    reduce_only: bool = False
    time_in_force: TimeInForce = "GTC"


class Approved(Generic[T_co]):
    """What has passed the risk checks. Only ``triplane.execution.risk`` makes it, and venues place nothing else."""

    __slots__ = ("value",)

    def __init__(self, value: T_co) -> None:
        self.value = value


class OrderReport(Shape, frozen=True):
    """What a venue says of one order.

    Attributes
    ----------
    venue_id
        The venue's id of it; of a conditional order, the id that it waits under.
    child_id
        Id of the order that a triggered conditional order has become; empty before.
    filled
        Base units; ``status`` stays open while it is between 0 and ``quantity``.
    updated
        Venue time of this state, ms.
    reason
        The venue's words when it was rejected or expired.
    """

    client_id: str
    symbol: str
    side: int
    type: OrderType
    status: OrderStatus
    quantity: Decimal
    filled: Decimal = ZERO
    average: Decimal | None = None
    price: Decimal | None = None
    trigger: Decimal | None = None
    reduce_only: bool = False
    venue_id: str = ""
    child_id: str = ""
    updated: int = 0
    reason: str = ""

    def with_child(self, child: "OrderReport") -> "OrderReport":
        """This conditional order with the state of the order that it has become."""
        return replace(
            self,
            status=child.status,
            filled=child.filled,
            average=child.average,
            child_id=child.venue_id or self.child_id,
            updated=max(self.updated, child.updated),
            reason=child.reason,
        )


class Cause(StrEnum):
    """Who caused an execution that no order of ours asked for."""

    NONE = ""
    LIQUIDATION = "liquidation"
    ADL = "adl"
    SETTLEMENT = "settlement"


class Execution(Shape, frozen=True):
    """One execution; unique by (``symbol``, ``trade_id``).

    ``client_id`` is empty where the venue does not tell it; ``venue_order_id`` is always there.
    """

    symbol: str
    trade_id: str
    venue_order_id: str
    client_id: str
    side: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time: int
    cause: Cause = Cause.NONE


class PositionReport(Shape, frozen=True):
    """A position according to the venue; ``quantity`` is signed.

    ``margin_ratio`` is the share of the margin behind the position that is left above maintenance: 1 nothing used up, 0
    liquidation; None where the venue gives no way to tell.
    """

    symbol: str
    quantity: Decimal
    entry_price: Decimal
    mark_price: Decimal = ZERO
    unrealized: Decimal = ZERO
    liquidation_price: Decimal | None = None
    margin_ratio: float | None = None


class Balance(Shape, frozen=True):
    """Money of one asset: all of it (without unrealised profit), and what new orders may use."""

    asset: str
    wallet: Decimal
    available: Decimal


class Snapshot(Shape, frozen=True):
    """Everything open at one moment. It is complete or it fails: a missing part is an error, never "nothing"."""

    time: int
    positions: tuple[PositionReport, ...]  # of the symbols asked for, flat ones left out
    orders: tuple[OrderReport, ...]  # working ones, conditional ones among them
    balance: Balance


class Funding(Shape, frozen=True):
    """A funding payment; ``amount`` positive when received. Unique by (``symbol``, ``time``)."""

    symbol: str
    amount: Decimal
    time: int


class BalanceChange(Shape, frozen=True):
    """The wallet balance after something changed it."""

    asset: str
    wallet: Decimal
    reason: str
    time: int


class MarginCall(Shape, frozen=True):
    """The venue warns of liquidation."""

    symbols: tuple[str, ...]
    time: int


class StreamStatus(StrEnum):
    """States of the private stream. Before ``UP`` events may have been missed: reconcile."""

    UP = "up"
    DOWN = "down"


class StreamState(Shape, frozen=True):
    """The private stream came up or went down."""

    state: StreamStatus
    text: str
    time: int


VenueEvent: TypeAlias = OrderReport | Execution | Funding | BalanceChange | MarginCall | StreamState


class Capabilities(Shape, frozen=True):
    """What differs between venues.

    Attributes
    ----------
    conditional
        Kinds of conditional order that the venue keeps itself.
    reduce_only
        Whether orders can be bound to only reduce.
    shorts
        Whether positions can be negative.
    stop_beside_target
        Whether a stop and targets may rest for the same quantity (not on spot: the first one locks it).
    duplicate_check
        Whether an open order with the same client id is refused by the venue.
    request_window
        Milliseconds after which the venue can no longer accept a request that was sent; 0 = not known.
    quote
        Asset that profit and fees are in.
    """

    conditional: frozenset[OrderType] = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})
    reduce_only: bool = True
    shorts: bool = True
    stop_beside_target: bool = True
    duplicate_check: bool = True
    request_window: int = 5000
    quote: str = "USDT"


class Venue(Protocol):
    """An adapter. Every method may raise ``errors.Unknown`` and ``errors.Refused``."""

    name: str
    capabilities: Capabilities

    async def open(self) -> None:
        """Load the markets and measure the clock."""
        ...

    async def close(self) -> None:
        """Close every connection; may be called twice."""
        ...

    def now_ms(self) -> int:
        """The venue's time."""
        ...

    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Trading rules, in the order asked for; raises BadInput for a symbol that is not traded."""
        ...

    async def check_keys(self) -> None:
        """Raise BadInput in a plain sentence when the keys cannot trade, or can withdraw."""
        ...

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        """Set modes and leverage for trading; returns the obstacles, each in a plain sentence."""
        ...

    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order."""
        ...

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:
        """Cancel an order; raises NotFound when the venue says that there is none open."""
        ...

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:
        """Look an order up by its client id; raises NotFound."""
        ...

    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        """Own executions from a time on (ms), oldest first, on as many pages as there are; maybe of one order only."""
        ...

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:
        """Funding payments from a time on, oldest first."""
        ...

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        """Positions, working orders and balance."""
        ...

    def events(self) -> AsyncIterator[VenueEvent]:
        """The private stream, for ever, through reconnects: every event that was received is delivered."""
        ...

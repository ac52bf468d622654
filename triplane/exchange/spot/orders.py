"""A spot order and how REST shows it. A conditional one keeps its id when it is triggered."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from triplane.exchange.orders import SIDES, ZERO
from triplane.exchange.spot.account import Listing, SpotAccount, SpotFill, text

TRIGGERS: Final = {
    "STOP_LOSS": "STOP_MARKET",
    "STOP_LOSS_LIMIT": "STOP_MARKET",
    "TAKE_PROFIT": "TAKE_PROFIT_MARKET",
    "TAKE_PROFIT_LIMIT": "TAKE_PROFIT_MARKET",
}
"""The conditional types, and by which of the kernel's kinds their trigger is reached."""
MARKETS: Final = ("MARKET", "STOP_LOSS", "TAKE_PROFIT")
"""Types that take what the market gives."""
ORDER_TYPES: Final = ("LIMIT", "LIMIT_MAKER", "MARKET", *TRIGGERS)
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK")
STP: Final = ("EXPIRE_MAKER", "EXPIRE_TAKER", "EXPIRE_BOTH", "DECREMENT", "NONE")


@dataclass(slots=True, eq=False)
class SpotOrder:
    """An order; prices in ticks, quantities in lots of the listing."""

    account: SpotAccount
    listing: Listing
    client_id: str
    side: int
    type: str
    tif: str = "GTC"
    lots: int = 0
    price: int = 0
    trigger: int = 0
    stp: str = "EXPIRE_MAKER"
    id: int = 0
    time: int = 0
    updated: int = 0
    status: str = "NEW"
    filled: int = 0
    value: Decimal = ZERO  # sum of price x quantity of the fills
    locked: Decimal = ZERO  # of the asset that it spends
    working_since: int = -1  # market time; -1 while its trigger has not been reached
    hidden_until: int = 0  # wall time until which queries do not find it
    prints: list[int] = field(default_factory=list)  # sizes of the fills to come, where a fault splits them
    fills: list[SpotFill] = field(default_factory=list)

    @property
    def open(self) -> bool:
        """It can still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED")

    @property
    def left(self) -> int:
        """Lots that are not filled."""
        return self.lots - self.filled

    @property
    def spends(self) -> str:
        """The asset that it gives away."""
        return self.listing.quote if self.side > 0 else self.listing.base

    @property
    def gets(self) -> str:
        """The asset that it brings."""
        return self.listing.base if self.side > 0 else self.listing.quote

    def cost(self, ticks: int, lots: int) -> Decimal:
        """What it gives away for a number of lots at a price."""
        quantity = self.listing.quantity(lots)
        return self.listing.price(ticks) * quantity if self.side > 0 else quantity


def ack(order: SpotOrder) -> dict[str, Any]:
    """The short answer to placing."""
    return {
        "symbol": order.listing.symbol,
        "orderId": order.id,
        "orderListId": -1,
        "clientOrderId": order.client_id,
        "transactTime": order.updated,
    }


def _state(order: SpotOrder) -> dict[str, Any]:
    listing = order.listing
    out = {
        "price": text(listing.price(order.price)),
        "origQty": text(listing.quantity(order.lots)),
        "executedQty": text(listing.quantity(order.filled)),
        "origQuoteOrderQty": text(ZERO),
        "cummulativeQuoteQty": text(order.value),
        "status": order.status,
        "timeInForce": order.tif,
        "type": order.type,
        "side": SIDES[order.side],
        "selfTradePreventionMode": order.stp,
    }
    return out | ({"stopPrice": text(listing.price(order.trigger))} if order.trigger else {})


def answer(order: SpotOrder, kind: str) -> dict[str, Any]:
    """Answer to placing: ACK, RESULT or FULL."""
    if kind == "ACK":
        return ack(order)
    out = ack(order) | _state(order) | {"workingTime": order.working_since}
    if kind == "FULL":
        out["fills"] = [
            {
                "price": text(order.listing.price(f.ticks)),
                "qty": text(order.listing.quantity(f.lots)),
                "commission": text(f.fee),
                "commissionAsset": f.asset,
                "tradeId": f.id,
            }
            for f in order.fills
        ]
    return out


def cancelled(order: SpotOrder, cancel_id: str) -> dict[str, Any]:
    """Answer to cancelling; the cancel has a client id of its own."""
    return ack(order) | {"clientOrderId": cancel_id, "origClientOrderId": order.client_id} | _state(order)


def query(order: SpotOrder) -> dict[str, Any]:
    """Answer to a query."""
    out = ack(order) | _state(order)
    del out["transactTime"]
    return out | {
        "stopPrice": text(order.listing.price(order.trigger)),
        "icebergQty": text(ZERO),
        "time": order.time,
        "updateTime": order.updated,
        "isWorking": order.working_since >= 0,
        "workingTime": order.working_since,
    }


def show_fill(f: SpotFill) -> dict[str, Any]:
    """A row of myTrades."""
    listing = f.order.listing
    return {
        "symbol": listing.symbol,
        "id": f.id,
        "orderId": f.order.id,
        "orderListId": -1,
        "price": text(listing.price(f.ticks)),
        "qty": text(listing.quantity(f.lots)),
        "quoteQty": text(f.value),
        "commission": text(f.fee),
        "commissionAsset": f.asset,
        "time": f.time,
        "isBuyer": f.order.side > 0,
        "isMaker": f.maker,
        "isBestMatch": True,
    }

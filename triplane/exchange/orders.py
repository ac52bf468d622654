"""Orders and conditional ("algo") orders, and how REST shows them.

An acknowledgement carries neither ``avgPrice`` nor ``cumQuote``: fills come from the stream or from a query.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from triplane.exchange.market import Market

if TYPE_CHECKING:
    from triplane.exchange.account import FuturesAccount

SIDES: Final = {1: "BUY", -1: "SELL"}
CONDITIONAL: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
ORDER_TYPES: Final = ("LIMIT", "MARKET", *CONDITIONAL)
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "GTX", "GTD")
ZERO: Final = Decimal(0)


@dataclass(slots=True)
class OrderRequest:
    """What is common to an order and an algo order, checked; prices in ticks, quantities in lots."""

    account: "FuturesAccount"
    market: Market
    client_id: str
    side: int
    position_side: str
    type: str
    tif: str
    lots: int
    price: int
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    price_match: str = "NONE"
    stp: str = "EXPIRE_MAKER"
    good_till: int = 0
    trigger: int = 0
    activate: int = 0
    callback: Decimal = ZERO


@dataclass(slots=True, eq=False)
class FuturesOrder:
    """An order of the matching engine."""

    id: int
    request: OrderRequest
    time: int
    updated: int
    status: str = "NEW"
    filled: int = 0
    value: Decimal = ZERO  # sum of price x quantity of the fills
    reserved: Decimal = ZERO  # initial margin that it holds
    hidden_until: int = 0  # wall time until which queries do not find it
    algo: "AlgoOrder | None" = None
    liquidation: bool = False
    prints: list[int] = field(default_factory=list)  # sizes of the fills to come, where a fault splits them

    @property
    def open(self) -> bool:
        """It can still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED")

    @property
    def left(self) -> int:
        """Lots that are not filled."""
        return self.request.lots - self.filled

    @property
    def shown_type(self) -> str:
        """LIMIT or MARKET for what a conditional order became."""
        return shown_type(self.request.type)

    def average(self) -> str:
        """Average price of the fills."""
        r = self.request
        price = self.value / (self.filled * r.market.lot) if self.filled else ZERO
        return format(price.quantize(Decimal(1).scaleb(-max(r.market.decimals[0], 5))), "f")


@dataclass(slots=True, eq=False)
class AlgoOrder:
    """A conditional order in the algo service."""

    id: int
    request: OrderRequest
    time: int
    updated: int
    status: str = "NEW"
    triggered: int = 0
    child: FuturesOrder | None = None
    reason: str = ""
    hidden_until: int = 0
    best: int = 0  # of a trailing stop: the most favourable price since it was activated, 0 before

    @property
    def open(self) -> bool:
        """It still waits."""
        return self.status == "NEW"


def shown_type(kind: str) -> str:
    """The type of the order that a conditional order places."""
    return {"STOP": "LIMIT", "TAKE_PROFIT": "LIMIT"}.get(kind, "MARKET" if kind in CONDITIONAL else kind)


def ack(order: FuturesOrder) -> dict[str, Any]:
    """Answer to placing, cancelling or amending."""
    r = order.request
    m = r.market
    return {
        "orderId": order.id,
        "symbol": m.symbol,
        "status": order.status,
        "clientOrderId": r.client_id,
        "price": m.price(r.price),
        "origQty": m.quantity(r.lots),
        "executedQty": m.quantity(order.filled),
        "cumQty": m.quantity(order.filled),
        "timeInForce": r.tif,
        "type": order.shown_type,
        "reduceOnly": r.reduce_only,
        "closePosition": r.close_position,
        "side": SIDES[r.side],
        "positionSide": r.position_side,
        "stopPrice": m.price(r.trigger),
        "workingType": r.working_type,
        "priceProtect": r.price_protect,
        "origType": r.type,
        "priceMatch": r.price_match,
        "selfTradePreventionMode": r.stp,
        "goodTillDate": r.good_till,
        "updateTime": order.updated,
    }


def full(order: FuturesOrder) -> dict[str, Any]:
    """Answer to a query."""
    out = ack(order)
    del out["cumQty"]
    out["avgPrice"] = order.average()
    out["cumQuote"] = format(order.value, "f")
    out["time"] = order.time
    return out


def show_algo(algo: AlgoOrder, query: bool = True) -> dict[str, Any]:
    """Answer to placing (``query`` false) or asking for an algo order."""
    r = algo.request
    m = r.market
    out: dict[str, Any] = {
        "algoId": algo.id,
        "clientAlgoId": r.client_id,
        "algoType": "CONDITIONAL",
        "orderType": r.type,
        "symbol": m.symbol,
        "side": SIDES[r.side],
        "positionSide": r.position_side,
        "timeInForce": r.tif,
        "quantity": m.quantity(r.lots),
        "algoStatus": algo.status,
        "triggerPrice": m.price(r.trigger),
        "price": m.price(r.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": r.stp,
        "workingType": r.working_type,
        "priceMatch": r.price_match,
        "closePosition": r.close_position,
        "priceProtect": r.price_protect,
        "reduceOnly": r.reduce_only,
        "createTime": algo.time,
        "updateTime": algo.updated,
        "triggerTime": algo.triggered,
        "goodTillDate": r.good_till,
    }
    if r.type == "TRAILING_STOP_MARKET":
        out |= {"activatePrice": m.price(r.activate), "callbackRate": format(r.callback, "f")}
    if query:
        child = algo.child
        out["actualOrderId"] = str(child.id) if child else ""
        out["actualPrice"] = child.average() if child else "0.00000"
        if child:
            out |= {"actualType": child.shown_type, "actualQty": m.quantity(child.filled)}
        out |= {"tpTriggerPrice": "0.000", "tpPrice": "0.000", "slTriggerPrice": "0.000", "slPrice": "0.000"}
        out["tpOrderType"] = ""
    return out

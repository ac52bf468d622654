"""Control from outside: ``/box/state``, ``/box/faults``, ``/box/clock``, ``/box/price``, ``/box/deposit``. Unsigned."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

from triplane.data.instruments import decimal
from triplane.errors import BadInput
from triplane.exchange.account import FuturesAccount
from triplane.exchange.faults import parse
from triplane.exchange.market_clock import MarketClock
from triplane.exchange.order_views import full, show_algo, show_fill
from triplane.exchange.spot.dialect import SpotDialect


def state(market_clock: MarketClock, _body: Any) -> Any:
    """The venue's truth, whatever the faults let clients see."""
    x = market_clock.exchange
    return {
        "clock": market_clock.state(),
        "prices": {m.symbol: m.price(m.last) for m in x.markets.values()},
        "accounts": {a.key: account_state(a) for a in x.accounts.values()},
        "sockets": [{"route": c.route, "streams": sorted(c.topics)} for hub in x.hubs for c in hub.connections],
        "faults": [fault.source | {"times": fault.times} for fault in x.faults.waiting],
    } | {name: dialect.state() for name, dialect in x.dialects.items()}


def account_state(a: FuturesAccount) -> dict[str, Any]:
    """Balance, positions, orders, algo orders, fills and income of an account."""
    return a.state() | {
        "orders": [full(o) for o in a.orders.values()],
        "algoOrders": [show_algo(o) for o in a.algos.values()],
        "fills": [show_fill(f) for f in a.fills],
        "income": [
            {"symbol": i.symbol, "type": i.kind, "amount": format(i.amount, "f"), "time": i.time} for i in a.income
        ],
    }


def add_faults(market_clock: MarketClock, body: Any) -> Any:
    """POST faults."""
    market_clock.exchange.add_faults(parse(body))
    return {"waiting": len(market_clock.exchange.faults.waiting)}


def clear_faults(market_clock: MarketClock, _body: Any) -> Any:
    """DELETE faults: also ends mutes and skew."""
    market_clock.exchange.clear_faults()
    return {"waiting": 0}


def read_clock(market_clock: MarketClock, _body: Any) -> Any:
    """GET clock."""
    return market_clock.state()


def set_clock(market_clock: MarketClock, body: Any) -> Any:
    """POST clock: ``pause`` (bool), ``speed`` (number or "max"), ``skew`` (ms), ``step`` (ms of market time)."""
    if not isinstance(body, dict) or not body or set(body) - {"pause", "speed", "skew", "step"}:
        raise BadInput("clock must be an object with pause, speed, skew or step")
    for name, kind, wanted in (("pause", bool, "true or false"), ("skew", int, "whole milliseconds"),
                               ("step", int, "whole milliseconds")):  # fmt: skip
        value = body.get(name, kind())
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise BadInput(f"{name} is {value!r}; it must be {wanted}")
    if "pause" in body or "speed" in body:
        market_clock.set(body.get("pause", market_clock.paused), body.get("speed", market_clock.speed))
    market_clock.exchange.skew = body.get("skew", market_clock.exchange.skew)
    if body.get("step", 0) > 0:
        market_clock.step(body["step"])
    return market_clock.state()


def price(market_clock: MarketClock, body: Any) -> Any:
    """POST price: ``symbol`` and ``price`` as text; null goes back to the replay's own price."""
    x = market_clock.exchange
    market = x.markets.get(body.get("symbol", "")) if isinstance(body, dict) else None
    if market is None:
        raise BadInput(f"symbol must be one of {', '.join(x.markets)}")
    try:
        wanted = None if body.get("price") is None else Decimal(str(body["price"]))
    except InvalidOperation:
        raise BadInput(f"price is {body['price']!r}; it must be a number or null") from None
    if wanted is not None and not (wanted.is_finite() and wanted > 0):
        raise BadInput(f"price is {body['price']!r}; it must be positive")
    x.step(market, wanted)
    return {"symbol": market.symbol, "price": market.price(market.last)}


def deposit(market_clock: MarketClock, body: Any) -> Any:
    """POST deposit: ``account``, ``asset`` and ``amount`` as text come to a spot account, or leave it."""
    spot = market_clock.exchange.dialects["spot"]
    if not isinstance(spot, SpotDialect) or not isinstance(body, dict) or set(body) != {"account", "asset", "amount"}:
        raise BadInput("deposit must be an object with account, asset and amount")
    spot.deposit(body["account"], body["asset"], decimal("amount", body["amount"]))
    return spot.state()[body["account"]]["balances"]


ROUTES: Final = {
    ("GET", "/box/clock"): read_clock, ("GET", "/box/state"): state, ("POST", "/box/faults"): add_faults,
    ("DELETE", "/box/faults"): clear_faults, ("POST", "/box/clock"): set_clock, ("POST", "/box/price"): price,
    ("POST", "/box/deposit"): deposit,
}  # fmt: skip

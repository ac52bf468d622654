"""From a request to its answer: route, limits, faults, signature, handler, headers.

What is not in :data:`ROUTES` does not exist.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple, TypeAlias

from triplane.exchange import funds as f
from triplane.exchange import public
from triplane.exchange import trading as t
from triplane.exchange.dialect import Dialect
from triplane.exchange.errors import Rejected
from triplane.exchange.exchange import Exchange
from triplane.exchange.faults import ANSWERS, CODES, ORDER_KINDS, STATUS, Fault
from triplane.exchange.limits import BAN_MS, RateLimited
from triplane.exchange.params import Params, account_of, hide, verify
from triplane.exchange.spot import rest as spot

OPEN, KEY, SIGNED = 0, 1, 2


class Route(NamedTuple):
    """What a path does, who may, and what it weighs."""

    handler: Callable[[Any, Any, Params], Any]
    weight: int = 1
    security: int = SIGNED
    is_order: bool = False
    dialect: str = ""  # whose accounts and limits; empty for the futures


Routes: TypeAlias = dict[tuple[str, str], Route]


@dataclass(slots=True)
class Reply:
    """An answer. ``delay`` holds it back; ``lost`` is "hang" or "reset" when it never comes."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    lost: str = ""


Place: TypeAlias = Exchange | Dialect
Rows: TypeAlias = Iterable[tuple[str, str, Callable[..., Any], int]]
PUBLIC: Final[Rows] = (
    ("GET", "ping", public.ping, 1), ("GET", "time", public.time, 1), ("GET", "exchangeInfo", public.exchange_info, 1),
    ("GET", "klines", public.klines, 5), ("GET", "continuousKlines", public.continuous_klines, 5),
    ("GET", "aggTrades", public.agg_trades, 20), ("GET", "trades", public.trades, 5),
    ("GET", "depth", public.depth, 10), ("GET", "ticker/24hr", public.ticker_24hr, 1),
    ("GET", "ticker/price", public.ticker_price, 1), ("GET", "/fapi/v2/ticker/price", public.ticker_price, 1),
    ("GET", "ticker/bookTicker", public.book_ticker, 2), ("GET", "premiumIndex", public.premium_index, 1),
    ("GET", "fundingRate", public.funding_rate, 1), ("GET", "fundingInfo", public.funding_info, 0),
    ("GET", "openInterest", public.open_interest, 1),
)  # fmt: skip
PRIVATE: Final[Rows] = (
    ("GET", "order", t.query, 1), ("DELETE", "order", t.cancel, 1), ("GET", "openOrder", t.query_open, 1),
    ("GET", "openOrders", t.open_orders, 1), ("GET", "allOrders", t.all_orders, 5),
    ("DELETE", "allOpenOrders", t.cancel_all, 1), ("DELETE", "batchOrders", t.cancel_batch, 1),
    ("POST", "countdownCancelAll", t.countdown, 10), ("POST", "order/test", t.test_order, 0),
    ("GET", "algoOrder", t.query_algo, 1), ("DELETE", "algoOrder", t.cancel_algo, 1),
    ("GET", "openAlgoOrders", t.open_algos, 1), ("GET", "allAlgoOrders", t.all_algos, 5),
    ("DELETE", "algoOpenOrders", t.cancel_algos, 1), ("GET", "userTrades", t.user_trades, 5),
    ("GET", "forceOrders", t.force_orders, 20), ("POST", "leverage", f.set_leverage, 1),
    ("POST", "marginType", f.set_margin_type, 1), ("GET", "positionSide/dual", f.get_mode, 30),
    ("POST", "positionSide/dual", f.set_mode, 1), ("GET", "multiAssetsMargin", f.multi_assets, 30),
    ("GET", "leverageBracket", f.leverage_brackets, 1), ("GET", "accountConfig", f.account_config, 5),
    ("GET", "symbolConfig", f.symbol_config, 5), ("GET", "commissionRate", f.commission_rate, 20),
    ("GET", "income", f.income, 30), ("GET", "/fapi/v2/account", f.account_v2, 5),
    ("GET", "/fapi/v3/account", f.account_v3, 5), ("GET", "/fapi/v2/balance", f.balance, 5),
    ("GET", "/fapi/v3/balance", f.balance, 5), ("GET", "/fapi/v2/positionRisk", f.position_risk_v2, 5),
    ("GET", "/fapi/v3/positionRisk", f.position_risk_v3, 5),
    ("GET", "/sapi/v1/account/apiRestrictions", f.restrictions, 1),
)  # fmt: skip
ORDERS: Final[Rows] = (
    ("POST", "order", t.place, 0), ("PUT", "order", t.amend, 0), ("POST", "algoOrder", t.place_algo, 0),
    ("POST", "batchOrders", t.place_batch, 5), ("PUT", "batchOrders", t.amend_batch, 5),
)  # fmt: skip
LISTEN_KEY: Final[Rows] = (
    ("POST", "listenKey", f.make_listen_key, 1), ("PUT", "listenKey", f.keep_listen_key, 1),
    ("DELETE", "listenKey", f.close_listen_key, 1),
)  # fmt: skip


def _routes(prefix: str, rows: Rows, security: int, orders: bool = False, dialect: str = "") -> Routes:
    return {
        (method, name if name.startswith("/") else prefix + name): Route(handler, weight, security, orders, dialect)
        for method, name, handler, weight in rows
    }


V1, V3 = "/fapi/v1/", "/api/v3/"
ROUTES: Final = (
    _routes(V1, PUBLIC, OPEN) | _routes(V1, PRIVATE, SIGNED) | _routes(V1, ORDERS, SIGNED, True)
    | _routes(V1, LISTEN_KEY, KEY) | _routes(V3, spot.PUBLIC, OPEN, dialect="spot")
    | _routes(V3, spot.PRIVATE, SIGNED, dialect="spot") | _routes(V3, spot.ORDERS, SIGNED, True, "spot")
)  # fmt: skip


def handle(x: Exchange, method: str, path: str, query: str, body: str, key: str, address: str = "127.0.0.1") -> Reply:
    """Answer a request.

    Parameters
    ----------
    query, body
        As sent: the signature is over these very bytes.
    key
        The header ``X-MBX-APIKEY``.
    """
    route = ROUTES.get((method, path))
    if route is None:
        return Reply(404, {"code": -5000, "msg": f"Path {path}, Method {method} is invalid"})
    place = x.dialects[route.dialect] if route.dialect else x
    limits, headers = place.limits, dict[str, str]()
    fault: Fault | None = None
    try:
        headers["x-mbx-used-weight-1m"] = str(limits.weigh(address, route.weight, x.clock.now_ms()))
        p = Params.of(query, body)
        fault = x.faults.request(method, path, p)
        if fault is not None and not fault.accepted:
            return spoiled(x, place, fault, Reply(200, {}, headers), address, _refused)
        account = None if route.security == OPEN else account_of(place.accounts, key)
        if account is not None:
            if route.security == SIGNED:
                verify(account, query, body, p, x.wall())
            if route.is_order:
                headers |= limits.count_order(account.key, x.clock.now_ms())
        x.parts = fault.parts if fault and fault.what == "partial" else []
        reply = Reply(200, route.handler(place, account, p), headers)
    except RateLimited as error:
        reply = Reply(error.status, error.to_dict(), headers | {"retry-after": str(error.retry_after)})
    except Rejected as error:
        reply = Reply(error.status, error.to_dict(), headers)
    finally:
        x.parts = []
    return reply if fault is None else spoiled(x, place, fault, reply, address, _refused)


def _refused(x: Exchange, place: Place, fault: Fault, headers: dict[str, str]) -> Reply:
    what = fault.what
    if what in STATUS:
        return Reply(int(what), {}, headers)
    if what not in ("429", "418"):
        error = Rejected(int(what) if what in CODES else -1000)
        return Reply({"-1007": 408, "-1008": 503}.get(what, 400), error.to_dict(), headers)
    value = x.clock.now_ms() + BAN_MS if what == "418" else place.limits.weight
    limited = RateLimited(-1003, value, int(what), round(fault.seconds))
    return Reply(int(what), limited.to_dict(), headers | {"retry-after": str(limited.retry_after)})


def spoiled(
    x: Exchange, place: Place, fault: Fault, reply: Reply, address: str, refused: Callable[..., Reply]
) -> Reply:
    """An answer as a fault makes it; ``refused`` makes that of a fault that is a status or a code."""
    what, until = fault.what, x.clock.now_ms() + round(fault.seconds * 1000)
    if what in ("timeout", "reset"):
        reply.lost, reply.delay = ("hang", fault.seconds) if what == "timeout" else ("reset", 0.0)
    elif what == "delay":
        reply.delay = fault.seconds
    elif what in ANSWERS:
        if what == "418":
            place.limits.ban(address, until)
        return refused(x, place, fault, reply.headers)
    elif what == "hide" and isinstance(reply.body, dict):
        body = reply.body.get("newOrderResponse") or reply.body.get("data") or reply.body
        said = body if isinstance(body, dict) else {"orderId": body, "algoId": body}
        hide(place.accounts.values(), said.get("orderId"), said.get("algoId"), until)
    elif what not in ORDER_KINDS:
        x.strike(fault, None)
    return reply

"""From a request to MEXC to its answer: route, limits, faults, signature, handler.

A private request carries ``ApiKey``, ``Request-Time`` and ``Signature``, which covers key, time, and the sorted query
or the body as sent. Refusals come with HTTP 200 and ``{"success": false, "code": …, "message": …}``.
"""

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, cast
from urllib.parse import unquote

from triplane.exchange.errors import Rejected
from triplane.exchange.exchange import Exchange
from triplane.exchange.faults import MEXC_CODES, STATUS, Fault
from triplane.exchange.mexc import funds, market, trading
from triplane.exchange.mexc.account import MexcAccount
from triplane.exchange.mexc.dialect import MexcDialect
from triplane.exchange.mexc.edge import WINDOW_MS, signed_by
from triplane.exchange.mexc.errors import MexcRejected, reject_if, rejection
from triplane.exchange.mexc.market import Handler, Query
from triplane.exchange.params import Params
from triplane.exchange.rest import Reply, spoiled

PREFIXES: Final = ("/api/v1/contract/", "/api/v1/private/")
MOST_WINDOW_S: Final = 60
_ORDERS: Final = ("order/create", "order/submit", "planorder/place", "planorder/place/v2")
_REFUSED: Final = {
    "429": 510, "418": 510, "-1000": 500, "-1006": 500, "-1007": 500, "-1008": 501, "-1021": 513, "-2013": 2040,
    "-4192": 6002,
}  # fmt: skip
"""What the faults that are codes of Binance are here."""
PUBLIC: Final[dict[str, Handler]] = {
    "ping": market.ping, "detail": market.detail, "kline/{}": market.kline, "depth/{}": market.depth,
    "deals/{}": market.deals, "ticker": market.ticker, "funding_rate": market.funding_rate,
    "funding_rate/{}": market.funding_rate, "funding_rate/history": market.funding_history,
    "fair_price/{}": market.fair_price, "index_price/{}": market.index_price,
}  # fmt: skip
PRIVATE: Final[dict[tuple[str, str], Handler]] = {
    ("GET", "account/assets"): funds.assets, ("GET", "account/asset/{}"): funds.asset,
    ("GET", "account/tiered_fee_rate"): funds.fee_rate, ("GET", "position/open_positions"): funds.positions,
    ("GET", "position/funding_records"): funds.funding_records, ("GET", "position/leverage"): funds.get_leverage,
    ("POST", "position/change_leverage"): funds.set_leverage, ("GET", "position/position_mode"): funds.get_mode,
    ("POST", "position/change_position_mode"): funds.set_mode, ("POST", "order/create"): trading.create,
    ("POST", "order/submit"): trading.submit, ("POST", "order/cancel"): trading.cancel,
    ("POST", "order/cancel_with_external"): trading.cancel_external,
    ("POST", "order/batch_cancel_with_external"): trading.cancel_external,
    ("POST", "order/cancel_all"): trading.cancel_all, ("GET", "order/get/{}"): trading.query,
    ("GET", "order/external/{}/{}"): trading.query_external, ("GET", "order/batch_query"): trading.batch_query,
    ("GET", "order/list/open_orders"): trading.open_orders, ("GET", "order/list/open_orders/{}"): trading.open_orders,
    ("GET", "order/list/history_orders"): trading.history, ("GET", "order/list/order_deals"): trading.order_deals,
    ("GET", "order/list/order_deals/v3"): trading.order_deals_v3,
    ("GET", "order/deal_details/{}"): trading.deal_details, ("POST", "planorder/place"): trading.place_plan,
    ("POST", "planorder/place/v2"): trading.place_plan, ("POST", "planorder/cancel"): trading.cancel_plans,
    ("POST", "planorder/cancel_all"): trading.cancel_all_plans, ("GET", "planorder/list/orders"): trading.plans,
}  # fmt: skip


def find(method: str, path: str) -> tuple[Handler | None, str, list[str]]:
    """Handler of a path, the path's name, and what its last parts say."""
    private = path.startswith(PREFIXES[1])
    parts, said = path.removeprefix(PREFIXES[private]).split("/"), list[str]()
    for _ in range(3):
        name = "/".join(parts + ["{}"] * len(said))
        handler = PRIVATE.get((method, name)) if private else PUBLIC.get(name) if method == "GET" else None
        if handler is not None or len(parts) < 2:
            return handler, name, said
        said.insert(0, unquote(parts.pop()))
    return None, "", []


def handle(
    x: Exchange, method: str, path: str, query: str, body: str, headers: Mapping[str, str], address: str = "127.0.0.1"
) -> Reply:
    """Answer a request; ``headers`` by their names in lower case, ``query`` and ``body`` as sent."""
    mexc, private = cast("MexcDialect", x.dialects["mexc"]), path.startswith(PREFIXES[1])
    handler, name, arguments = find(method, path)
    if handler is None:
        return Reply(404, {"success": False, "code": 404, "message": f"there is no {method} {path}"})
    fault: Fault | None = None
    try:
        mexc.limits.weigh(address, 1, x.clock.now_ms())
        q = _question(query, body)
        fault = x.faults.request(method, path, _flat(q))
        if fault is not None and not fault.accepted:
            return spoiled(x, mexc, fault, Reply(200, {"success": True, "code": 0}), address, _refused)
        q["arguments"] = arguments
        if arguments and not private:
            q["symbol"] = arguments[0]
        account = _account(mexc, query, body, headers) if private else None
        if account is not None and name in _ORDERS:
            mexc.limits.count_order(account.key, x.clock.now_ms())
        x.parts = fault.parts if fault and fault.what == "partial" else []
        data = handler(mexc, account, q)
        reply = Reply(200, {"success": True, "code": 0} | ({} if data is None else {"data": data}))
    except Rejected as error:
        reply = Reply(200, rejection(error).to_dict())
    finally:
        x.parts = []
    return reply if fault is None else spoiled(x, mexc, fault, reply, address, _refused)


def _question(query: str, body: str) -> Query:
    """Parameters of the query, or of a JSON body: an object, or a list under ``list``."""
    if not body:
        return dict(Params.of(query, ""))
    try:
        found = json.loads(body, parse_float=Decimal)
    except ValueError:
        raise MexcRejected(601) from None
    if isinstance(found, list):
        return {"list": found}
    if not isinstance(found, dict):
        raise MexcRejected(601)
    return found


def _flat(q: Query) -> dict[str, str]:
    """Parameters as conditions of faults see them; of a list, those of its first row."""
    row = q["list"][0] if q.get("list") else q
    return {name: str(value) for name, value in row.items()} if isinstance(row, dict) else {"orderId": str(row)}


def _account(mexc: MexcDialect, query: str, body: str, headers: Mapping[str, str]) -> MexcAccount:
    """Who asks; raises MexcRejected."""
    account = mexc.accounts.get(headers.get("apikey", ""))
    if account is None:
        raise MexcRejected(401)
    text, window = body or "&".join(sorted(query.split("&"))), headers.get("recv-window", "")
    allowed = min(int(window), MOST_WINDOW_S) * 1000 if window.isdecimal() else WINDOW_MS
    time, signature = headers.get("request-time", ""), headers.get("signature", "")
    code = signed_by(mexc.x, account, time, text, signature, allowed)
    reject_if(code, code)
    return account


def _refused(_x: Exchange, _mexc: Any, fault: Fault, _headers: dict[str, str]) -> Reply:
    what = fault.what
    if what in STATUS:
        return Reply(int(what), {})
    return Reply(200, MexcRejected(int(what) if what in MEXC_CODES else _REFUSED[what]).to_dict())

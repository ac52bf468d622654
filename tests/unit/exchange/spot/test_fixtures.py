"""Spot's messages have the fields and the types of recorded and documented ones."""

import json
import re
from pathlib import Path

import pytest

PROTOCOL = Path(__file__).parents[5] / "shared" / "data" / "protocol"
CONNECTOR = PROTOCOL / "binance_connector"

pytestmark = pytest.mark.skipif(not PROTOCOL.is_dir(), reason="the protocol fixtures are not there")

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
NAMED = {"symbol": "BTCUSDT", "origClientOrderId": "waits"}
REPLACING = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01", "price": "58000",
    "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrigClientOrderId": "waits", "newOrderRespType": "FULL",
}  # fmt: skip
SYMBOL = {"symbol": "BTCUSDT"}
REST = [
    ("GET", "exchangeInfo", {}), ("GET", "aggTrades", SYMBOL), ("GET", "depth", SYMBOL), ("GET", "ticker/24hr", SYMBOL),
    ("GET", "ticker/price", SYMBOL), ("GET", "ticker/bookTicker", SYMBOL), ("GET", "account", {}),
    ("GET", "klines", {"symbol": "BTCUSDT", "interval": "1m"}), ("GET", "openOrders", SYMBOL),
    ("GET", "allOrders", SYMBOL), ("GET", "myTrades", SYMBOL), ("GET", "order", NAMED), ("POST", "order", ORDER),
    ("DELETE", "order", NAMED), ("DELETE", "openOrders", SYMBOL), ("POST", "order/cancelReplace", REPLACING),
]  # fmt: skip
ABSENT = {
    # shown only of order kinds or at times that there are not here
    "preventedMatchId", "preventedQuantity", "strategyId", "strategyType", "trailingDelta", "trailingTime", "usedSor",
    "workingFloor", "pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice", "expiryReason", "icebergQty",
    "stopPrice", "count", "sors", "exchangeFilters", "filters", "code", "msg", "isBestMatch",
    "d", "D", "j", "J", "v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY", "b", "a", "k", "uS", "gP", "gOT", "gOV", "gp",
    "eR", "W", "N", "priceExponent",
}  # fmt: skip


def kind(value):
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def compare(ours, theirs, where):
    """Nothing of theirs is missing, and what both have is of one type."""
    if isinstance(theirs, dict):
        missing = [f"{where}.{key} is missing" for key in theirs if key not in ours and key and key not in ABSENT]
        return missing + [p for key in theirs if key in ours for p in compare(ours[key], theirs[key], f"{where}.{key}")]
    if isinstance(theirs, list):
        return compare(ours[0], theirs[0], where + "[0]") if ours and theirs else []
    if theirs in (None, "") or ours is None or kind(ours) == kind(theirs):
        return []
    return [f"{where} is {ours!r}, there {theirs!r}"]


@pytest.fixture
def busy(spot):
    """A client with a fill and a waiting order."""
    spot.order()
    spot.order(price="59000", newClientOrderId="waits")
    return spot


def same(spot, method, path, params, theirs):
    ours = spot.ok(method, path, **params)
    if isinstance(ours, list) != isinstance(theirs, list):  # one row for a symbol, or all
        ours, theirs = ([x] if not isinstance(x, list) else x for x in (ours, theirs))
    assert compare(ours, theirs, path) == []


@pytest.mark.parametrize(("method", "path", "params"), REST, ids=lambda value: str(value)[:20])
def test_the_sdk_of_binance(busy, method, path, params):
    rows = json.loads((CONNECTOR / "spot_rest_api.json").read_text())
    found = [r["response"] for r in rows if (r["method"], r["path"]) == (method, f"/api/v3/{path}")]
    assert found
    same(busy, method, path, params, found[0])


RECORDED = {
    "openOrders", "allOrders", "aggTrades", "depth", "klines", "ticker/24hr", "ticker/price", "ticker/bookTicker",
    "account", "exchangeInfo", "order",
}  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "params"), [row for row in REST if row[1] in RECORDED], ids=lambda value: str(value)[:20]
)
def test_recorded_answers(busy, method, path, params):
    routes = json.loads((PROTOCOL / "gocryptotrader" / "http.json").read_text())["routes"]
    found = [row["data"] for row in routes[f"/api/v3/{path}"].get(method, []) if row["data"]]
    if not found:
        pytest.skip("no answer was recorded")
    for theirs in found if method == "GET" else found[:1]:
        same(busy, method, path, params, theirs)


DOCUMENTED = {
    "PlaceOrder": ("POST", "order", ORDER), "CancelOrder": ("DELETE", "order", NAMED),
    "GetOrder": ("GET", "order", NAMED),
    "CancelAllOrders": ("DELETE", "openOrders", SYMBOL), "GetUserTrades": ("GET", "myTrades", SYMBOL),
    "GetOpenOrders": ("GET", "openOrders", SYMBOL), "GetOrders": ("GET", "allOrders", SYMBOL),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_answers(busy, name):
    text = (PROTOCOL / "binance_net" / "Endpoints" / "Spot" / "Trading" / f"{name}.txt").read_text()
    same(busy, *DOCUMENTED[name], json.loads(text.split("\n", 3)[3]))


MODELS = {
    "executionReport": "ExecutionReport", "outboundAccountPosition": "OutboundAccountPosition",
    "balanceUpdate": "BalanceUpdate", "eventStreamTerminated": "EventStreamTerminated", "kline": "KlineResponse",
    "aggTrade": "AggTradeResponse", "trade": "TradeResponse", "bookTicker": "BookTickerResponse",
    "depthUpdate": "DiffBookDepthResponse", "24hrTicker": "TickerResponse", "24hrMiniTicker": "MiniTickerResponse",
}  # fmt: skip
TYPES = {"StrictInt": int, "StrictStr": str, "StrictBool": bool}


def against(event, name, models):
    """Every field is one of the model's and of its type, and none of the model's is missing."""
    model, problems = models[name], []
    for key, value in event.items():
        declared = model.get(key, "").removeprefix("List[")
        if key == "e" and key not in model:
            continue
        if not declared:
            problems.append(f"{name}.{key} is not in the model")
        elif declared in TYPES and value is not None and type(value) is not TYPES[declared]:
            problems.append(f"{name}.{key} is {value!r}")
        elif declared in models:
            problems += [
                p for v in (value if isinstance(value, list) else [value]) for p in against(v, declared, models)
            ]
    optional = ABSENT if name == "ExecutionReport" else set()
    return problems + [f"{name}.{key} is missing" for key in model if key not in event and key not in optional]


@pytest.fixture
def everything(spot):
    """One event of each kind at least."""
    user = spot.user()
    names = ("kline_1m", "aggTrade", "trade", "bookTicker", "depth", "ticker", "miniTicker")
    market = spot.listen(*(f"btcusdt@{name}" for name in names))
    spot.order(quantity="0.02")
    spot.order("SELL", "0.01", type="STOP_LOSS", stopPrice="59000")
    spot.price(58_990)
    spot.order(price="50000", newClientOrderId="o")
    spot.ok("DELETE", "order", symbol="BTCUSDT", origClientOrderId="o")
    spot.dialect.deposit("k", "USDT", spot.dialect.listings["BTCUSDT"].min_notional)
    spot.dialect.end_streams("k")
    return user.events() + market.received()


def test_events_are_those_of_the_models(everything):
    models = json.loads((CONNECTOR / "stream_event_models.json").read_text())["spot/websocket_streams"]
    assert {event.get("e", "bookTicker") for event in everything} == set(MODELS)
    problems = {p for event in everything for p in against(event, MODELS[event.get("e", "bookTicker")], models)}
    assert problems == set()


@pytest.mark.parametrize("name", ["AccountPosition", "Balance", "Order"])
def test_documented_events(everything, name):
    text = (PROTOCOL / "binance_net" / "Subscriptions" / "Spot" / "Account" / f"{name}.txt").read_text()
    theirs = json.loads(re.split(r"^= *\n", text, flags=re.MULTILINE)[1])["event"]
    ours = [event for event in everything if event.get("e") == theirs["e"]]
    assert ours
    assert compare(ours[0], theirs, name) == []

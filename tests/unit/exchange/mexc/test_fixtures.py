"""The box's messages have the fields and the types of recorded and documented ones."""

import json
import re
from pathlib import Path

import pytest

MEXC = Path(__file__).parents[5] / "shared" / "data" / "protocol" / "mexc_net"

pytestmark = pytest.mark.skipif(not MEXC.is_dir(), reason="the protocol fixtures are not there")

BTC = {"symbol": "BTC_USDT"}
ORDER = {**BTC, "side": 1, "vol": 1, "type": 5, "openType": 2}
PLAN = {**BTC, "side": 4, "vol": 1, "openType": 1, "triggerPrice": 50000, "triggerType": 2, "executeCycle": 1,
        "orderType": 5, "trend": 1}  # fmt: skip
ENDPOINTS = {
    "ExchangeData/GetSymbols": {}, "ExchangeData/GetSymbol": BTC, "ExchangeData/GetFundingRate": {},
    "ExchangeData/GetFundingRates": {}, "ExchangeData/GetRecentTrades": {}, "ExchangeData/GetTickers": {},
    "ExchangeData/GetMarkPrice": {}, "ExchangeData/GetIndexPrice": {}, "ExchangeData/GetFundingRateHistory": BTC,
    "Account/GetBalances": {}, "Account/GetFundingHistory": {}, "Account/GetLeverage": BTC,
    "Account/GetPositionMode": {}, "Account/GetTradingFees": BTC, "Account/SetPositionMode": {"positionMode": 2},
    "Account/SetLeverage": {**BTC, "openType": 1, "positionType": 1, "leverage": 10},
    "Trading/PlaceOrder": ORDER, "Trading/PlacePlanOrder": PLAN, "Trading/GetPositions": {},
    "Trading/GetOrder": {}, "Trading/GetOrderByClientOrderId": {}, "Trading/GetOpenOrders": {},
    "Trading/GetOrderHistory": {}, "Trading/GetOrderTrades": {}, "Trading/GetUserTrades": BTC,
    "Trading/GetTriggerOrders": {}, "Trading/CancelOrders": [1, 2],
    "Trading/CancelOrdersByClientOrderIds": [{**BTC, "externalOid": "waits"}], "Trading/CancelPlanOrders": [],
    "Trading/CancelAllOrders": BTC, "Trading/CancelAllPlannedOrders": BTC,
}  # fmt: skip
CHANNELS = ("Balance", "Book", "FundingRate", "IndexPrice", "Klines", "LiquidationRisk", "MarkPrice", "Order",
            "PartialBook", "PlanOrder", "Position", "Ticker", "Tickers", "Trades", "UserTrade")  # fmt: skip
OPTIONAL = {"orderId"}  # of a plan order that has not been executed
"""The examples of lists name every field with an empty value; ids are numbers in some and texts in others."""


def read(text):
    return json.loads(re.sub(r",(\s*[}\]])", r"\1", text))


def kind(value):
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else type(value).__name__


def compare(ours, theirs, where):
    """Nothing of theirs is missing, and what both have is of one type."""
    if isinstance(theirs, dict):
        missing = [f"{where}.{key} is missing" for key in theirs if key not in ours and key not in OPTIONAL]
        return missing + [p for key in theirs if key in ours for p in compare(ours[key], theirs[key], f"{where}.{key}")]
    if isinstance(theirs, list):
        if not isinstance(ours, list):
            return [f"{where}: {kind(ours)}, not a list"]
        return compare(ours[0], theirs[0], where + "[0]") if ours and theirs else []
    name = where.rsplit(".", 1)[-1]
    if theirs in (None, "") or kind(ours) == kind(theirs) or name.lower().endswith("id"):
        return []
    return [f"{where} is {ours!r}, there {theirs!r}"]


@pytest.fixture
def busy(client):
    """A position, a fill, a waiting order and a waiting stop."""
    client.number = client.order(1, openType=2, externalOid="in")
    client.order(1, openType=2, price=round(client.box.last * 0.95, 1), externalOid="waits")
    client.plan(4, 40_000, 2)
    return client


@pytest.mark.parametrize("name", ENDPOINTS)
def test_rest(busy, name):
    method, path, signed, text = (MEXC / "Endpoints/FuturesApi" / f"{name}.txt").read_text().split("\n", 3)
    params = ENDPOINTS[name]
    if "Funding" in name or "Recent" in name:
        busy.x.advance(busy.x.now + 8 * 3_600_000)
    path = path.strip().replace("/123", f"/{busy.number}" if "external" not in path else "/in")
    path = path.replace("ETH_USDT", "BTC_USDT") if "external" in path else path
    full = path if path.startswith("/api") else "/" + path
    assert signed.strip() == str(full.startswith("/api/v1/private")).lower()
    theirs = read(text)
    ours = busy.ask(method.strip(), full, params)
    assert ours["success"] is True, ours
    if isinstance(theirs.get("data"), dict) != isinstance(ours.get("data"), dict) and isinstance(ours["data"], list):
        ours = {**ours, "data": ours["data"][0]}
    assert compare({"message": "", **ours}, theirs, name) == []
    rows = ours.get("data")
    assert rows != [] or params == []  # a list with nothing in it has shown nothing


@pytest.mark.parametrize("name", CHANNELS)
def test_channels(busy, name):
    text = (MEXC / "Subscriptions/FuturesApi" / f"{name}.txt").read_text()
    theirs = read(text[text.index("\n{") :])
    asked = json.loads(re.search(r"> (\{.*)", text)[1])
    socket = busy.socket()
    if asked["method"] != "login":
        socket.say(asked["method"], **{**asked["param"], **({"symbol": "BTC_USDT"} if asked["param"] else {})})
        answer = json.loads(re.search(r"< (\{.*)", text)[1])
        assert compare(socket.received()[0], answer, name) == []
    busy.order(1, 1000, openType=2)
    busy.plan(4, 40_001, 2)
    events = socket.received()
    while busy.positions():  # down to the liquidation
        busy.price(round(busy.box.last * 0.999, 1))
        events += socket.received()
    ours = [e for e in events if e["channel"] == theirs["channel"]]
    assert ours, f"nothing of {theirs['channel']}"
    assert compare(ours[0], theirs, name) == []

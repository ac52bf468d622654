"""The box's messages have the fields and the types of recorded and documented ones."""

import json
from pathlib import Path

import pytest

PROTOCOL = Path(__file__).parents[4] / "shared" / "data" / "protocol"
CONNECTOR, NAUTILUS = PROTOCOL / "binance_connector", PROTOCOL / "nautilus_trader"

pytestmark = pytest.mark.skipif(not PROTOCOL.is_dir(), reason="the protocol fixtures are not there")

REST = [
    ("GET", "exchangeInfo", {}), ("GET", "time", {}), ("GET", "aggTrades", {"symbol": "BTCUSDT"}),
    ("GET", "depth", {"symbol": "BTCUSDT", "limit": 5}), ("GET", "ticker/24hr", {"symbol": "BTCUSDT"}),
    ("GET", "ticker/price", {"symbol": "BTCUSDT"}), ("GET", "ticker/bookTicker", {"symbol": "BTCUSDT"}),
    ("GET", "premiumIndex", {"symbol": "BTCUSDT"}), ("GET", "fundingRate", {"symbol": "BTCUSDT"}),
    ("GET", "fundingInfo", {}), ("GET", "openInterest", {"symbol": "BTCUSDT"}),
    ("GET", "trades", {"symbol": "BTCUSDT"}),
    ("GET", "/fapi/v2/account", {}), ("GET", "/fapi/v3/account", {}), ("GET", "/fapi/v2/balance", {}),
    ("GET", "/fapi/v3/balance", {}), ("GET", "accountConfig", {}), ("GET", "symbolConfig", {"symbol": "BTCUSDT"}),
    ("GET", "commissionRate", {"symbol": "BTCUSDT"}), ("GET", "income", {}), ("GET", "leverageBracket", {}),
    ("GET", "/fapi/v2/positionRisk", {}), ("GET", "/fapi/v3/positionRisk", {}), ("GET", "positionSide/dual", {}),
    ("GET", "multiAssetsMargin", {}), ("POST", "leverage", {"symbol": "BTCUSDT", "leverage": 7}),
    ("GET", "userTrades", {"symbol": "BTCUSDT"}), ("GET", "allOrders", {"symbol": "BTCUSDT"}),
    ("GET", "openOrders", {}), ("GET", "order", {"symbol": "BTCUSDT", "origClientOrderId": "waits"}),
    ("GET", "openOrder", {"symbol": "BTCUSDT", "origClientOrderId": "waits"}),
    ("GET", "openAlgoOrders", {}), ("GET", "allAlgoOrders", {"symbol": "BTCUSDT"}),
    ("GET", "algoOrder", {"clientAlgoId": "stop"}), ("DELETE", "algoOrder", {"clientAlgoId": "stop"}),
    ("DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": "waits"}),
    ("POST", "order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}),
    ("POST", "countdownCancelAll", {"symbol": "BTCUSDT", "countdownTime": 1000}),
    ("DELETE", "allOpenOrders", {"symbol": "BTCUSDT"}), ("DELETE", "algoOpenOrders", {"symbol": "BTCUSDT"}),
    ("POST", "listenKey", {}), ("PUT", "listenKey", {}),
]  # fmt: skip

OPTIONAL = {
    # of delivery contracts, of other order types, of error answers, or shown only at times
    "cumBase", "baseQty", "pair", "activatePrice", "priceRate", "code", "msg", "callbackRate", "isRPITrade", "feeBurn",
    "actualType", "actualQty", "modifyId", "rpiCommissionRate", "rm", "ap", "aq", "act", "ia", "AP", "cr", "N", "n",
    "M", "er", "W", "rateType", "limit", "notional", "multiplierUp", "multiplierDown", "multiplierDecimal", "maxQty",
    "minQty", "stepSize", "maxPrice", "minPrice", "tickSize", "isAutoAddMargin",
    "AccountConfigUpdate.ai", "AccountUpdateA.S",
}  # fmt: skip


def kind(value):
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def compare(ours, theirs, where):
    """Nothing of theirs is missing, and what both have is of one type."""
    if isinstance(theirs, dict):
        if not isinstance(ours, dict):
            return [f"{where}: {kind(ours)}, not an object"]
        missing = [f"{where}.{key} is missing" for key in theirs if key not in ours and key not in OPTIONAL]
        return missing + [p for key in theirs if key in ours for p in compare(ours[key], theirs[key], f"{where}.{key}")]
    if isinstance(theirs, list):
        if not isinstance(ours, list):
            return [f"{where}: {kind(ours)}, not a list"]
        return compare(ours[0], theirs[0], where + "[0]") if ours and theirs else []
    if theirs in (None, "None", "") or ours is None or kind(ours) == kind(theirs):
        return []
    return [f"{where} is {ours!r}, there {theirs!r}"]


@pytest.fixture
def busy(box):
    """A box with a position, a fill, a waiting order and a waiting stop."""
    box.order()
    box.order(price="59000", newClientOrderId="waits")
    box.algo(quantity="0.01", triggerPrice="50000", clientAlgoId="stop", reduceOnly=True)
    box.ok("POST", "listenKey")
    return box


@pytest.fixture(scope="module")
def examples():
    out = {}
    for row in json.loads((CONNECTOR / "usds_futures_rest_api.json").read_text()):
        out.setdefault((row["method"], row["path"]), row["response"])
    return out


@pytest.mark.parametrize(("method", "path", "params"), REST, ids=lambda value: str(value)[:30])
def test_rest(busy, examples, method, path, params):
    full = path if path.startswith("/") else f"/fapi/v1/{path}"
    ours, theirs = busy.ok(method, path, **params), examples[method, full]
    if isinstance(ours, list) != isinstance(theirs, list):  # one row for a symbol, or all
        ours, theirs = ([x] if not isinstance(x, list) else x for x in (ours, theirs))
    assert compare(ours, theirs, full) == []


def models():
    text = (CONNECTOR / "stream_event_models.json").read_text()
    return json.loads(text)["derivatives_trading_usds_futures/websocket_streams"]


TYPES = {"StrictInt": int, "StrictStr": str, "StrictBool": bool}


def against_model(event, name, all_models, where=""):
    """Every field is one of the model's, and of its type."""
    model, problems = all_models[name], []
    for key, value in event.items():
        if key == "e":
            continue
        if key not in model:
            problems.append(f"{where}{name}.{key} is not in the model")
            continue
        declared = model[key].removeprefix("List[")
        rows = value if isinstance(value, list) else [value]
        if declared in TYPES:
            problems += [f"{name}.{key} is {v!r}" for v in rows if type(v) is not TYPES[declared]]
        elif declared in all_models:
            problems += [p for v in rows for p in against_model(v, declared, all_models)]
    return problems + [
        f"{name}.{key} is missing" for key in model if key not in event and not {key, f"{name}.{key}"} & OPTIONAL
    ]


EVENTS = {
    "ORDER_TRADE_UPDATE": "OrderTradeUpdate", "ACCOUNT_UPDATE": "AccountUpdate", "ALGO_UPDATE": "AlgoUpdate",
    "TRADE_LITE": "TradeLite", "MARGIN_CALL": "MarginCall", "ACCOUNT_CONFIG_UPDATE": "AccountConfigUpdate",
    "listenKeyExpired": "ListenKeyExpired", "CONDITIONAL_ORDER_TRIGGER_REJECT": "ConditionalOrderTriggerReject",
    "kline": "KlineCandlestickStreamsResponse", "aggTrade": "AggregateTradeStreamsResponse",
    "bookTicker": "IndividualSymbolBookTickerStreamsResponse", "depthUpdate": "DiffBookDepthStreamsResponse",
    "markPriceUpdate": "MarkPriceStreamResponse", "24hrTicker": "IndividualSymbolTickerStreamsResponse",
    "24hrMiniTicker": "IndividualSymbolMiniTickerStreamResponse", "forceOrder": "LiquidationOrderStreamsResponse",
    "continuous_kline": "ContinuousContractKlineCandlestickStreamsResponse",
}  # fmt: skip
STREAMS = ["kline_1m", "aggTrade", "bookTicker", "depth", "markPrice", "ticker", "miniTicker", "forceOrder"]


@pytest.fixture
def everything(box):
    """One event of each kind at least."""
    socket = box.user()
    market = box.listen(*(f"btcusdt@{name}" for name in STREAMS), "btcusdt_perpetual@continuousKline_1m")
    box.ok("POST", "leverage", symbol="BTCUSDT", leverage=50)
    box.order("BUY", "5")
    box.algo(kind="TRAILING_STOP_MARKET", quantity="0.01", callbackRate="5", reduceOnly=True)
    box.algo("BUY", "STOP_MARKET", quantity="0.01", triggerPrice="61000", reduceOnly=True)
    box.algo("SELL", "TAKE_PROFIT_MARKET", quantity="0.01", triggerPrice="60900", reduceOnly=True)
    box.price("61100")
    price = float(box.ok("GET", "/fapi/v3/positionRisk")[0]["liquidationPrice"])
    box.ok("DELETE", "algoOpenOrders", symbol="BTCUSDT")
    box.price(round(price + 20, 1))
    box.price(round(price - 20, 1))
    box.x.expire_listen_key(box.account)
    return socket.received() + market.received()


def test_events_are_those_of_the_models(everything):
    kinds, all_models = {event["e"] for event in everything}, models()
    assert kinds == set(EVENTS)
    extra_of_liquidation = {"ps", "st"}  # in the model of the all-market stream only
    problems = set()
    for event in everything:
        shown = {k: v for k, v in event.items() if event["e"] != "forceOrder" or k not in extra_of_liquidation}
        problems.update(against_model(shown, EVENTS[event["e"]], all_models))
    assert problems == set()


RECORDED = sorted(
    path
    for folder in (
        "adapter_crate/futures/user_data_json",
        "integration/ws_messages",
        "adapter_crate/futures/market_data_json",
    )
    for path in (NAUTILUS / folder).glob("*.json")
    if folder != "integration/ws_messages" or path.name.startswith("ws_futures")
)


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_recorded_events(everything, path):
    theirs = json.loads(path.read_text())
    theirs = theirs.get("data", theirs)
    if theirs["e"] == "trade":
        pytest.skip("the undocumented trade stream")
    body = theirs.get("o", {})
    ours = [e for e in everything if e["e"] == theirs["e"] and ("X" not in body or e["o"]["X"] == body["X"])]
    ours = ours or [e for e in everything if e["e"] == theirs["e"]]
    assert ours
    assert min((compare(event, theirs, theirs["e"]) for event in ours), key=len) == []

"""Messages and answers that were recorded or documented are understood, whole."""

import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest

from triplane.data.binance import find_market, instrument_of
from triplane.venues.base import (
    BalanceChange,
    Cause,
    Execution,
    Funding,
    MarginCall,
    OrderReport,
    OrderStatus,
    OrderType,
)
from triplane.venues.binance import codec
from triplane.venues.binance.failures import failure
from triplane.venues.errors import NotFound, Refused, Unknown

D = Decimal
PROTOCOL = Path(__file__).parents[5] / "shared" / "data" / "protocol"
CONNECTOR, NAUTILUS = PROTOCOL / "binance_connector", PROTOCOL / "nautilus_trader"
pytestmark = pytest.mark.skipif(not PROTOCOL.is_dir(), reason="the recorded messages are not there")


def recorded(name):
    return json.loads((NAUTILUS / "adapter_crate/futures" / f"{name}.json").read_text())


@pytest.mark.parametrize(
    ("name", "status", "fill", "cause"),
    [
        ("order_update_new", OrderStatus.OPEN, None, None),
        ("order_update_trade", OrderStatus.OPEN, "0.001", Cause.NONE),
        ("order_update_trade_partial", OrderStatus.OPEN, "0.001", Cause.NONE),
        ("order_update_calculated", OrderStatus.FILLED, "0.014", Cause.LIQUIDATION),
        ("order_update_calculated_pending", OrderStatus.OPEN, None, None),
        ("order_update_insurance", OrderStatus.FILLED, "0.020", Cause.LIQUIDATION),
        ("order_update_adl", OrderStatus.FILLED, "0.005", Cause.ADL),
        ("order_update_settlement", OrderStatus.FILLED, "0.010", Cause.SETTLEMENT),
        ("order_update_delivery", OrderStatus.FILLED, "1", Cause.SETTLEMENT),
    ],
)
def test_orders_of_the_stream(name, status, fill, cause):
    message = recorded(f"user_data_json/{name}")
    *fills, report = codec.events(message)
    assert (report.status, report.client_id) == (status, message["o"]["c"])
    assert [(f.quantity, f.cause, f.client_id) for f in fills] == ([(D(fill), cause, report.client_id)] if fill else [])
    for trade in fills:
        assert trade.price == D(message["o"]["L"])
        assert trade.trade_id == str(message["o"]["t"])
        assert trade.fee == D(message["o"].get("n", 0))


@pytest.mark.parametrize(("name", "status"), [("new", OrderStatus.OPEN), ("canceled", OrderStatus.CANCELLED)])
def test_conditional_orders_of_the_stream(name, status):
    (report,) = codec.events(recorded(f"user_data_json/algo_update_{name}"))
    assert (report.status, report.client_id, report.venue_id) == (status, "Q5xaq5EGKgXXa0fD7fs0Ip", "2148719")
    assert (report.child_id, report.trigger, report.type) == ("", D(750), OrderType.TAKE_PROFIT_MARKET)
    assert report.reason == ""


def test_balances_of_the_stream():
    (change,) = codec.events(recorded("user_data_json/account_update"))
    assert change == BalanceChange("USDT", D("122624.12345678"), "ORDER", 1_564_745_798_939)
    (change,) = codec.events(recorded("user_data_json/account_update_bnfcr"))
    assert change.asset == "BNFCR"
    assert codec.events(recorded("user_data_json/trade_lite")) == []


def example(method, path):
    rows = json.loads((CONNECTOR / "usds_futures_rest_api.json").read_text())
    return next(row["response"] for row in rows if (row["method"], row["path"]) == (method, path))


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "order"), ("GET", "order"), ("GET", "openOrder"), ("GET", "openOrders"), ("GET", "allOrders"),
     ("DELETE", "order"), ("PUT", "order")],
)  # fmt: skip
def test_orders_of_rest(method, path):
    answer = example(method, f"/fapi/v1/{path}")
    for row in answer if isinstance(answer, list) else [answer]:
        report = codec.order_report(row)
        assert (report.client_id, report.quantity) == (row["clientOrderId"], D(row["origQty"]))
        assert str(row["orderId"]) in (report.venue_id, report.child_id)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "algoOrder"), ("GET", "algoOrder"), ("GET", "openAlgoOrders"), ("GET", "allAlgoOrders")],
)
def test_conditional_orders_of_rest(method, path):
    answer = example(method, f"/fapi/v1/{path}")
    for row in answer if isinstance(answer, list) else [answer]:
        report = codec.algo_report(row)
        assert (report.client_id, report.venue_id) == (row["clientAlgoId"], str(row["algoId"]))
        assert (report.trigger, report.filled, report.child_id) == (D(750), 0, "")
        assert report.status is (OrderStatus.CANCELLED if row["algoStatus"] == "CANCELED" else OrderStatus.OPEN)


def test_fills_positions_and_balances_of_rest():
    fill = codec.fill(example("GET", "/fapi/v1/userTrades")[0])
    assert (fill.trade_id, fill.side, fill.price, fill.quantity) == ("698759", -1, D("7819.01"), D("0.002"))
    assert (fill.fee, fill.fee_asset, fill.maker) == (D("0.07819010"), "USDT", False)
    seen = codec.snapshot(
        1,
        ["ADAUSDT", "BTCUSDT", "BNBUSDT"],
        example("GET", "/fapi/v1/openAlgoOrders"),
        example("GET", "/fapi/v1/openOrders"),
        example("GET", "/fapi/v3/positionRisk"),
        example("GET", "/fapi/v3/balance"),
    )
    assert [(p.symbol, p.quantity) for p in seen.positions] == [("ADAUSDT", D(30))]
    assert [o.client_id for o in seen.orders] == ["MRumok0dkhrP4kCm12AHaB", "abc"]
    assert (seen.balance.wallet, seen.balance.available) == (D("122607.35137903"), D("23.72469206"))
    older = codec.position_report(recorded("http_json/position_risk")[0])
    assert (older.quantity, older.liquidation_price, older.margin_ratio) == (D("0.001"), D(45000), None)
    assert codec.algo_report(recorded("http_json/open_algo_orders")[0]).type is OrderType.STOP_MARKET
    assert codec.order_report(recorded("http_json/order_response")).price == D(50000)


def models():
    text = (CONNECTOR / "stream_event_models.json").read_text()
    return json.loads(text)["derivatives_trading_usds_futures/websocket_streams"]


def of_model(name, every):
    """A message with each field of a model."""
    values = {"StrictInt": 1, "StrictStr": "1", "StrictBool": True}
    out = {}
    for key, kind in every[name].items():
        inner = kind.removeprefix("List[")
        value = values[inner] if inner in values else of_model(inner, every)
        out[key] = [value] if kind.startswith("List[") else value
    return out


@pytest.mark.parametrize(
    ("model", "event", "change", "kinds"),
    [
        ("OrderTradeUpdate", "ORDER_TRADE_UPDATE", {"S": "BUY", "x": "TRADE", "X": "FILLED"}, [Execution, OrderReport]),
        ("OrderTradeUpdate", "ORDER_TRADE_UPDATE", {"S": "SELL", "x": "NEW", "X": "NEW"}, [OrderReport]),
        ("AlgoUpdate", "ALGO_UPDATE", {"S": "SELL", "X": "TRIGGERED"}, [OrderReport]),
        ("AccountUpdate", "ACCOUNT_UPDATE", {"m": "FUNDING_FEE"}, [Funding, BalanceChange]),
        ("MarginCall", "MARGIN_CALL", {}, [MarginCall]),
        ("ConditionalOrderTriggerReject", "CONDITIONAL_ORDER_TRIGGER_REJECT", {}, []),
        ("ListenKeyExpired", "listenKeyExpired", {}, []),
        ("TradeLite", "TRADE_LITE", {}, []),
    ],
)
def test_every_field_of_the_models_is_taken(model, event, change, kinds):
    message = of_model(model, models()) | {"e": event}
    (message.get("o") or message.get("a") or {}).update(change)
    decoded = codec.events(message)
    assert [type(e) for e in decoded] == kinds
    assert codec.events({"stream": "key", "data": message}) == decoded


def test_every_perpetual_of_a_whole_exchange_has_rules():
    path = PROTOCOL / "exchange_info" / "fapi_exchangeInfo_TESTNET_2025-03-06.json.gz"
    rows = json.loads(gzip.decompress(path.read_bytes()))["symbols"]
    markets = {
        row["symbol"]: {
            "id": row["symbol"], "active": row["status"] == "TRADING", "swap": True, "linear": True, "info": row,
        }
        for row in rows
    }  # fmt: skip
    traded = [r for r in rows if r["contractType"] == "PERPETUAL" and r["status"] == "TRADING"]
    assert len(traded) > 300
    for row in traded:
        rules = instrument_of(find_market(markets, row["symbol"], "usdm"))
        filters = {f["filterType"]: f for f in row["filters"]}
        assert rules.tick_size == D(filters["PRICE_FILTER"]["tickSize"])
        assert rules.lot_size == D(filters["LOT_SIZE"]["stepSize"])


def test_recorded_errors():
    """Each error that was recorded is an error here, and none of them a success or unknown."""
    routes = json.loads((PROTOCOL / "gocryptotrader" / "http.json").read_text())["routes"]
    answers = [row["data"] for methods in routes.values() for rows in methods.values() for row in rows]
    errors = [data for data in answers if isinstance(data, dict) and str(data.get("code", "")).startswith("-")]
    assert errors
    for data in errors:
        error = failure(400, data, {}, changing=True, now=0)
        assert isinstance(error, Refused | NotFound | Unknown)
        assert error.code == str(data["code"])

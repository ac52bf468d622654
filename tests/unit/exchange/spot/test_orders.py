"""Orders of every type, what is refused and in which words, cancelling and replacing, lists and history."""

import pytest

from triplane.exchange.spot.filters import MAX_ALGOS


def get(spot, client_id):
    return spot.ok("GET", "order", symbol="BTCUSDT", origClientOrderId=client_id)


@pytest.mark.parametrize(
    ("side", "kind", "more", "reach"),
    [
        ("BUY", "LIMIT", {"price": "59000"}, 58_990),
        ("BUY", "LIMIT_MAKER", {"price": "59000"}, 58_990),
        ("BUY", "STOP_LOSS", {"stopPrice": "60500"}, 60_510),
        ("BUY", "STOP_LOSS_LIMIT", {"stopPrice": "60500", "price": "60700"}, 60_510),
        ("BUY", "TAKE_PROFIT", {"stopPrice": "59500"}, 59_490),
        ("BUY", "TAKE_PROFIT_LIMIT", {"stopPrice": "59500", "price": "59700"}, 59_490),
        ("SELL", "LIMIT", {"price": "61000"}, 61_010),
        ("SELL", "STOP_LOSS", {"stopPrice": "59500"}, 59_490),
        ("SELL", "STOP_LOSS_LIMIT", {"stopPrice": "59500", "price": "59000"}, 59_490),
        ("SELL", "TAKE_PROFIT", {"stopPrice": "60500"}, 60_510),
        ("SELL", "TAKE_PROFIT_LIMIT", {"stopPrice": "60500", "price": "60000"}, 60_510),
    ],
)
def test_every_type_waits_and_fills(spot, side, kind, more, reach):
    spot.order(quantity="0.05")
    made = spot.order(side, "0.02", type=kind, newClientOrderId="o", **more)
    waiting = get(spot, "o")
    assert (waiting["status"], waiting["type"]) == ("NEW", kind)
    assert waiting["isWorking"] == ("stopPrice" not in more)
    assert [o["orderId"] for o in spot.ok("GET", "openOrders")] == [made["orderId"]]
    spot.price(reach)
    done = get(spot, "o")
    assert (done["status"], done["executedQty"], done["orderId"]) == ("FILLED", "0.02000000", made["orderId"])
    assert spot.ok("GET", "openOrders") == []


def test_a_triggered_limit_may_rest(spot):
    spot.order(quantity="0.02", type="STOP_LOSS_LIMIT", stopPrice="60500", price="60000", newClientOrderId="o")
    spot.price(60_600)
    assert (get(spot, "o")["status"], get(spot, "o")["isWorking"]) == ("NEW", True)
    spot.price(59_990)
    assert get(spot, "o")["cummulativeQuoteQty"] == "1200.00000000"


def test_a_market_order_fills_at_the_slipped_price(spot):
    fill = spot.order(quantity="0.01")["fills"][0]
    assert (fill["price"], fill["qty"]) == ("60003.00000000", "0.01000000")


def test_answers_are_as_long_as_they_are_asked_to_be(spot):
    assert set(spot.order(newOrderRespType="ACK")) == {
        "symbol", "orderId", "orderListId", "clientOrderId", "transactTime",
    }  # fmt: skip
    assert "fills" not in spot.order(newOrderRespType="RESULT")
    assert "fills" in spot.order(price="50000")
    assert "status" not in spot.order("SELL", "0.01", type="STOP_LOSS", stopPrice="50000")


def test_times_in_force(spot):
    assert spot.order(price="59000", timeInForce="IOC")["status"] == "EXPIRED"
    assert spot.order(price="61000", timeInForce="FOK")["status"] == "FILLED"


@pytest.mark.parametrize(
    ("order", "code", "text"),
    [
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "0"}, -1013, "Invalid quantity."),
        ({"quantity": "1e-2"}, -1100, None),
        ({"quantity": "-1"}, -1013, None),
        ({"price": "50000.01"}, -1013, "Filter failure: PRICE_FILTER"),
        ({"price": "1000"}, -1013, "Filter failure: PERCENT_PRICE_BY_SIDE"),
        ({"price": "50000.000000001"}, -1111, None),
        ({"symbol": "NONE"}, -1121, "Invalid symbol."),
        ({"side": "UP"}, -1117, None),
        ({"type": "STOP_MARKET"}, -1116, None),
        ({"price": "50000", "timeInForce": "GTX"}, -1115, None),
        ({"type": "MARKET", "price": "50000"}, -1106, None),
        ({"type": "LIMIT_MAKER", "price": "50000", "timeInForce": "GTC"}, -1106, None),
        ({"type": "STOP_LOSS"}, -1102, None),
        ({"newClientOrderId": "what is this"}, -1100, None),
        ({"type": "LIMIT_MAKER", "price": "61000"}, -2010, "Order would immediately match and take."),
        ({"type": "STOP_LOSS", "stopPrice": "59000"}, -2010, "Stop price would trigger immediately."),
        ({"type": "TAKE_PROFIT", "stopPrice": "61000"}, -2010, "Stop price would trigger immediately."),
    ],
)
def test_refusals(spot, order, code, text):
    found = spot.refused(**order)
    assert found[0] == code
    assert text in (None, found[1])
    assert spot.account.orders == {}


def test_a_client_id_is_unique_among_open_orders_alone(spot):
    spot.order(price="50000", newClientOrderId="same")
    assert spot.refused(price="50000", newClientOrderId="same") == (-2010, "Duplicate order sent.")
    spot.ok("DELETE", "order", symbol="BTCUSDT", origClientOrderId="same")
    assert spot.order(price="50000", newClientOrderId="same")["clientOrderId"] == "same"


def test_few_conditional_orders_may_wait(spot):
    for _ in range(MAX_ALGOS):
        spot.order(quantity="0.001", type="STOP_LOSS", stopPrice="70000")
    text = "Filter failure: MAX_NUM_ALGO_ORDERS"
    assert spot.refused(quantity="0.001", type="STOP_LOSS", stopPrice="70000") == (-1013, text)


def test_cancelling(spot):
    made = spot.order(price="50000", newClientOrderId="o")
    gone = spot.ok("DELETE", "order", symbol="BTCUSDT", orderId=made["orderId"], newClientOrderId="c")
    assert (gone["origClientOrderId"], gone["clientOrderId"], gone["status"]) == ("o", "c", "CANCELED")
    key = {"symbol": "BTCUSDT", "origClientOrderId": "o"}
    assert spot.refusal("DELETE", "order", **key) == (-2011, "Unknown order sent.")
    assert get(spot, "o")["status"] == "CANCELED"
    assert spot.refusal("GET", "order", symbol="BTCUSDT", origClientOrderId="no") == (-2013, "Order does not exist.")
    assert spot.refusal("GET", "order", symbol="ETHUSDT", orderId=made["orderId"])[0] == -2013


def test_cancelling_all_of_a_symbol(spot):
    assert spot.refusal("DELETE", "openOrders", symbol="BTCUSDT")[0] == -2011
    spot.order(price="50000")
    spot.order(quantity="0.001", type="STOP_LOSS", stopPrice="70000")
    assert [o["status"] for o in spot.ok("DELETE", "openOrders", symbol="BTCUSDT")] == ["CANCELED"] * 2
    assert spot.ok("GET", "openOrders") == []


def replacing(mode, old, **more):
    return {
        "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.0999", "stopPrice": "59500",
        "cancelReplaceMode": mode, "cancelOrigClientOrderId": old, **more,
    }  # fmt: skip


def test_a_stop_moves_by_replacing(spot):
    spot.order(quantity="0.1")
    spot.order("SELL", "0.0999", type="STOP_LOSS", stopPrice="59000", newClientOrderId="a")
    done = spot.ok("POST", "order/cancelReplace", **replacing("STOP_ON_FAILURE", "a", newClientOrderId="b"))
    assert (done["cancelResult"], done["newOrderResult"]) == ("SUCCESS", "SUCCESS")
    assert (get(spot, "a")["status"], get(spot, "b")["stopPrice"]) == ("CANCELED", "59500.00000000")
    assert spot.owns("BTC") == ("0.00000000", "0.09990000")


def test_replacing_that_fails(spot):
    spot.order(quantity="0.2", price="40000", newClientOrderId="a")
    status, body = spot.ask("POST", "order/cancelReplace", **replacing("STOP_ON_FAILURE", "none"))
    assert (status, body["code"], body["data"]["newOrderResult"]) == (400, -2022, "NOT_ATTEMPTED")
    status, body = spot.ask("POST", "order/cancelReplace", **replacing("ALLOW_FAILURE", "none"))
    assert (status, body["code"], body["data"]["newOrderResult"]) == (400, -2022, "FAILURE")
    assert get(spot, "a")["status"] == "NEW"
    assert spot.refusal("POST", "order/cancelReplace", **replacing("STOP_ON_FAILURE", "a", type="NONE"))[0] == -1116
    assert get(spot, "a")["status"] == "NEW"
    status, body = spot.ask("POST", "order/cancelReplace", **replacing("STOP_ON_FAILURE", "a"))
    assert (status, body["code"], body["data"]["cancelResult"]) == (409, -2021, "SUCCESS")
    assert body["data"]["newOrderResponse"]["code"] == -2010
    assert get(spot, "a")["status"] == "CANCELED"


def test_own_trades(spot):
    first = spot.order(quantity="0.01")
    spot.x.advance(spot.x.now + 3_600_000)
    last = spot.order(quantity="0.02")
    rows = spot.ok("GET", "myTrades", symbol="BTCUSDT")
    assert [r["orderId"] for r in rows] == [first["orderId"], last["orderId"]]
    assert spot.ok("GET", "myTrades", symbol="BTCUSDT", fromId=rows[1]["id"]) == rows[1:]
    assert spot.ok("GET", "myTrades", symbol="BTCUSDT", orderId=first["orderId"]) == rows[:1]
    assert spot.ok("GET", "myTrades", symbol="BTCUSDT", startTime=rows[1]["time"]) == rows[1:]
    assert spot.ok("GET", "myTrades", symbol="BTCUSDT", limit=1) == rows[1:]
    assert spot.ok("GET", "myTrades", symbol="ETHUSDT") == []
    day = {"startTime": spot.x.now - 86_400_001, "endTime": spot.x.now}
    assert spot.refusal("GET", "myTrades", symbol="BTCUSDT", **day)[0] == -1127
    assert spot.refusal("GET", "myTrades", symbol="BTCUSDT", fromId=1, startTime=1)[0] == -1128
    assert [o["orderId"] for o in spot.ok("GET", "allOrders", symbol="BTCUSDT")] == [r["orderId"] for r in rows]


def test_the_market(spot):
    info = spot.ok("GET", "exchangeInfo", symbol="BTCUSDT")["symbols"][0]
    kinds = {f["filterType"]: f for f in info["filters"]}
    assert (info["baseAsset"], info["quoteAsset"]) == ("BTC", "USDT")
    assert (kinds["LOT_SIZE"]["stepSize"], kinds["NOTIONAL"]["minNotional"]) == ("0.00001000", "5.00000000")
    assert len(spot.ok("GET", "exchangeInfo", symbols='["BTCUSDT","ETHUSDT"]')["symbols"]) == 2
    assert spot.refusal("GET", "exchangeInfo", symbols='["NONE"]')[0] == -1121
    assert len(spot.ok("GET", "klines", symbol="BTCUSDT", interval="1m", limit=5000)) == 1000
    assert spot.ok("GET", "ticker/price", symbol="BTCUSDT") == {"symbol": "BTCUSDT", "price": "60000.0"}
    best = spot.ok("GET", "ticker/bookTicker", symbol="BTCUSDT")
    book = spot.ok("GET", "depth", symbol="BTCUSDT", limit=5)
    assert [best["bidPrice"], best["bidQty"]] == book["bids"][0]
    assert spot.ok("GET", "ticker/24hr", symbol="BTCUSDT")["askPrice"] == best["askPrice"]
    assert len(spot.ok("GET", "ticker/price")) == 2


def test_the_listen_key_is_gone(spot):
    for method in ("POST", "PUT", "DELETE"):
        assert spot.ask(method, "userDataStream")[0] == 410


def test_limits_are_its_own(spot):
    spot.ok("GET", "account")
    assert spot.box.reply.headers["x-mbx-used-weight-1m"] == "20"
    spot.order()
    assert spot.box.reply.headers["x-mbx-order-count-10s"] == "1"
    assert spot.box.reply.headers["x-mbx-order-count-1d"] == "1"
    spot.box.ok("GET", "ping")
    assert spot.box.reply.headers["x-mbx-used-weight-1m"] == "1"
    for _ in range(99):
        spot.ask("POST", "order")
    status, body = spot.ask("POST", "order")
    assert (status, body["code"]) == (429, -1015)


def test_the_key_may_trade_spot(spot):
    assert spot.box.ok("GET", "/sapi/v1/account/apiRestrictions")["enableSpotAndMarginTrading"] is True
    assert spot.box.ask("GET", "/api/v3/account", secret="wrong")[1]["code"] == -1022
    assert spot.box.ask("GET", "/api/v3/account", key="none")[0] == 401


def test_assets_of_which_nothing_is_owned_are_shown_unless_unwanted(spot):
    assert [r["asset"] for r in spot.ok("GET", "account")["balances"]] == ["USDT", "BTC", "ETH"]
    assert [r["asset"] for r in spot.ok("GET", "account", omitZeroBalances="true")["balances"]] == ["USDT"]

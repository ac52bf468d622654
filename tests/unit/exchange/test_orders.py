"""What is accepted, refused, filled and said."""

import pytest

from triplane.exchange.limits import ORDERS_10S, STRIKES, WEIGHT

FILLED = ["TRADE_LITE", "ACCOUNT_UPDATE", ("ORDER_TRADE_UPDATE", "TRADE")]


def test_a_market_order_is_said_in_order_and_acknowledged_without_its_price(box):
    socket = box.user()
    ack = box.order()
    assert (ack["status"], ack["executedQty"]) == ("NEW", "0.000")
    assert not {"avgPrice", "cumQuote"} & set(ack)
    assert socket.summary() == [("ORDER_TRADE_UPDATE", "NEW"), *FILLED]
    found = box.ok("GET", "order", symbol="BTCUSDT", orderId=ack["orderId"])
    assert (found["status"], found["avgPrice"]) == ("FILLED", "60003.00000")  # 0.005 % against us
    assert box.order(newOrderRespType="RESULT")["status"] == "FILLED"


def test_a_limit_waits_until_the_market_trades_through_it(box):
    order = box.order(price="59990.0")
    box.price("59990.0")
    assert box.ok("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "NEW"
    box.price("59980.0")
    fill = box.account.fills[-1]
    assert (fill.maker, fill.ticks) == (True, 599_900)  # at its own price, not at the trade's


def test_a_limit_that_takes_pays_the_taker_fee_at_the_best_price(box):
    box.order(price="60100.0")
    fill = box.account.fills[-1]
    assert (fill.maker, fill.ticks, str(fill.fee)) == (False, 600_030, "0.30001500")


def test_times_in_force(box):
    for tif in ("IOC", "FOK"):
        order = box.order(price="59000.0", timeInForce=tif)
        assert box.ok("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "EXPIRED"
    assert box.code("POST", "order", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTX", quantity="0.01",
                     price="60100") == -5022  # fmt: skip
    soon = box.x.now + 700_000
    order = box.order(price="59000.0", timeInForce="GTD", goodTillDate=soon)
    box.x.advance(soon + 60_000)
    assert box.ok("GET", "order", symbol="BTCUSDT", orderId=order["orderId"])["status"] == "EXPIRED"


def test_amending(box):
    socket = box.user()
    order = box.order(price="59000.0")
    changed = box.ok(
        "PUT", "order", symbol="BTCUSDT", orderId=order["orderId"], side="BUY", quantity="0.02", price="59100"
    )
    assert (changed["origQty"], changed["price"]) == ("0.020", "59100.0")
    assert socket.summary()[-1] == ("ORDER_TRADE_UPDATE", "AMENDMENT")
    same = {"symbol": "BTCUSDT", "orderId": order["orderId"], "side": "BUY", "quantity": "0.02", "price": "59100"}
    assert box.code("PUT", "order", **same) == -5027
    box.ok("DELETE", "order", symbol="BTCUSDT", orderId=order["orderId"])
    assert box.account.reserved == 0


LIMIT = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "type": "LIMIT",
    "timeInForce": "GTC",
    "quantity": "0.01",
    "price": "59000",
}
STOP = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET", "quantity": "0.01",
        "triggerPrice": "59000"}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "NOPE"}, -1121), ({"side": "HOLD"}, -1117), ({"type": "ICEBERG"}, -1116), ({"type": "STOP"}, -4120),
        ({"quantity": "0.01699999"}, -1111), ({"quantity": "0"}, -4003), ({"quantity": "1e-3"}, -1100),
        ({"quantity": "99999"}, -4005), ({"price": "59000.05"}, -4014), ({"price": "59000.005"}, -1111),
        ({"price": "0"}, -4001), ({"price": "200000"}, -4016), ({"price": "10"}, -4024), ({"price": ""}, -1102),
        ({"timeInForce": ""}, -1102), ({"timeInForce": "DAY"}, -1115), ({"quantity": "0.001"}, -4164),
        ({"quantity": "100"}, -2019), ({"reduceOnly": "true"}, -2022), ({"positionSide": "LONG"}, -4061),
        ({"newClientOrderId": "no spaces"}, -4015), ({"newClientOrderId": "x" * 37}, -4015),
        ({"timestamp": ""}, -1102), ({"timestamp": "1"}, -1021),
    ],
)  # fmt: skip
def test_what_an_order_is_refused_with(box, change, code):
    assert box.code("POST", "order", **{**LIMIT, **change}) == code
    assert box.account.orders == {}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"algoType": "VP"}, -1130), ({"type": "MARKET"}, -1116), ({"triggerPrice": "61000"}, -2021),
        ({"triggerPrice": ""}, -1102), ({"closePosition": "true"}, -4137), ({"type": "STOP"}, -1102),
        ({"closePosition": "true", "quantity": "", "reduceOnly": "true"}, -1106), ({"quantity": ""}, -1102),
        ({"type": "TRAILING_STOP_MARKET"}, -1102), ({"type": "TRAILING_STOP_MARKET", "callbackRate": "11"}, -1130),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "1", "quantity": "", "closePosition": "true"}, -4136),
    ],
)  # fmt: skip
def test_what_a_conditional_order_is_refused_with(box, change, code):
    assert box.code("POST", "algoOrder", **{**STOP, **change}) == code
    assert box.account.algos == {}


def test_only_open_orders_count_as_duplicates(box):
    box.order(price="59000", newClientOrderId="same")
    assert box.code("POST", "order", **LIMIT, newClientOrderId="same") == -4116
    box.ok("DELETE", "order", symbol="BTCUSDT", origClientOrderId="same")
    box.order(newClientOrderId="same")  # fills at once, so that a repetition is a second trade
    box.order(newClientOrderId="same")
    assert len(box.account.fills) == 2


def test_small_exits_are_never_refused(box):
    box.order()
    assert box.code("POST", "order", **{**LIMIT, "side": "SELL", "quantity": "0.001", "price": "61000"}) == -4164
    box.order("SELL", "0.001", reduceOnly=True)
    box.algo(closePosition=True, triggerPrice="59000")
    assert box.account.state()["positions"][0]["quantity"] == "0.009"


def test_reduce_only_never_turns_a_position(box):
    box.order()
    resting = box.order("SELL", "0.01", price="61000", reduceOnly=True)
    box.order("SELL", "5", reduceOnly=True)
    assert box.account.positions == {}
    assert box.ok("GET", "order", symbol="BTCUSDT", orderId=resting["orderId"])["status"] == "EXPIRED"


def test_hedge_mode(box):
    box.ok("POST", "positionSide/dual", dualSidePosition=True)
    assert box.code("POST", "positionSide/dual", dualSidePosition=True) == -4059
    assert box.code("POST", "order", **LIMIT) == -4061
    box.order("BUY", "0.02", positionSide="LONG")
    box.order("SELL", "0.01", positionSide="SHORT")
    assert {side: p.lots for (_, side), p in box.account.positions.items()} == {"LONG": 20, "SHORT": -10}
    assert box.code("POST", "order", **LIMIT, positionSide="LONG", reduceOnly=True) == -1106
    assert box.code("POST", "positionSide/dual", dualSidePosition=False) == -4068
    box.order("SELL", "0.05", positionSide="LONG")  # closes, never turns
    assert ("BTCUSDT", "LONG") not in box.account.positions


def test_batches_answer_each_for_itself(box):
    import orjson

    rows = orjson.dumps([{**LIMIT, "newClientOrderId": "a"}, {**LIMIT, "quantity": "0"}]).decode()
    first, second = box.ok("POST", "batchOrders", batchOrders=rows)
    assert (first["status"], second["code"]) == ("NEW", -4003)
    gone = box.ok("DELETE", "batchOrders", symbol="BTCUSDT", origClientOrderIdList='["a","b"]')
    assert (gone[0]["status"], gone[1]["code"]) == ("CANCELED", -2011)


def test_the_dead_mans_switch_leaves_conditional_orders(box):
    box.order()
    box.order(price="59000")
    box.algo(closePosition=True, triggerPrice="50000")
    box.ok("POST", "countdownCancelAll", symbol="BTCUSDT", countdownTime=5000)
    box.clock.jump(5001)
    box.x.tick()
    assert box.ok("GET", "openOrders") == []
    assert len(box.ok("GET", "openAlgoOrders")) == 1


def test_who_asks(box):
    assert box.ask("GET", "/fapi/v2/balance", key="")[1]["code"] == -2014
    assert box.ask("GET", "/fapi/v2/balance", key="nobody")[1]["code"] == -2015
    assert box.ask("GET", "/fapi/v2/balance", secret="wrong")[1]["code"] == -1022
    assert box.ask("GET", "nothing")[0] == 404
    box.x.skew = 5001
    assert box.code("GET", "/fapi/v2/balance", timestamp=box.clock.now_ms()) == -1021
    assert box.ok("GET", "/fapi/v2/balance", timestamp=box.clock.now_ms(), recvWindow=6000)


def test_weight_runs_out_then_bans(box):
    for _ in range(WEIGHT // 30):
        box.ok("GET", "income")
    assert box.reply.headers["x-mbx-used-weight-1m"] == str(WEIGHT)
    assert [box.ask("GET", "income")[0] for _ in range(STRIKES + 1)] == [429] * STRIKES + [418]
    box.clock.jump(60_000)
    assert box.ask("GET", "ping")[0] == 418
    assert int(box.reply.headers["retry-after"]) == 60
    box.clock.jump(61_000)
    assert box.ask("GET", "ping")[0] == 200


def test_orders_are_counted_by_account(box):
    for _ in range(ORDERS_10S):
        box.code("POST", "order", **{**LIMIT, "quantity": "0"})
    assert box.reply.headers["x-mbx-order-count-10s"] == str(ORDERS_10S)
    assert box.ask("POST", "order", **LIMIT)[0] == 429
    assert box.code("POST", "order", key="other", secret="s2", **{**LIMIT, "quantity": "0"}) == -4003


def test_old_orders_are_forgotten(box):
    unfilled, filled = box.order(price="30000", newClientOrderId="old"), box.order("BUY", "0.002")
    box.ok("DELETE", "order", symbol="BTCUSDT", orderId=unfilled["orderId"])
    box.x.advance(box.x.now + 4 * 86_400_000)
    assert box.code("GET", "order", symbol="BTCUSDT", origClientOrderId="old") == -2013
    assert box.ok("GET", "order", symbol="BTCUSDT", orderId=filled["orderId"])["status"] == "FILLED"

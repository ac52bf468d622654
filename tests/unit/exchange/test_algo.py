"""The life of a conditional order."""

import pytest

LIFE = [("ALGO_UPDATE", "TRIGGERING"), ("ALGO_UPDATE", "TRIGGERED"), ("ORDER_TRADE_UPDATE", "NEW"), "TRADE_LITE",
        "ACCOUNT_UPDATE", ("ORDER_TRADE_UPDATE", "TRADE"), ("ALGO_UPDATE", "FINISHED")]  # fmt: skip


def test_a_stop_from_new_to_finished(box):
    box.order()
    socket = box.user()
    algo = box.algo(closePosition=True, triggerPrice="59000", clientAlgoId="my-stop")
    assert socket.summary() == [("ALGO_UPDATE", "NEW")]
    box.price("59000.1")
    assert socket.summary() == []
    box.price("58900")
    events = socket.received()
    assert [(e["e"], e["o"].get("x", e["o"]["X"])) if "o" in e else e["e"] for e in events] == LIFE
    ids = [e["o"]["ai"] for e in events if e["e"] == "ALGO_UPDATE"]
    child = next(e["o"] for e in events if e["e"] == "ORDER_TRADE_UPDATE")
    assert ids == ["", str(child["i"]), str(child["i"])]
    assert (child["c"], child["o"], child["ot"], child["cp"]) == ("my-stop", "MARKET", "STOP_MARKET", True)
    assert events[-1]["o"]["aq"] == "0.010"
    assert box.account.fills[-1].ticks == 588_970  # the trade of 58,900 slipped, not the trigger: it was a gap
    found = box.ok("GET", "algoOrder", algoId=algo["algoId"])
    assert (found["algoStatus"], found["actualOrderId"]) == ("FINISHED", str(child["i"]))
    assert box.code("DELETE", "algoOrder", algoId=algo["algoId"]) == -2011


@pytest.mark.parametrize(
    ("kind", "side", "price", "to"),
    [("TAKE_PROFIT_MARKET", "SELL", "61000", "61001"), ("STOP_MARKET", "BUY", "61000", "61001"),
     ("TAKE_PROFIT_MARKET", "BUY", "59000", "58999")],
)  # fmt: skip
def test_triggers(box, kind, side, price, to):
    box.algo(side, kind, quantity="0.01", triggerPrice=price, workingType="MARK_PRICE")
    box.price(to)
    assert box.account.fills[-1].order.request.type == kind


def test_a_stop_limit_may_stay_unfilled(box):
    box.order()
    box.algo(kind="STOP", quantity="0.01", triggerPrice="59000", price="58990", timeInForce="GTC", reduceOnly=True)
    box.price("58000")
    algo = next(iter(box.account.algos.values()))
    assert (algo.status, algo.child.status) == ("TRIGGERED", "NEW")
    box.price("59100")
    assert (algo.status, algo.child.status) == ("FINISHED", "FILLED")


def test_a_trailing_stop_follows(box):
    box.order()
    box.algo(kind="TRAILING_STOP_MARKET", quantity="0.01", callbackRate="1", reduceOnly=True)
    for price in ("60500", "61000", "60395"):
        box.price(price)
        assert box.account.positions
    box.price("60389")
    assert box.account.positions == {}


def test_a_trailing_stop_waits_for_its_activation(box):
    box.order()
    box.algo(kind="TRAILING_STOP_MARKET", quantity="0.01", callbackRate="1", activatePrice="61000", reduceOnly=True)
    box.price("59000")
    assert box.account.positions
    box.price("61000")
    box.price("60000")
    assert box.account.positions == {}


def test_a_trigger_that_finds_nothing(box):
    socket = box.user()
    box.algo(closePosition=True, triggerPrice="59000")
    box.algo(quantity="0.01", triggerPrice="59000", reduceOnly=True)
    socket.received()
    box.price("58000")
    assert socket.summary() == [
        *(("ALGO_UPDATE", status) for status in ("TRIGGERING", "EXPIRED", "TRIGGERING", "REJECTED")),
        "CONDITIONAL_ORDER_TRIGGER_REJECT",
    ]


def test_one_closing_stop_a_direction_and_ten_in_all(box):
    box.order()
    box.algo(closePosition=True, triggerPrice="59000")
    again = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
    assert box.code("POST", "algoOrder", **again, closePosition=True, triggerPrice="59500") == -4130
    box.algo(kind="TAKE_PROFIT_MARKET", closePosition=True, triggerPrice="61000")
    for _ in range(8):
        box.algo(quantity="0.01", triggerPrice="59000", reduceOnly=True)
    assert box.code("POST", "algoOrder", **again, quantity="0.01", triggerPrice="59000") == -4045
    box.ok("DELETE", "algoOpenOrders", symbol="BTCUSDT")
    assert box.ok("GET", "openAlgoOrders") == []
    assert len(box.ok("GET", "allAlgoOrders", symbol="BTCUSDT")) == 10

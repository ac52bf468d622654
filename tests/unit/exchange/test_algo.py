"""The life of a conditional order."""

import pytest

LIFE = [("ALGO_UPDATE", "TRIGGERING"), ("ALGO_UPDATE", "TRIGGERED"), ("ORDER_TRADE_UPDATE", "NEW"), "TRADE_LITE",
        "ACCOUNT_UPDATE", ("ORDER_TRADE_UPDATE", "TRADE"), ("ALGO_UPDATE", "FINISHED")]  # fmt: skip


def test_a_stop_from_new_to_finished(desk):
    desk.order()
    ear = desk.user()
    algo = desk.algo(closePosition=True, triggerPrice="59000", clientAlgoId="my-stop")
    assert ear.said() == [("ALGO_UPDATE", "NEW")]
    desk.price("59000.1")
    assert ear.said() == []
    desk.price("58900")
    events = ear.heard()
    assert [(e["e"], e["o"].get("x", e["o"]["X"])) if "o" in e else e["e"] for e in events] == LIFE
    ids = [e["o"]["ai"] for e in events if e["e"] == "ALGO_UPDATE"]
    child = next(e["o"] for e in events if e["e"] == "ORDER_TRADE_UPDATE")
    assert ids == ["", str(child["i"]), str(child["i"])]
    assert (child["c"], child["o"], child["ot"], child["cp"]) == ("my-stop", "MARKET", "STOP_MARKET", True)
    assert events[-1]["o"]["aq"] == "0.010"
    assert desk.account.fills[-1].ticks == 588_970  # the trade of 58,900 slipped, not the trigger: it was a gap
    found = desk.ok("GET", "algoOrder", algoId=algo["algoId"])
    assert (found["algoStatus"], found["actualOrderId"]) == ("FINISHED", str(child["i"]))
    assert desk.code("DELETE", "algoOrder", algoId=algo["algoId"]) == -2011


@pytest.mark.parametrize(
    ("kind", "side", "price", "to"),
    [("TAKE_PROFIT_MARKET", "SELL", "61000", "61001"), ("STOP_MARKET", "BUY", "61000", "61001"),
     ("TAKE_PROFIT_MARKET", "BUY", "59000", "58999")],
)  # fmt: skip
def test_triggers(desk, kind, side, price, to):
    desk.algo(side, kind, quantity="0.01", triggerPrice=price, workingType="MARK_PRICE")
    desk.price(to)
    assert desk.account.fills[-1].order.request.type == kind


def test_a_stop_limit_may_stay_unfilled(desk):
    desk.order()
    desk.algo(kind="STOP", quantity="0.01", triggerPrice="59000", price="58990", timeInForce="GTC", reduceOnly=True)
    desk.price("58000")
    algo = next(iter(desk.account.algos.values()))
    assert (algo.status, algo.child.status) == ("TRIGGERED", "NEW")
    desk.price("59100")
    assert (algo.status, algo.child.status) == ("FINISHED", "FILLED")


def test_a_trailing_stop_follows(desk):
    desk.order()
    desk.algo(kind="TRAILING_STOP_MARKET", quantity="0.01", callbackRate="1", reduceOnly=True)
    for price in ("60500", "61000", "60395"):
        desk.price(price)
        assert desk.account.positions
    desk.price("60389")
    assert desk.account.positions == {}


def test_a_trailing_stop_waits_for_its_activation(desk):
    desk.order()
    desk.algo(kind="TRAILING_STOP_MARKET", quantity="0.01", callbackRate="1", activatePrice="61000", reduceOnly=True)
    desk.price("59000")
    assert desk.account.positions
    desk.price("61000")
    desk.price("60000")
    assert desk.account.positions == {}


def test_a_trigger_that_finds_nothing(desk):
    ear = desk.user()
    desk.algo(closePosition=True, triggerPrice="59000")
    desk.algo(quantity="0.01", triggerPrice="59000", reduceOnly=True)
    ear.heard()
    desk.price("58000")
    assert ear.said() == [("ALGO_UPDATE", "TRIGGERING"), ("ALGO_UPDATE", "EXPIRED"), ("ALGO_UPDATE", "TRIGGERING"),
                          ("ALGO_UPDATE", "REJECTED"), "CONDITIONAL_ORDER_TRIGGER_REJECT"]  # fmt: skip


def test_one_closing_stop_a_direction_and_ten_in_all(desk):
    desk.order()
    desk.algo(closePosition=True, triggerPrice="59000")
    again = {"algoType": "CONDITIONAL", "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_MARKET"}
    assert desk.code("POST", "algoOrder", **again, closePosition=True, triggerPrice="59500") == -4130
    desk.algo(kind="TAKE_PROFIT_MARKET", closePosition=True, triggerPrice="61000")
    for _ in range(8):
        desk.algo(quantity="0.01", triggerPrice="59000", reduceOnly=True)
    assert desk.code("POST", "algoOrder", **again, quantity="0.01", triggerPrice="59000") == -4045
    desk.ok("DELETE", "algoOpenOrders", symbol="BTCUSDT")
    assert desk.ok("GET", "openAlgoOrders") == []
    assert len(desk.ok("GET", "allAlgoOrders", symbol="BTCUSDT")) == 10

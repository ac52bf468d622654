"""What goes wrong on request."""

import pytest

from triplane.errors import BadInput
from triplane.exchange.faults import parse

ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01", "newClientOrderId": "one"}
LOST = ["timeout", "reset", "500", "502", "503", "504", "-1006", "-1007"]


def script(box, *rows):
    box.x.add_faults(parse(list(rows)))


@pytest.mark.parametrize("what", LOST)
@pytest.mark.parametrize("accepted", [True, False])
def test_an_answer_is_lost_after_or_before_the_order(box, what, accepted):
    script(box, {"when": "POST /fapi/v1/order", "what": what, "accepted": accepted})
    status, _ = box.ask("POST", "order", **ORDER)
    assert status != 200 or box.reply.lost
    found = box.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="one")
    assert found[1].get("status", found[1].get("code")) == ("FILLED" if accepted else -2013)
    assert len(box.account.fills) == int(accepted)


@pytest.mark.parametrize(("what", "status"), [("429", 429), ("418", 418), ("-1008", 503)])
def test_a_refusal_is_one(box, what, status):
    script(box, {"when": "POST /fapi/v1/order", "what": what, "seconds": 30})
    assert box.ask("POST", "order", **ORDER)[0] == status
    assert box.account.orders == {}
    banned = box.ask("GET", "ping")[0] == 418
    assert banned == (what == "418")


def test_conditions_times_and_skips(box):
    script(
        box,
        {"when": {"request": "* /fapi/v1/*", "symbol": "BTC*", "side": "SELL"}, "what": "503", "times": 2, "skip": 1},
    )
    results = [
        box.ask("POST", "order", **{**ORDER, "side": side})[0] for side in ("SELL", "BUY", "SELL", "SELL", "SELL")
    ]
    assert results == [200, 200, 503, 503, 200]


def test_an_accepted_order_is_not_found_for_a_while(box):
    script(box, {"when": "POST /fapi/v1/algoOrder", "what": "hide", "seconds": 2400})
    algo = box.algo(quantity="0.01", triggerPrice="50000", clientAlgoId="hidden")
    for _ in range(2):
        assert box.code("GET", "algoOrder", clientAlgoId="hidden") == -2013
        assert box.code("DELETE", "algoOrder", algoId=algo["algoId"]) == -2011
        assert box.ok("GET", "openAlgoOrders") == []
        box.clock.jump(1_199_000)
    box.clock.jump(2_000)
    assert box.ok("GET", "algoOrder", clientAlgoId="hidden")["algoStatus"] == "NEW"


def test_partial_fills(box):
    script(box, {"when": "POST /fapi/v1/order", "what": "partial", "parts": [0.25, 0.5]})
    socket = box.user()
    box.order(quantity="0.02")
    assert [f.lots for f in box.account.fills] == [5]
    box.price("60010")
    box.price("60020")
    assert [f.lots for f in box.account.fills] == [5, 10, 5]
    states = [e["o"]["X"] for e in socket.received() if e["e"] == "ORDER_TRADE_UPDATE"]
    assert states == ["NEW", "PARTIALLY_FILLED", "PARTIALLY_FILLED", "FILLED"]


def test_events_are_lost_doubled_reordered_and_late(box):
    fill = {"event": "ORDER_TRADE_UPDATE", "x": "TRADE"}
    for what, received in (
        ("drop", ["NEW", "TRADE_LITE"]),
        ("duplicate", ["NEW", "TRADE_LITE", "TRADE", "TRADE"]),
    ):
        script(box, {"when": fill, "what": what}, {"when": "ACCOUNT_UPDATE", "what": "drop"})
        socket = box.user()
        box.order()
        assert [e["o"]["x"] if "o" in e else e["e"] for e in socket.received()] == received
    script(box, {"when": {"event": "ORDER_TRADE_UPDATE", "x": "NEW"}, "what": "reorder"})
    socket = box.user()
    box.order()
    assert socket.summary()[:2] == ["TRADE_LITE", ("ORDER_TRADE_UPDATE", "NEW")]
    script(box, {"when": fill, "what": "delay", "seconds": 5})
    box.order()
    assert ("ORDER_TRADE_UPDATE", "TRADE") not in socket.summary()
    box.clock.jump(5_000)
    box.x.tick()
    assert socket.summary() == [("ORDER_TRADE_UPDATE", "TRADE")]


def test_sockets_are_dropped_and_muted_and_the_key_expires_during_a_fill(box):
    socket, public = box.user(), box.listen("btcusdt@aggTrade", route="market")
    script(box, {"when": "now", "what": "mute", "route": "market", "seconds": 10})
    box.price("60001")
    assert public.received() == []
    assert box.listen("btcusdt@aggTrade", route="market").received() == []
    box.clock.jump(10_000)
    box.price("60002")
    assert len(public.received()) == 1
    script(box, {"when": "TRADE_LITE", "what": "expire_listen_key"})
    box.order()
    assert socket.summary() == [("ORDER_TRADE_UPDATE", "NEW"), "listenKeyExpired"]
    script(box, {"when": "now", "what": "drop_sockets", "code": 1006})
    assert public.closed == 1006
    assert box.x.hub.connections == set()


def test_clock_skew(box):
    script(box, {"when": "GET /fapi/v1/ping", "what": "skew", "milliseconds": -7000})
    box.ok("GET", "ping")
    assert box.ok("GET", "time")["serverTime"] == box.clock.now_ms() - 7000


def test_chance_is_seeded(make_box):
    def results():
        box = make_box(seed=5)
        script(box, {"when": "GET /fapi/v1/ping", "what": "503", "times": 0, "chance": 0.5})
        return [box.ask("GET", "ping")[0] for _ in range(40)]

    assert results() == results()
    assert set(results()) == {200, 503}


@pytest.mark.parametrize(
    "row",
    [{}, {"when": "now"}, {"when": "now", "what": "503"}, {"when": "x y", "what": "dance"}, {"when": 3, "what": "503"},
     {"when": "a b", "what": "503", "times": "two"}, {"when": "a b", "what": "503", "often": 1},
     {"when": {"request": "a", "event": "b"}, "what": "mute"}, "nothing"],
)  # fmt: skip
def test_scripts_that_make_no_sense(row):
    with pytest.raises(BadInput):
        parse([row])

"""User data through the WebSocket API, market streams in the form of spot, and faults on both."""

from itertools import pairwise

import pytest

from triplane.exchange.faults import parse


def script(spot, *rows):
    spot.x.add_faults(parse(list(rows)))


def short(events):
    return [(e["x"], e["X"]) if e["e"] == "executionReport" else e["e"] for e in events]


def test_ping_time_and_nonsense(spot):
    connection = spot.connection()
    assert connection.ask("ping")["result"] == {}
    assert connection.ask("time")["result"] == {"serverTime": spot.x.wall()}
    assert connection.ask("order.place")["status"] == 400
    connection.api.receive(connection.connection, "no json")
    assert connection.received()[0]["error"]["code"] == -1130


def test_subscribing(spot):
    connection = spot.connection()
    assert connection.subscribe(secret="wrong")["error"]["code"] == -1022
    assert connection.subscribe(key="none")["error"]["code"] == -2015
    assert connection.subscribe(timestamp=spot.x.wall() - 60_000)["error"]["code"] == -1021
    assert connection.subscribe(recvWindow=9000)["result"] == {"subscriptionId": 0}
    assert connection.subscribe()["error"]["code"] == -2035
    assert connection.subscribe(key="other", secret="s2")["result"] == {"subscriptionId": 1}
    assert connection.ask("session.subscriptions")["result"] == [{"subscriptionId": 0}, {"subscriptionId": 1}]
    assert connection.ask("userDataStream.unsubscribe", subscriptionId=7)["error"]["code"] == -2036
    spot.order()
    assert {m["subscriptionId"] for m in connection.received()} == {0}


def test_an_order_and_its_balances(spot):
    user = spot.user()
    made = spot.order(quantity="0.1", newClientOrderId="o")
    new, locked, trade, balance = user.events()
    assert (new["x"], new["w"], new["c"], new["i"]) == ("NEW", True, "o", made["orderId"])
    assert locked["B"][1] == {"a": "USDT", "f": "3999.70000000", "l": "6000.30000000"}
    assert (trade["x"], trade["X"], trade["n"], trade["N"]) == ("TRADE", "FILLED", "0.00010000", "BTC")
    assert (trade["l"], trade["L"], trade["t"]) == ("0.10000000", "60003.00000000", made["fills"][0]["tradeId"])
    assert balance["B"][0] == {"a": "BTC", "f": "0.09990000", "l": "0.00000000"}


def test_a_triggered_stop_keeps_its_id(spot):
    spot.order(quantity="0.1")
    user = spot.user()
    made = spot.order("SELL", "0.05", type="STOP_LOSS", stopPrice="59000", newClientOrderId="s")
    spot.price(58_990)
    reports = [e for e in user.events() if e["e"] == "executionReport"]
    assert [(e["x"], e["X"], e["w"]) for e in reports] == [
        ("NEW", "NEW", False), ("NEW", "NEW", True), ("TRADE", "FILLED", False),
    ]  # fmt: skip
    assert {(e["i"], e["c"], e["o"]) for e in reports} == {(made["orderId"], "s", "STOP_LOSS")}


def test_a_cancel_has_an_id_of_its_own(spot):
    user = spot.user()
    spot.order(price="50000", newClientOrderId="o")
    spot.ok("DELETE", "order", symbol="BTCUSDT", origClientOrderId="o", newClientOrderId="c")
    last = user.events()[-2]
    assert (last["x"], last["X"], last["c"], last["C"]) == ("CANCELED", "CANCELED", "c", "o")


def test_a_deposit(spot):
    user = spot.user()
    spot.dialect.deposit("k", "BTC", spot.dialect.listings["BTCUSDT"].lot)
    update, position = user.events()
    assert (update["e"], update["a"], update["d"]) == ("balanceUpdate", "BTC", "0.00001000")
    assert position["B"] == [{"a": "BTC", "f": "0.00001000", "l": "0.00000000"}]


def test_the_end_of_a_stream_is_told(spot):
    user = spot.user()
    script(spot, {"when": "now", "what": "expire_listen_key"})
    assert short(user.events()) == ["eventStreamTerminated"]
    spot.order()
    assert user.events() == []
    assert user.subscribe()["status"] == 200
    user.ask("userDataStream.unsubscribe")
    spot.order()
    assert user.events() == []


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("drop", [("NEW", "NEW"), "outboundAccountPosition", "outboundAccountPosition"]),
        (
            "duplicate",
            [("NEW", "NEW"), "outboundAccountPosition", *[("TRADE", "FILLED")] * 2, "outboundAccountPosition"],
        ),
        ("reorder", [("NEW", "NEW"), *["outboundAccountPosition"] * 2, ("TRADE", "FILLED")]),
    ],
)
def test_faults_of_events(spot, what, expected):
    user = spot.user()
    script(spot, {"when": {"event": "executionReport", "x": "TRADE"}, "what": what})
    spot.order()
    assert short(user.events()) == expected


def test_a_delayed_event(spot):
    user = spot.user()
    script(spot, {"when": {"event": "outboundAccountPosition"}, "what": "delay", "seconds": 5, "times": 0})
    spot.order()
    assert short(user.events()) == [("NEW", "NEW"), ("TRADE", "FILLED")]
    spot.x.clock.jump(6000)
    spot.x.tick()
    assert short(user.events()) == ["outboundAccountPosition"] * 2


@pytest.mark.parametrize(("what", "accepted"), [("timeout", True), ("timeout", False), ("503", False), ("-1007", True)])
def test_faults_of_orders(spot, what, accepted):
    script(spot, {"when": "POST /api/v3/order", "what": what, "accepted": accepted})
    spot.ask("POST", "order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.01", newClientOrderId="o")
    assert spot.box.reply.lost or spot.box.reply.status != 200
    found = spot.ask("GET", "order", symbol="BTCUSDT", origClientOrderId="o")[1]
    assert found.get("status", found.get("code")) == ("FILLED" if accepted else -2013)


def test_a_hidden_order(spot):
    script(spot, {"when": "POST /api/v3/order", "what": "hide", "seconds": 60})
    spot.order(price="50000", newClientOrderId="o")
    key = {"symbol": "BTCUSDT", "origClientOrderId": "o"}
    assert spot.refusal("GET", "order", **key)[0] == -2013
    assert spot.refusal("DELETE", "order", **key)[0] == -2011
    assert spot.ok("GET", "openOrders") == []
    spot.x.clock.jump(61_000)
    assert spot.ok("GET", "order", **key)["status"] == "NEW"


def test_faults_of_the_websocket_api(spot):
    connection = spot.connection()
    when = "WS userDataStream.subscribe.signature"
    script(spot, {"when": when, "what": "timeout"}, {"when": when, "what": "-1021"}, {"when": when, "what": "503"})
    assert connection.subscribe() is None
    assert connection.subscribe()["error"]["code"] == -1021
    assert connection.subscribe()["status"] == 503
    assert connection.subscribe()["error"]["code"] == -2035  # the first and the third were carried out
    script(spot, {"when": when, "what": "429", "seconds": 9}, {"when": when, "what": "reset", "accepted": False})
    assert connection.subscribe()["error"]["data"]["retryAfter"] == spot.x.wall() + 9000
    assert connection.subscribe() is None
    assert connection.closed == 1006


def test_mute_and_drop(spot):
    user = spot.user()
    script(spot, {"when": "now", "what": "mute", "route": "ws-api", "seconds": 60})
    spot.order()
    assert user.events() == []
    assert user.ask("ping")["status"] == 200
    script(spot, {"when": "now", "what": "drop_sockets", "route": "ws-api", "code": 1001})
    assert (user.closed, user.api.connections) == (1001, set())


def test_a_connection_lives_for_a_day(spot):
    user = spot.user()
    spot.x.clock.jump(86_400_000)
    spot.x.tick()
    assert user.closed == 1001


STREAMS = ["kline_1m", "aggTrade", "trade", "bookTicker", "depth@100ms", "depth5", "ticker", "miniTicker"]


def test_market_streams(spot):
    socket = spot.listen(*(f"btcusdt@{name}" for name in STREAMS), combined=True)
    spot.price(60_001)
    spot.price(60_002)
    received = {}
    for message in socket.received():
        received.setdefault(message["stream"], []).append(message["data"])
    assert set(received) == {f"btcusdt@{name}" for name in STREAMS}
    assert received["btcusdt@aggTrade"][0]["p"] == "60001.0"
    assert set(received["btcusdt@bookTicker"][0]) == {"u", "s", "b", "B", "a", "A"}
    first, second = received["btcusdt@depth@100ms"]
    assert second["U"] == first["u"] + 1 == spot.ok("GET", "depth", symbol="BTCUSDT")["lastUpdateId"]
    assert set(received["btcusdt@depth5"][0]) == {"lastUpdateId", "bids", "asks"}
    assert received["btcusdt@ticker"][0]["c"] == "60001.0"


def test_what_spot_does_not_have_stays_silent(spot):
    socket = spot.listen(
        "btcusdt@markPrice", "btcusdt@forceOrder", "btcusdt_perpetual@continuousKline_1m", "!bookTicker"
    )
    every = spot.listen("!miniTicker@arr")
    spot.price(60_001)
    assert socket.received() == []
    assert [row["s"] for row in every.received()[0]] == ["BTCUSDT", "ETHUSDT"]


def test_listening_to_spot_makes_no_gap_in_the_book_of_the_futures(spot):
    spot.listen("btcusdt@depth")
    futures = spot.box.listen("btcusdt@depth")
    for price in (60_001, 60_002, 60_003):
        spot.price(price)
    received = futures.received()
    assert all(b["pu"] == a["u"] for a, b in pairwise(received))

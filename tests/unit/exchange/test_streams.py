"""Sockets and listen keys."""

import orjson

from triplane.exchange.server import parse_path


def test_paths():
    key = "a" * 64
    assert parse_path("/ws/btcusdt@kline_1m", "") == ("", False, ["btcusdt@kline_1m"], frozenset())
    assert parse_path("/market/stream", "streams=a@b/c@d") == ("market", True, ["a@b", "c@d"], frozenset())
    assert parse_path("/private/ws", f"listenKey={key}&events=A/B") == ("private", False, [key], frozenset("AB"))
    assert parse_path("/elsewhere", "") is None


def test_subscribing_by_message(box):
    socket = box.listen()
    connection = next(iter(box.x.hub.connections))
    for number in (7, "seven", None):
        for method, wanted in (
            ("SUBSCRIBE", None),
            ("LIST_SUBSCRIPTIONS", ["btcusdt@aggTrade"]),
            ("UNSUBSCRIBE", None),
        ):
            message = {"method": method, "params": ["btcusdt@aggTrade"], "id": number}
            box.x.hub.receive(connection, orjson.dumps(message))
            assert socket.received() == [{"result": wanted, "id": number}]
            box.clock.jump(500)
    box.x.hub.receive(connection, b"{nonsense")
    assert "error" in socket.received()[0]
    for _ in range(11):
        box.x.hub.receive(connection, b'{"method":"LIST_SUBSCRIPTIONS","id":1}')
    assert socket.closed == 1008


def test_klines_close_and_equal_rest(box):
    socket = box.listen("btcusdt@kline_1m", "btcusdt@kline_5m", combined=True)
    box.x.advance(box.x.now + 600_000)
    closed = {}
    for message in socket.received():
        k = message["data"]["k"]
        if k["x"]:
            closed.setdefault(k["i"], []).append([k["t"], k["o"], k["h"], k["l"], k["c"], k["v"]])
    for interval, count in (("1m", 9), ("5m", 1)):
        rows = box.ok("GET", "klines", symbol="BTCUSDT", interval=interval, limit=1000)
        known = {row[0]: row[:6] for row in rows}
        assert len(closed[interval]) >= count
        assert all(known[row[0]] == row for row in closed[interval])


def test_depth_can_be_kept_from_the_differences(box):
    socket = box.listen("btcusdt@depth")
    snapshot = box.ok("GET", "depth", symbol="BTCUSDT", limit=50)
    book = {side: dict(snapshot[side]) for side in ("bids", "asks")}
    last = snapshot["lastUpdateId"]
    for price in ("60010", "60500", "59000", "59001.5"):
        box.price(price)
        for event in socket.received():
            assert event["pu"] == last
            last = event["u"]
            for side, name in (("bids", "b"), ("asks", "a")):
                for level, size in event[name]:
                    book[side].pop(level, None)
                    if float(size):
                        book[side][level] = size
    now = box.ok("GET", "depth", symbol="BTCUSDT", limit=50)
    assert book == {side: dict(now[side]) for side in ("bids", "asks")}
    assert now["lastUpdateId"] == last


def test_a_route_carries_its_own_streams_alone(box):
    names = ["btcusdt@aggTrade", "btcusdt@bookTicker", box.ok("POST", "listenKey")["listenKey"]]
    ears = {route: box.listen(*names, route=route) for route in ("public", "market", "private", "")}
    box.price("60001")
    box.order()
    received = {route: {e["e"] for e in socket.received()} for route, socket in ears.items()}
    own = {"ORDER_TRADE_UPDATE", "TRADE_LITE", "ACCOUNT_UPDATE"}
    assert received == {"public": {"bookTicker"}, "market": {"aggTrade"}, "private": own,
                     "": own | {"bookTicker", "aggTrade"}}  # fmt: skip


def test_listen_keys(box):
    socket = box.user()
    key = box.ok("POST", "listenKey")["listenKey"]
    assert box.ok("POST", "listenKey")["listenKey"] == key  # one for the account
    box.clock.jump(3_000_000)
    box.ok("PUT", "listenKey")
    box.clock.jump(3_000_000)
    box.x.tick()
    assert socket.received() == []
    box.clock.jump(700_000)
    box.x.tick()
    assert socket.received() == [{"e": "listenKeyExpired", "E": box.x.now, "listenKey": key}]
    box.order()
    assert socket.received() == []
    assert box.code("PUT", "listenKey") == -1125
    assert box.ok("POST", "listenKey")["listenKey"] != key


def test_all_market_streams_and_periodic_ones(box):
    socket = box.listen("!markPrice@arr@1s", "!miniTicker@arr", "!ticker@arr", "!bookTicker", "btcusdt@markPrice")
    box.x.advance(box.x.now + 60_000)
    received = socket.received()
    lists = [message for message in received if isinstance(message, list)]
    assert {row["e"] for rows in lists for row in rows} == {"markPriceUpdate", "24hrMiniTicker", "24hrTicker"}
    assert all([row["s"] for row in rows] == ["BTCUSDT", "ETHUSDT"] for rows in lists)
    assert {m["s"] for m in received if isinstance(m, dict) and m["e"] == "bookTicker"} == {"BTCUSDT", "ETHUSDT"}


def test_a_connection_lives_a_day(box):
    socket = box.listen("btcusdt@aggTrade")
    box.clock.jump(86_400_000)
    box.x.tick()
    assert socket.closed == 1001

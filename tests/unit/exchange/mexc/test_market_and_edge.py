"""Market data, the socket and the faults of MEXC."""

import pytest

from triplane.exchange.faults import parse

PUBLIC = "/api/v1/contract/"


def script(client, *rows):
    client.x.add_faults(parse(list(rows)))


def public(client, path, **params):
    return client.ok("GET", PUBLIC + path, params)


# ------------------------------------------------------------------------------------------------------- market data
def test_contracts(client):
    rows = public(client, "detail")
    assert [r["symbol"] for r in rows] == ["BTC_USDT", "ETH_USDT"]
    assert public(client, "detail", symbol="BTC_USDT") == rows[0]
    assert (rows[0]["contractSize"], rows[0]["priceUnit"], rows[0]["volUnit"], rows[0]["minVol"]) == (0.001, 0.1, 1, 1)
    assert rows[0]["apiAllowed"] is True
    assert client.code("GET", PUBLIC + "detail", symbol="BTCUSDT") == 1001
    assert public(client, "ping") == client.x.wall()


def test_klines(client):
    client.x.advance(client.x.now + 180_000)
    start = client.x.now // 1000 - 3600
    table = public(client, "kline/BTC_USDT", interval="Min1", start=start, end=client.x.now // 1000)
    assert table["time"][0] >= start
    assert {b - a for a, b in zip(table["time"], table["time"][1:], strict=False)} == {60}
    assert len({len(column) for column in table.values()}) == 1
    assert all(
        low <= close <= high for low, close, high in zip(table["low"], table["close"], table["high"], strict=True)
    )
    hours = public(client, "kline/BTC_USDT", interval="Min60")
    assert hours["time"][0] % 3600 == 0
    assert client.code("GET", PUBLIC + "kline/BTC_USDT", interval="Min2") == 600
    assert client.code("GET", PUBLIC + "kline/BTC_USDT", start="x") == 600


def test_book_trades_and_prices(client):
    client.x.advance(client.x.now + 60_000)
    book = public(client, "depth/BTC_USDT", limit=5)
    assert len(book["asks"]) == len(book["bids"]) == 5
    assert book["bids"][0][0] < public(client, "ticker", symbol="BTC_USDT")["lastPrice"] < book["asks"][0][0]
    deals = public(client, "deals/BTC_USDT", limit=7)
    assert len(deals) == 7
    assert deals[0]["t"] >= deals[-1]["t"]
    assert deals[0]["p"] == client.box.last
    fair = public(client, "fair_price/BTC_USDT")["fairPrice"]
    assert fair == public(client, "index_price/BTC_USDT")["indexPrice"] == client.box.last
    funding = public(client, "funding_rate/BTC_USDT")
    assert (funding["fundingRate"], funding["nextSettleTime"] % 28_800_000) == (0.0001, 0)
    client.x.advance(client.x.now + 28_800_000)
    assert public(client, "funding_rate/history", symbol="BTC_USDT")["resultList"][0]["settleTime"] <= client.x.now


# ------------------------------------------------------------------------------------------------------- the socket
def test_public_channels(client):
    socket = client.socket(login=False)
    socket.say("ping")
    assert socket.received() == [{"channel": "pong", "data": client.x.wall()}]
    for method, more in (
        ("kline", {"interval": "Min1"}), ("deal", {}), ("depth", {}), ("depth.full", {"limit": 5}), ("ticker", {}),
        ("funding.rate", {}), ("fair.price", {}), ("index.price", {}),
    ):  # fmt: skip
        socket.say(f"sub.{method}", symbol="BTC_USDT", **more)
        assert socket.received()[0]["channel"] == f"rs.sub.{method}"
    socket.say("sub.tickers")
    socket.received()
    client.price(60_010)
    events = {e["channel"]: e for e in socket.received()}
    assert len(events) == 9
    assert {e.get("symbol") for e in events.values()} == {"BTC_USDT", None}
    assert events["push.kline"]["data"]["c"] == events["push.deal"]["data"][0]["p"] == 60_010
    assert len(events["push.depth.full"]["data"]["asks"]) == 5
    client.price(60_020)
    assert {e["channel"] for e in socket.received()} == {"push.kline", "push.deal", "push.depth", "push.depth.full"}
    socket.say("unsub.deal", symbol="BTC_USDT")
    socket.received()
    client.price(60_030)
    assert {e["channel"] for e in socket.received()} == {"push.kline", "push.depth", "push.depth.full"}


def test_depth_deltas_make_the_book(client):
    socket = client.socket(login=False)
    socket.say("sub.depth", symbol="BTC_USDT")
    book = public(client, "depth/BTC_USDT")
    sides = {side: {row[0]: row for row in book[side]} for side in ("asks", "bids")}
    socket.received()
    for price in (60_003, 59_990, 60_100):
        client.price(price)
        (push,) = socket.received()
        assert push["data"]["version"] == book["version"] + 1
        for side, rows in sides.items():
            for row in push["data"][side]:
                if row[1]:
                    rows[row[0]] = row
                else:
                    del rows[row[0]]
        book = public(client, "depth/BTC_USDT")
        assert {side: sorted(rows.values()) for side, rows in sides.items()} == {
            side: sorted(book[side]) for side in sides
        }


def test_what_is_not_understood(client):
    socket = client.socket(login=False)
    for method, param in (("sub.nothing", {"symbol": "BTC_USDT"}), ("sub.deal", {"symbol": "X_USDT"}), ("login", {}),
                          ("personal.filter", {})):  # fmt: skip
        socket.say(method, **param)
        assert socket.received()[0]["channel"] == "rs.error"
    client.mexc.edge.receive(socket.connection, b"{")
    client.mexc.edge.receive(socket.connection, b"[]")
    assert [e["channel"] for e in socket.received()] == ["rs.error", "rs.error"]


def test_a_fill_is_pushed(client):
    socket = client.socket()
    number = client.order(1, 10, externalOid="mine")
    kinds = [(e["channel"].removeprefix("push.personal."), e["data"].get("state")) for e in socket.received()]
    assert kinds == [("order", 2), ("order.deal", None), ("position", 1), ("asset", None), ("order", 3)]
    client.order(4, 10)
    events = {e["channel"]: e["data"] for e in socket.received()}
    assert events["push.personal.position"]["state"] == 3
    deal = events["push.personal.order.deal"]
    assert (deal["vol"], deal["side"], deal["isTaker"]) == (10, 4, True)
    parts = ("availableBalance", "frozenBalance", "positionMargin")
    assert sum(events["push.personal.asset"][p] for p in parts) == float(client.account.wallet)
    assert number != str(deal["orderId"])


def test_a_plan_order_is_pushed_with_its_child(client):
    client.order(1, 10)
    socket = client.socket()
    number = client.plan(4, 59_000, 2)
    client.price(58_990)
    events = [(e["channel"].removeprefix("push.personal."), e["data"]) for e in socket.received()]
    plans = [(row["id"], row["state"], row["orderId"]) for kind, row in events if kind == "plan.order"]
    child = next(row["orderId"] for kind, row in events if kind == "order")
    assert plans == [(int(number), 1, 0), (int(number), 3, int(child))]


def test_filters(client):
    socket = client.socket()
    socket.say("personal.filter", filters=[{"filter": "order.deal", "rules": ["ETH_USDT"]}, {"filter": "asset"}])
    socket.received()
    client.order(1, 10)
    assert {e["channel"] for e in socket.received()} == {"push.personal.asset"}
    socket.say("personal.filter", filters=[])
    socket.received()
    client.order(1, 10)
    assert len(socket.received()) == 5


def test_who_does_not_ping_is_dropped(client):
    quiet, lively = client.socket(), client.socket()
    for _ in range(3):
        client.box.clock.jump(25_000)
        lively.say("ping")
        client.x.tick()
    assert (quiet.closed, lively.closed) == (1006, None)
    client.order(1, 10)
    assert quiet.received() == []
    assert any(e["channel"] == "push.personal.order" for e in lively.received())


# ------------------------------------------------------------------------------------------------------- faults
ORDER = {"symbol": "BTC_USDT", "side": 1, "vol": 10, "type": 5, "openType": 1, "leverage": 10, "externalOid": "one"}


@pytest.mark.parametrize("what", ["timeout", "reset", "500", "503", "-1006", "-1007"])
@pytest.mark.parametrize("accepted", [True, False])
def test_an_answer_is_lost_after_or_before_the_order(client, what, accepted):
    script(client, {"when": "POST /api/v1/private/order/create", "what": what, "accepted": accepted})
    body = client.ask("POST", "order/create", ORDER)
    assert client.reply.lost or client.reply.status != 200 or body["code"] == 500
    found = client.ask("GET", "order/external/BTC_USDT/one")
    assert (found["data"]["state"] if accepted else found["code"]) == (3 if accepted else 2040)
    assert len(client.account.fills) == int(accepted)


@pytest.mark.parametrize(("what", "code"), [("429", 510), ("418", 510), ("1002", 1002), ("602", 602), ("-1021", 513)])
def test_a_refusal_is_one(client, what, code):
    script(client, {"when": {"request": "POST /api/v1/private/*", "externalOid": "o*"}, "what": what, "seconds": 30})
    assert client.code("POST", "order/create", ORDER) == code
    assert client.account.orders == {}
    assert (client.ask("GET", PUBLIC + "ping")["success"] is False) == (what == "418")
    client.box.clock.jump(31_000)
    assert client.ok("POST", "order/create", ORDER)


def test_an_accepted_plan_order_is_not_found_for_a_while(client):
    script(client, {"when": "POST /api/v1/private/planorder/place/v2", "what": "hide", "seconds": 2400})
    number = client.plan(4, 59_000, 2)
    assert client.ok("GET", "planorder/list/orders") == []
    assert client.code("POST", "planorder/cancel", [{"symbol": "BTC_USDT", "orderId": number}]) == 2040
    client.box.clock.jump(2_401_000)
    assert [r["id"] for r in client.ok("GET", "planorder/list/orders")] == [number]


def test_partial_fills(client):
    script(client, {"when": "POST /api/v1/private/order/create", "what": "partial", "parts": [0.3, 0.5]})
    number = client.order(1, 10)
    assert (client.get(number)["dealVol"], client.get(number)["state"]) == (3, 2)
    client.price(60_010)
    client.price(60_020)
    assert [f.lots for f in client.account.fills] == [3, 5, 2]
    assert client.get(number)["state"] == 3


def test_pushes_are_lost_doubled_and_late(client):
    socket = client.socket()
    deal = {"event": "push.personal.order.deal", "side": "1"}
    for what, received in (("drop", 0), ("duplicate", 2), ("delay", 0), ("reorder", 1)):
        script(client, {"when": deal, "what": what, "seconds": 5})
        client.order(1, 10)
        channels = [e["channel"] for e in socket.received()]
        assert channels.count("push.personal.order.deal") == received, what
    client.box.clock.jump(6_000)
    client.x.tick()
    assert [e["channel"] for e in socket.received()] == ["push.personal.order.deal"]


def test_sockets_are_cut_and_muted(client):
    socket = client.socket()
    script(client, {"when": "now", "what": "mute", "route": "edge", "seconds": 30})
    client.order(1, 10)
    socket.say("ping")
    assert [e["channel"] for e in socket.received()] == ["pong"]
    client.box.clock.jump(31_000)
    client.order(1, 10)
    assert socket.received()
    script(client, {"when": "now", "what": "drop_sockets", "route": "edge", "code": 1006})
    client.order(1, 10)
    assert (socket.closed, socket.received()) == (1006, [])


def test_too_many_requests(make_box, client):
    client.mexc.limits.weight = 3
    codes = [client.ask("GET", PUBLIC + "ping")["code"] for _ in range(5)]
    assert codes == [0, 0, 0, 510, 510]


def test_its_accounts_are_apart_from_those_of_others(client):
    user = client.box.user()
    socket = client.socket()
    client.order(1, 10)
    assert user.received() == []
    socket.received()
    client.box.order()
    assert socket.received() == []
    state = client.mexc.state()["k"]
    assert state["positions"][0]["quantity"] == "0.010"
    assert state["orders"][0]["symbol"] == "BTCUSDT"

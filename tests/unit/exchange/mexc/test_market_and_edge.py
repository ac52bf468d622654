"""Market data, the socket and the faults of MEXC."""

import pytest

from triplane.exchange.faults import parse

PUBLIC = "/api/v1/contract/"


def script(trader, *rows):
    trader.x.add_faults(parse(list(rows)))


def public(trader, path, **params):
    return trader.ok("GET", PUBLIC + path, params)


# ------------------------------------------------------------------------------------------------------- market data
def test_contracts(trader):
    rows = public(trader, "detail")
    assert [r["symbol"] for r in rows] == ["BTC_USDT", "ETH_USDT"]
    assert public(trader, "detail", symbol="BTC_USDT") == rows[0]
    assert (rows[0]["contractSize"], rows[0]["priceUnit"], rows[0]["volUnit"], rows[0]["minVol"]) == (0.001, 0.1, 1, 1)
    assert rows[0]["apiAllowed"] is True
    assert trader.code("GET", PUBLIC + "detail", symbol="BTCUSDT") == 1001
    assert public(trader, "ping") == trader.x.wall()


def test_klines(trader):
    trader.x.advance(trader.x.now + 180_000)
    start = trader.x.now // 1000 - 3600
    table = public(trader, "kline/BTC_USDT", interval="Min1", start=start, end=trader.x.now // 1000)
    assert table["time"][0] >= start
    assert {b - a for a, b in zip(table["time"], table["time"][1:], strict=False)} == {60}
    assert len({len(column) for column in table.values()}) == 1
    assert all(
        low <= close <= high for low, close, high in zip(table["low"], table["close"], table["high"], strict=True)
    )
    hours = public(trader, "kline/BTC_USDT", interval="Min60")
    assert hours["time"][0] % 3600 == 0
    assert trader.code("GET", PUBLIC + "kline/BTC_USDT", interval="Min2") == 600
    assert trader.code("GET", PUBLIC + "kline/BTC_USDT", start="x") == 600


def test_book_trades_and_prices(trader):
    trader.x.advance(trader.x.now + 60_000)
    book = public(trader, "depth/BTC_USDT", limit=5)
    assert len(book["asks"]) == len(book["bids"]) == 5
    assert book["bids"][0][0] < public(trader, "ticker", symbol="BTC_USDT")["lastPrice"] < book["asks"][0][0]
    deals = public(trader, "deals/BTC_USDT", limit=7)
    assert len(deals) == 7
    assert deals[0]["t"] >= deals[-1]["t"]
    assert deals[0]["p"] == trader.desk.last
    fair = public(trader, "fair_price/BTC_USDT")["fairPrice"]
    assert fair == public(trader, "index_price/BTC_USDT")["indexPrice"] == trader.desk.last
    funding = public(trader, "funding_rate/BTC_USDT")
    assert (funding["fundingRate"], funding["nextSettleTime"] % 28_800_000) == (0.0001, 0)
    trader.x.advance(trader.x.now + 28_800_000)
    assert public(trader, "funding_rate/history", symbol="BTC_USDT")["resultList"][0]["settleTime"] <= trader.x.now


# ------------------------------------------------------------------------------------------------------- the socket
def test_public_channels(trader):
    ear = trader.socket(login=False)
    ear.say("ping")
    assert ear.heard() == [{"channel": "pong", "data": trader.x.wall()}]
    for method, more in (
        ("kline", {"interval": "Min1"}), ("deal", {}), ("depth", {}), ("depth.full", {"limit": 5}), ("ticker", {}),
        ("funding.rate", {}), ("fair.price", {}), ("index.price", {}),
    ):  # fmt: skip
        ear.say(f"sub.{method}", symbol="BTC_USDT", **more)
        assert ear.heard()[0]["channel"] == f"rs.sub.{method}"
    ear.say("sub.tickers")
    ear.heard()
    trader.price(60_010)
    said = {e["channel"]: e for e in ear.heard()}
    assert len(said) == 9
    assert {e.get("symbol") for e in said.values()} == {"BTC_USDT", None}
    assert said["push.kline"]["data"]["c"] == said["push.deal"]["data"][0]["p"] == 60_010
    assert len(said["push.depth.full"]["data"]["asks"]) == 5
    trader.price(60_020)
    assert {e["channel"] for e in ear.heard()} == {"push.kline", "push.deal", "push.depth", "push.depth.full"}
    ear.say("unsub.deal", symbol="BTC_USDT")
    ear.heard()
    trader.price(60_030)
    assert {e["channel"] for e in ear.heard()} == {"push.kline", "push.depth", "push.depth.full"}


def test_depth_deltas_make_the_book(trader):
    ear = trader.socket(login=False)
    ear.say("sub.depth", symbol="BTC_USDT")
    book = public(trader, "depth/BTC_USDT")
    sides = {side: {row[0]: row for row in book[side]} for side in ("asks", "bids")}
    ear.heard()
    for price in (60_003, 59_990, 60_100):
        trader.price(price)
        (push,) = ear.heard()
        assert push["data"]["version"] == book["version"] + 1
        for side, rows in sides.items():
            for row in push["data"][side]:
                if row[1]:
                    rows[row[0]] = row
                else:
                    del rows[row[0]]
        book = public(trader, "depth/BTC_USDT")
        assert {side: sorted(rows.values()) for side, rows in sides.items()} == {
            side: sorted(book[side]) for side in sides
        }


def test_what_is_not_understood(trader):
    ear = trader.socket(login=False)
    for method, param in (("sub.nothing", {"symbol": "BTC_USDT"}), ("sub.deal", {"symbol": "X_USDT"}), ("login", {}),
                          ("personal.filter", {})):  # fmt: skip
        ear.say(method, **param)
        assert ear.heard()[0]["channel"] == "rs.error"
    trader.mexc.edge.receive(ear.line, b"{")
    trader.mexc.edge.receive(ear.line, b"[]")
    assert [e["channel"] for e in ear.heard()] == ["rs.error", "rs.error"]


def test_a_fill_is_pushed(trader):
    ear = trader.socket()
    number = trader.order(1, 10, externalOid="mine")
    kinds = [(e["channel"].removeprefix("push.personal."), e["data"].get("state")) for e in ear.heard()]
    assert kinds == [("order", 2), ("order.deal", None), ("position", 1), ("asset", None), ("order", 3)]
    trader.order(4, 10)
    said = {e["channel"]: e["data"] for e in ear.heard()}
    assert said["push.personal.position"]["state"] == 3
    deal = said["push.personal.order.deal"]
    assert (deal["vol"], deal["side"], deal["isTaker"]) == (10, 4, True)
    parts = ("availableBalance", "frozenBalance", "positionMargin")
    assert sum(said["push.personal.asset"][p] for p in parts) == float(trader.account.wallet)
    assert number != str(deal["orderId"])


def test_a_plan_order_is_pushed_with_its_child(trader):
    trader.order(1, 10)
    ear = trader.socket()
    number = trader.plan(4, 59_000, 2)
    trader.price(58_990)
    said = [(e["channel"].removeprefix("push.personal."), e["data"]) for e in ear.heard()]
    plans = [(row["id"], row["state"], row["orderId"]) for kind, row in said if kind == "plan.order"]
    child = next(row["orderId"] for kind, row in said if kind == "order")
    assert plans == [(int(number), 1, 0), (int(number), 3, int(child))]


def test_filters(trader):
    ear = trader.socket()
    ear.say("personal.filter", filters=[{"filter": "order.deal", "rules": ["ETH_USDT"]}, {"filter": "asset"}])
    ear.heard()
    trader.order(1, 10)
    assert {e["channel"] for e in ear.heard()} == {"push.personal.asset"}
    ear.say("personal.filter", filters=[])
    ear.heard()
    trader.order(1, 10)
    assert len(ear.heard()) == 5


def test_who_does_not_ping_is_dropped(trader):
    quiet, lively = trader.socket(), trader.socket()
    for _ in range(3):
        trader.desk.clock.jump(25_000)
        lively.say("ping")
        trader.x.tick()
    assert (quiet.closed, lively.closed) == (1006, None)
    trader.order(1, 10)
    assert quiet.heard() == []
    assert any(e["channel"] == "push.personal.order" for e in lively.heard())


# ------------------------------------------------------------------------------------------------------- faults
ORDER = {"symbol": "BTC_USDT", "side": 1, "vol": 10, "type": 5, "openType": 1, "leverage": 10, "externalOid": "one"}


@pytest.mark.parametrize("what", ["timeout", "reset", "500", "503", "-1006", "-1007"])
@pytest.mark.parametrize("accepted", [True, False])
def test_an_answer_is_lost_after_or_before_the_order(trader, what, accepted):
    script(trader, {"when": "POST /api/v1/private/order/create", "what": what, "accepted": accepted})
    body = trader.ask("POST", "order/create", ORDER)
    assert trader.reply.lost or trader.reply.status != 200 or body["code"] == 500
    found = trader.ask("GET", "order/external/BTC_USDT/one")
    assert (found["data"]["state"] if accepted else found["code"]) == (3 if accepted else 2040)
    assert len(trader.account.fills) == int(accepted)


@pytest.mark.parametrize(("what", "code"), [("429", 510), ("418", 510), ("1002", 1002), ("602", 602), ("-1021", 513)])
def test_a_refusal_is_one(trader, what, code):
    script(trader, {"when": {"request": "POST /api/v1/private/*", "externalOid": "o*"}, "what": what, "seconds": 30})
    assert trader.code("POST", "order/create", ORDER) == code
    assert trader.account.orders == {}
    assert (trader.ask("GET", PUBLIC + "ping")["success"] is False) == (what == "418")
    trader.desk.clock.jump(31_000)
    assert trader.ok("POST", "order/create", ORDER)


def test_an_accepted_plan_order_is_not_found_for_a_while(trader):
    script(trader, {"when": "POST /api/v1/private/planorder/place/v2", "what": "hide", "seconds": 2400})
    number = trader.plan(4, 59_000, 2)
    assert trader.ok("GET", "planorder/list/orders") == []
    assert trader.code("POST", "planorder/cancel", [{"symbol": "BTC_USDT", "orderId": number}]) == 2040
    trader.desk.clock.jump(2_401_000)
    assert [r["id"] for r in trader.ok("GET", "planorder/list/orders")] == [number]


def test_partial_fills(trader):
    script(trader, {"when": "POST /api/v1/private/order/create", "what": "partial", "parts": [0.3, 0.5]})
    number = trader.order(1, 10)
    assert (trader.get(number)["dealVol"], trader.get(number)["state"]) == (3, 2)
    trader.price(60_010)
    trader.price(60_020)
    assert [f.lots for f in trader.account.fills] == [3, 5, 2]
    assert trader.get(number)["state"] == 3


def test_pushes_are_lost_doubled_and_late(trader):
    ear = trader.socket()
    deal = {"event": "push.personal.order.deal", "side": "1"}
    for what, heard in (("drop", 0), ("duplicate", 2), ("delay", 0), ("reorder", 1)):
        script(trader, {"when": deal, "what": what, "seconds": 5})
        trader.order(1, 10)
        channels = [e["channel"] for e in ear.heard()]
        assert channels.count("push.personal.order.deal") == heard, what
    trader.desk.clock.jump(6_000)
    trader.x.tick()
    assert [e["channel"] for e in ear.heard()] == ["push.personal.order.deal"]


def test_sockets_are_cut_and_muted(trader):
    ear = trader.socket()
    script(trader, {"when": "now", "what": "mute", "route": "edge", "seconds": 30})
    trader.order(1, 10)
    ear.say("ping")
    assert [e["channel"] for e in ear.heard()] == ["pong"]
    trader.desk.clock.jump(31_000)
    trader.order(1, 10)
    assert ear.heard()
    script(trader, {"when": "now", "what": "drop_sockets", "route": "edge", "code": 1006})
    trader.order(1, 10)
    assert (ear.closed, ear.heard()) == (1006, [])


def test_too_many_requests(make_desk, trader):
    trader.mexc.limits.weight = 3
    codes = [trader.ask("GET", PUBLIC + "ping")["code"] for _ in range(5)]
    assert codes == [0, 0, 0, 510, 510]


def test_its_accounts_are_apart_from_those_of_others(trader):
    user = trader.desk.user()
    ear = trader.socket()
    trader.order(1, 10)
    assert user.heard() == []
    ear.heard()
    trader.desk.order()
    assert ear.heard() == []
    state = trader.mexc.state()["k"]
    assert state["positions"][0]["quantity"] == "0.010"
    assert state["orders"][0]["symbol"] == "BTCUSDT"

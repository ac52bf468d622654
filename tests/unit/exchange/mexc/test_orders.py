"""Orders, plan orders and money at MEXC."""

from decimal import Decimal

import pytest


def test_who_asks_is_checked(client):
    assert client.code("GET", "account/assets", key="nobody") == 401
    assert client.code("GET", "account/assets", secret="wrong") == 602
    assert client.code("GET", "account/assets", time=client.x.wall() - 11_000) == 513
    assert client.code("POST", "order/create", {"symbol": "BTC_USDT"}, secret="wrong") == 602
    assert client.ask("GET", "nothing/here")["code"] == 404
    assert client.ok("GET", "order/list/open_orders", page_size=5, page_num=1) == []


def test_a_position_opens_and_closes_in_one_way_mode(client):
    number = client.order(1, externalOid="in")
    row = client.get(number)
    assert (row["state"], row["dealVol"], row["side"], row["externalOid"]) == (3, 10, 1, "in")
    assert row == client.ok("GET", "order/external/BTC_USDT/in")
    assert client.positions() == [(1, 10)]
    out = client.order(4, 10, reduceOnly=True)
    assert client.positions() == []
    deals = client.ok("GET", "order/list/order_deals", symbol="BTC_USDT", page_num=1, page_size=20)
    assert [(d["orderId"], d["side"], d["vol"]) for d in deals] == [(out, 4, 10), (number, 1, 10)]
    assert client.ok("GET", f"order/deal_details/{out}") == deals[:1]
    assert client.ok("GET", "order/list/order_deals/v3", symbol="BTC_USDT")["resultList"] == deals
    assert [o["orderId"] for o in client.ok("GET", "order/list/history_orders", states="3")] == [out, number]
    asset = client.ok("GET", "account/asset/USDT")
    moved = sum(Decimal(str(d["profit"])) - Decimal(str(d["fee"])) for d in deals)
    assert Decimal(str(asset["equity"])) == client.account.wallet == 10_000 + moved
    assert client.ok("GET", "account/assets") == [asset]


@pytest.mark.parametrize("hedge", [True, False])
@pytest.mark.parametrize("opening", [1, 3])
def test_a_closing_side_closes_its_own_position_and_opens_none(client, hedge, opening):
    client.account.hedge = hedge
    closing = {1: 4, 3: 2}[opening]
    wrong = {1: 2, 3: 4}[opening]
    assert client.code("POST", "order/create", symbol="BTC_USDT", side=closing, vol=5, type=5, openType=1) == 2009
    client.order(opening, 10)
    assert client.code("POST", "order/create", symbol="BTC_USDT", side=wrong, vol=5, type=5, openType=1) == 2009
    client.order(closing, 15)
    assert client.positions() == []
    assert client.account.tracks == {}


def test_hedge_mode_holds_both_and_takes_no_reduce_only(client):
    client.account.hedge = True
    client.order(1, 10)
    client.order(3, 4)
    assert client.positions() == [(1, 10), (2, 4)]
    assert client.code(
        "POST", "order/create", symbol="BTC_USDT", side=2, vol=1, type=5, openType=1, reduceOnly=True
    ) == 600  # fmt: skip
    assert client.code("POST", "order/create", symbol="BTC_USDT", side=1, vol=1, type=5, openType=1, positionMode=2,
                       leverage=5) == 7002  # fmt: skip
    assert client.code("POST", "position/change_position_mode", positionMode=2) == 7002
    client.order(2, 4)
    client.order(4, 10)
    client.ok("POST", "position/change_position_mode", positionMode=2)
    assert client.ok("GET", "position/position_mode") == 2


def test_a_flip_ends_one_position_and_begins_another(client):
    client.order(1, 10)
    first = client.ok("GET", "position/open_positions")[0]["positionId"]
    client.order(3, 15)
    second = client.ok("GET", "position/open_positions")[0]
    assert (second["positionType"], second["holdVol"], second["closeVol"]) == (2, 5, 0)
    assert second["positionId"] != first


def test_limit_orders_wait_are_found_and_cancelled(client):
    low = [client.order(1, price=50_000 + i, type=1, externalOid=f"low{i}") for i in range(3)]
    rows = client.ok("GET", "order/list/open_orders", page_num=1, page_size=2)
    assert [r["orderId"] for r in rows] == low[:0:-1]
    assert rows[0]["state"] == 2
    assert len(client.ok("GET", "order/list/open_orders/BTC_USDT")) == 3
    assert [o["orderId"] for o in client.ok("GET", "order/batch_query", order_ids=f"{low[0]},7")] == low[:1]
    assert client.ok("POST", "order/cancel", [int(low[0]), low[0], 12]) == [
        {"orderId": int(low[0]), "errorCode": 0, "errorMsg": "success"},
        {"orderId": int(low[0]), "errorCode": 2041, "errorMsg": "order state cannot be cancelled"},
        {"orderId": 12, "errorCode": 2040, "errorMsg": "order not exist"},
    ]
    row = {"symbol": "BTC_USDT", "externalOid": "low1"}
    assert client.ok("POST", "order/cancel_with_external", row)[0]["errorCode"] == 0
    assert client.ok("POST", "order/batch_cancel_with_external", [row])[0]["errorCode"] == 2041
    client.ok("POST", "order/cancel_all", symbol="BTC_USDT")
    assert client.ok("GET", "order/list/open_orders") == []
    assert {client.get(n)["state"] for n in low} == {4}
    assert client.ok("GET", "account/asset/USDT")["frozenBalance"] == 0


def test_ways_in_which_an_order_ends_by_itself(client):
    last = client.box.last
    away = round(last * 0.95, 1)
    assert client.get(client.order(1, price=away, type=3))["errorCode"] == 18
    assert client.get(client.order(1, price=away, type=4))["errorCode"] == 19
    taking = client.get(client.order(1, price=round(last * 1.01, 1), type=2))
    assert (taking["state"], taking["errorCode"], taking["dealVol"]) == (4, 20, 0)
    assert client.account.fills == type(client.account.fills)()


def test_a_known_external_id_answers_with_its_order(client):
    first = client.order(1, externalOid="once")
    assert client.order(1, externalOid="once") == first
    assert client.ok("POST", "order/submit", symbol="BTC_USDT", side=1, vol=10, type=5, openType=1, leverage=10,
                     externalOid="once") == first  # fmt: skip
    assert len(client.account.fills) == 1


GOOD = {"symbol": "BTC_USDT", "side": 1, "vol": 10, "type": 1, "openType": 1, "price": 60000, "leverage": 10}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"symbol": "BTCUSDT"}, 1001), ({"side": 5}, 2001), ({"openType": 3}, 2002), ({"vol": 0}, 2011),
        ({"vol": 1.5}, 2011), ({"vol": "NaN"}, 2011), ({"vol": 2_000_000}, 2011), ({"type": 9}, 2029),
        ({"price": None}, 2007), ({"price": "x"}, 2007), ({"price": 60000.05}, 2015), ({"price": 70_000}, 2003),
        ({"side": 3, "price": 50_000}, 2004), ({"vol": 100_000}, 2005), ({"leverage": 0}, 2006),
        ({"leverage": 500}, 2006), ({"positionMode": 1}, 7002), ({"externalOid": "x" * 33}, 2030),
        ({"side": "long"}, 600),
    ],
)  # fmt: skip
def test_refusals(client, change, code):
    assert client.code("POST", "order/create", {**GOOD, **change}) == code
    assert client.account.orders == {}


def test_margin_and_leverage_come_with_the_order(client):
    client.order(1, openType=1, leverage=10)
    config = client.account.config("BTCUSDT")
    assert (config.isolated, config.leverage) == (True, 10)
    assert client.code("POST", "order/create", {**GOOD, "openType": 2}) == 2027
    assert client.code("POST", "order/create", {**GOOD, "leverage": 20}) == 2021
    row = client.ok("GET", "position/open_positions")[0]
    assert row["openType"] == 1
    assert row["im"] == pytest.approx(row["holdVol"] * 0.001 * row["holdAvgPrice"] / 10, rel=1e-6)
    client.ok("POST", "position/change_leverage", positionId=row["positionId"], leverage=20)
    assert {r["leverage"] for r in client.ok("GET", "position/leverage", symbol="BTC_USDT")} == {20}
    assert client.code("POST", "position/change_leverage", positionId=1, leverage=20) == 2009
    assert client.code("POST", "position/change_leverage", symbol="ETH_USDT", leverage=20) == 600
    client.ok("POST", "position/change_leverage", symbol="ETH_USDT", leverage=7, openType=2, positionType=1)
    assert not client.account.config("ETHUSDT").isolated
    assert client.code("POST", "position/change_leverage", symbol="ETH_USDT", leverage=0) == 2006
    assert client.ok("GET", "account/tiered_fee_rate", symbol="BTC_USDT")["takerFee"] == 0.0005


def test_a_stop_and_a_target_trigger(client):
    client.order(1, 10)
    stop, target = client.plan(4, 59_000, 2, 10, reduceOnly=True), client.plan(4, 61_000, 1, 4, reduceOnly=True)
    rows = client.ok("GET", "planorder/list/orders", states="1", symbol="BTC_USDT")
    assert [(r["id"], r["triggerType"], r["executeCycle"], r.get("orderId")) for r in rows] == [
        (target, 1, 168, None), (stop, 2, 168, None),
    ]  # fmt: skip
    assert "externalOid" not in rows[0]
    client.price(61_000)
    row = client.ok("GET", "planorder/list/orders", states="3")[0]
    child = client.get(row["orderId"])
    assert (row["id"], child["state"], child["dealVol"]) == (target, 3, 4)
    assert child["externalOid"].startswith("_m_")
    client.price(58_900)
    assert client.positions() == []
    assert {r["state"] for r in client.ok("GET", "planorder/list/orders")} == {3}


def test_plan_orders_end(client):
    client.order(1, 10)
    one, two = client.plan(4, 50_000, 2), client.plan(4, 50_001, 2, executeCycle=1)
    client.ok("POST", "planorder/cancel", [{"symbol": "BTC_USDT", "orderId": one}])
    assert client.code("POST", "planorder/cancel", [{"symbol": "BTC_USDT", "orderId": one}]) == 2041
    assert client.code("POST", "planorder/cancel", [{"symbol": "BTC_USDT", "orderId": 5}]) == 2040
    client.x.advance(client.x.now + 86_400_000)
    states = {r["id"]: r["state"] for r in client.ok("GET", "planorder/list/orders")}
    assert states == {one: 2, two: 4}
    client.plan(4, 50_000, 2)
    client.ok("POST", "planorder/cancel_all", symbol="BTC_USDT")
    assert client.ok("GET", "planorder/list/orders", states="1") == []


def test_a_plan_order_that_finds_nothing_to_close_fails(client):
    number = client.plan(2, 61_000, 1)
    client.price(61_000)
    row = client.ok("GET", "planorder/list/orders")[0]
    assert (row["id"], row["state"], row["errorCode"]) == (number, 5, 3)


@pytest.mark.parametrize(
    ("change", "code"),
    [({"triggerType": 3}, 3002), ({"trend": 0}, 3001), ({"executeCycle": 3}, 3003), ({"triggerPrice": 0}, 3004),
     ({"triggerPrice": 59000.05}, 2015), ({"triggerPrice": 61_000}, 3004), ({"orderType": 1}, 2007),
     ({"orderType": 8}, 2029)],
)  # fmt: skip
def test_refusals_of_plan_orders(client, change, code):
    good = {"symbol": "BTC_USDT", "side": 4, "vol": 1, "openType": 1, "triggerPrice": 59_000, "triggerType": 2,
            "executeCycle": 1, "orderType": 5, "trend": 1}  # fmt: skip
    assert client.code("POST", "planorder/place", {**good, **change}) == code


def test_plan_orders_with_a_limit(client):
    client.order(1, 10)
    client.plan(4, 59_000, 2, orderType=1, price=58_900)
    client.price(59_000)
    child = client.get(client.ok("GET", "planorder/list/orders")[0]["orderId"])
    assert (child["orderType"], child["price"], child["state"]) == (1, 58_900, 3)


def test_funding_is_paid_and_listed(client):
    client.order(3, 100)
    client.x.advance(client.x.now + 16 * 3_600_000)
    page = client.ok("GET", "position/funding_records", symbol="BTC_USDT", page_num=1, page_size=1)
    assert (page["totalCount"], page["totalPage"], len(page["resultList"])) == (2, 2, 1)
    rows = client.ok("GET", "position/funding_records")["resultList"]
    assert all(r["funding"] > 0 and r["positionType"] == 2 and r["settleTime"] % 28_800_000 == 0 for r in rows)
    paid = sum((i.amount for i in client.account.income if i.kind == "FUNDING_FEE"), Decimal(0))
    assert float(paid) == pytest.approx(sum(r["funding"] for r in rows))
    assert client.ok("GET", "position/open_positions")[0]["holdFee"] == pytest.approx(float(paid))


def test_a_liquidation(client):
    client.order(1, 1000, leverage=100)
    socket = client.socket()
    client.price(58_000)
    assert client.positions() == []
    row = client.ok("GET", "order/list/history_orders")[0]
    assert row["category"] == 2
    pushes = {e["channel"]: e["data"] for e in socket.received()}
    assert pushes["push.personal.order.deal"]["category"] == 2
    assert pushes["push.personal.position"]["state"] == 2
    assert client.account.wallet < 10_000
    assert client.box.account.wallet == 10_000

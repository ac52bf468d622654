"""The formats of MEXC, checked against the box and against recorded messages."""

import json
import re
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.errors import DataError
from triplane.venues.base import BalanceChange, Cause, Execution, MarginCall, OrderReport, OrderStatus, OrderType
from triplane.venues.errors import NotFound, Refused, Why
from triplane.venues.mexc import codec
from triplane.venues.mexc.client_ids import ClientIds

D = Decimal
STOP, TARGET = OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET
MEXC = Path(__file__).parents[5] / "shared" / "data" / "protocol" / "mexc_net"
DETAIL = {
    "symbol": "DOGE_USDT", "quoteCoin": "USDT", "settleCoin": "USDT", "contractSize": 100, "volUnit": 1, "minVol": 2,
    "priceUnit": D("0.00001"), "maintenanceMarginRate": D("0.01"), "maxLeverage": 50, "state": 0, "isHidden": False,
}  # fmt: skip


def test_a_contract():
    c = codec.contract(DETAIL)
    rules = c.instrument
    assert (rules.tick_size, rules.lot_size, rules.min_quantity) == (D("0.00001"), 100, 200)
    assert (c.tradable, c.by_api, c.most_leverage, rules.maintenance_margin) == (True, True, 50, 0.01)
    assert not codec.contract({**DETAIL, "state": 4}).tradable
    assert not codec.contract({**DETAIL, "apiAllowed": False}).by_api


@given(
    st.integers(1, 10**7), st.sampled_from(["0.0001", "0.001", "0.01", "1", "10", "1000"]), st.sampled_from([1, 5, 10])
)
def test_contracts_and_base_units_are_the_same_exactly(count, size, unit):
    c = codec.contract({**DETAIL, "contractSize": D(size), "volUnit": unit})
    quantity = count * c.instrument.lot_size
    sent = c.contracts(quantity)
    assert sent == count * unit
    assert c.base({"vol": D(sent)}, "vol") == quantity


@pytest.mark.parametrize(("hedge", "more"), [(True, {}), (False, {"reduceOnly": True})])
@pytest.mark.parametrize(("side", "opens", "closes"), [(1, 1, 2), (-1, 3, 4)])
def test_sides(box, hedge, more, side, opens, closes):
    opening = codec.place(box.new(side=side), box.btc, 10, hedge=hedge).params
    closing = codec.place(box.new(side=side, reduce_only=True), box.btc, 0, hedge=hedge).params
    base = {"symbol": "BTC_USDT", "vol": 10, "openType": 1, "positionMode": 1 if hedge else 2, "externalOid": "a"}
    assert opening == {**base, "side": opens, "type": 5, "leverage": 10}
    assert closing == {**base, "side": closes, "type": 5, **more}


@pytest.mark.parametrize("hedge", [True, False])
def test_a_reducing_buy_closes_the_short_and_never_a_long(box, hedge):
    box.account.hedge = hedge
    box.place("long", side=1, hedge=hedge)
    with pytest.raises(Refused) as refused:
        box.place("no", side=1, reduce_only=True, hedge=hedge)
    assert refused.value.why is Why.REDUCE_ONLY
    box.place("close", side=-1, quantity="0.02", reduce_only=True, hedge=hedge)
    assert not box.account.positions
    box.place("short", side=-1, hedge=hedge)
    box.place("cover", side=1, quantity="0.02", reduce_only=True, hedge=hedge)
    assert not box.account.positions
    assert [box.lookup(name).filled for name in ("long", "close", "short", "cover")] == [D("0.01")] * 4


@pytest.mark.parametrize(("tif", "code"), [("GTC", 1), ("GTX", 2), ("IOC", 3), ("FOK", 4)])
def test_limit_orders(box, tif, code):
    order = box.new(kind=OrderType.LIMIT, price=D("0.00001230"), time_in_force=tif)
    params = codec.place(order, box.btc, 10).params
    assert (params["type"], params["price"]) == (code, "0.0000123")


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize("kind", [STOP, TARGET])
def test_plan_orders_there_and_back(box, side, kind):
    box.place("in", side=-side)
    above = (kind is STOP) == (side > 0)
    report = box.place("plan", kind, side, trigger=D(61_000 if above else 59_000), reduce_only=True)
    (seen,) = box.plans("1")
    assert (seen.client_id, seen.type, seen.side, seen.trigger) == ("plan", kind, side, report.trigger)
    assert (seen.quantity, seen.reduce_only, seen.status) == (D("0.01"), True, OrderStatus.OPEN)
    assert seen.venue_id == report.venue_id
    with pytest.raises(Refused) as refused:
        box.place("late", kind, side, trigger=D(59_000 if above else 61_000), reduce_only=True)
    assert refused.value.why is Why.WOULD_TRIGGER


@pytest.mark.parametrize("client_id", ["a/b", "x" * 33, "with:colon", "A" * 36])
def test_ids_that_the_venue_cannot_take_are_digests(box, client_id):
    digest = codec.external(client_id)
    assert re.fullmatch("[0-9a-f]{32}", digest)
    box.place(client_id)
    row = box.lookup(client_id)
    assert row.client_id == digest
    assert box.client_ids.order(row).client_id == client_id
    assert codec.external("s-1.0.A.E.7_x") == "s-1.0.A.E.7_x"


def test_orders(box):
    report = box.place("in")
    assert (report.status, report.filled, report.quantity) == (OrderStatus.OPEN, 0, D("0.01"))
    found = box.lookup("in")
    assert (found.venue_id, found.status, found.filled) == (report.venue_id, OrderStatus.FILLED, D("0.01"))
    assert found.average == D("60003")
    box.place("low", OrderType.LIMIT, price=D(59_000))
    assert box.lookup("low").status is OrderStatus.OPEN
    assert codec.rows(box.ask(codec.cancel("BTC_USDT", "low")))[0]["errorCode"] == 0
    assert box.lookup("low").status is OrderStatus.CANCELLED
    box.place("maker", OrderType.LIMIT, price=D(61_000), time_in_force="GTX")
    ended = box.lookup("maker")
    assert (ended.status, ended.reason) == (OrderStatus.EXPIRED, "post-only: it would have taken")
    with pytest.raises(NotFound):
        box.lookup("nobody")


def test_fills_positions_and_money(box):
    report = box.place("in", side=-1, quantity="0.1")
    (row,) = box.ask(codec.HttpRequest("GET", f"{codec.PRIVATE}order/deal_details/{report.venue_id}", {}))
    fill = codec.fill(row, box.btc)
    assert (fill.side, fill.quantity, fill.price, fill.maker) == (-1, D("0.1"), D("59997"), False)
    assert (fill.fee, fill.fee_asset, fill.venue_order_id) == (D("0.1") * 59997 * D("0.0005"), "USDT", report.venue_id)
    box.price("59000")
    (row,) = box.ask(codec.HttpRequest("GET", f"{codec.PRIVATE}position/open_positions", {}))
    position = codec.position_report(row, box.btc, D(59_000))
    assert (position.quantity, position.entry_price) == (D("-0.1"), D("59997"))
    assert position.unrealized == D("99.7")
    assert position.liquidation_price > 60_000
    assert 0.9 < position.margin_ratio < 1
    money = codec.balance(box.ask(codec.HttpRequest("GET", f"{codec.PRIVATE}account/asset/USDT", {})))
    assert money.wallet == box.account.wallet
    assert money.available < money.wallet
    box.x.advance(box.x.now + 8 * 3_600_000)
    (payment,) = map(
        codec.funding_payment,
        codec.rows(box.ask(codec.HttpRequest("GET", f"{codec.PRIVATE}position/funding_records", {}))),
    )
    assert payment.amount == box.account.income[-1].amount > 0
    assert payment.time % 28_800_000 == 0


def test_pushes_of_an_order(box):
    box.place("in", quantity="0.02")
    events = box.events()
    reports = [e for e in events if isinstance(e, OrderReport)]
    assert [(e.client_id, e.status, e.filled) for e in reports] == [
        ("in", OrderStatus.OPEN, 0),
        ("in", OrderStatus.FILLED, D("0.02")),
    ]
    (fill,) = [e for e in events if isinstance(e, Execution)]
    assert (fill.client_id, fill.venue_order_id, fill.quantity) == ("in", reports[0].venue_id, D("0.02"))
    (change,) = [e for e in events if isinstance(e, BalanceChange)]
    assert change.wallet == box.account.wallet


def test_pushes_of_a_stop_and_its_child(box):
    box.place("in")
    box.place("stop", STOP, -1, trigger=D(59_000), reduce_only=True)
    box.events()
    box.price("58990")
    events = box.events()
    reports = [e for e in events if isinstance(e, OrderReport)]
    assert {(e.client_id, e.type, e.trigger) for e in reports} == {("stop", STOP, D(59_000))}
    assert [e.status for e in reports] == [OrderStatus.OPEN, OrderStatus.OPEN, OrderStatus.FILLED]
    (fill,) = [e for e in events if isinstance(e, Execution)]
    assert (fill.client_id, fill.venue_order_id) == ("stop", reports[-1].child_id)


def test_pushes_of_a_triggered_stop_in_every_order(box):
    box.place("in")
    box.place("stop", STOP, -1, trigger=D(59_000), reduce_only=True)
    box.events()
    box.price("58990")
    pushes = [t for t in box.received if re.search(rb"personal\.(plan\.order|order|order\.deal)\"", t)]
    assert len(pushes) == 4  # triggered; child accepted, dealt, filled
    for texts in permutations(pushes):
        box.received[:] = texts
        box.edge._links = client_ids = ClientIds()
        client_ids.remember(box.new("stop", STOP, -1, trigger=D(59_000), reduce_only=True))
        events = box.events()
        mine = [e for e in events if isinstance(e, OrderReport) and e.client_id == "stop"]
        assert {(e.type, e.trigger) for e in mine} == {(STOP, D(59_000))}
        ends = {(e.status, e.filled, e.child_id) for e in mine if e.status.final}
        (fill,) = [e for e in events if isinstance(e, Execution)]
        assert ends == {(OrderStatus.FILLED, D("0.01"), fill.venue_order_id)}
        assert fill.client_id == "stop" or fill.client_id.startswith("_m_")


def test_a_liquidation_has_a_cause(box):
    box.place("in", quantity="0.5")
    box.events()
    box.price("53000")
    events = box.events()
    assert [e.cause for e in events if isinstance(e, Execution)] == [Cause.LIQUIDATION]
    (report,) = [e for e in events if isinstance(e, OrderReport) and e.status.final]
    assert report.client_id.startswith("autoclose-")


def test_messages_that_are_nothing_or_broken(box):
    assert box.edge.parse(b'{"channel":"pong","data":1}') is None
    assert box.edge.read({"channel": "push.personal.adl.level", "data": {"symbol": "BTC_USDT"}, "ts": 1}) == []
    assert box.edge.read({"channel": "push.personal.order", "data": {"symbol": "X_USDT"}, "ts": 1}) == []
    with pytest.raises(DataError, match=r"push\.personal\.order"):
        box.edge.read({"channel": "push.personal.order", "data": {"symbol": "BTC_USDT", "side": 1}, "ts": 1})
    with pytest.raises(DataError, match="must be 1, 2, 3 or 4"):
        codec.fill({"symbol": "BTC_USDT", "id": 1, "orderId": 1, "side": 9}, box.btc)


@pytest.fixture
def recorded(box):
    if not MEXC.is_dir():
        pytest.skip("the protocol fixtures are not there")
    for symbol in ("ETH_USDT", "CRV_USDT"):
        box.contracts[symbol] = codec.contract({**DETAIL, "symbol": symbol, "contractSize": D("0.01")})

    def read(name):
        text = (MEXC / f"{name}.txt").read_text()
        text = text[text.index("\n{") :] if "Subscriptions" in name else text.split("\n", 3)[3]
        return json.loads(text, parse_float=D)

    return box, read


def test_recorded_answers(recorded):
    box, read = recorded
    folder = "Endpoints/FuturesApi/"
    eth = box.contracts["ETH_USDT"]
    contracts = [codec.contract(row) for row in read(folder + "ExchangeData/GetSymbols")["data"]]
    assert [c.instrument.lot_size for c in contracts] == [D("0.0001"), D("0.001")]
    assert [c.instrument.maintenance_margin for c in contracts] == [0.004, 0.004]
    assert [c.instrument.levels[0][0] for c in contracts] == [1.0, 10.0]  # 100 levels of 10,000 contracts
    for name in ("GetOrder", "GetOrderByClientOrderId"):
        order = codec.order_report(read(folder + f"Trading/{name}")["data"], eth)
        assert (order.status, order.filled, order.average) == (OrderStatus.FILLED, D("0.01"), D("1208.35"))
        assert (order.side, order.reduce_only, order.type) == (1, True, OrderType.MARKET)
    (fill,) = [codec.fill(row, eth) for row in read(folder + "Trading/GetOrderTrades")["data"]]
    assert (fill.trade_id, fill.fee, fill.maker) == ("159274416", D("0.0072501"), False)
    (row,) = read(folder + "Trading/GetPositions")["data"]
    position = codec.position_report(row, eth, D("1217.3"))
    assert (position.quantity, position.entry_price, position.unrealized) == (D("0.01"), D("1217.3"), 0)
    payments = [codec.funding_payment(r) for r in codec.rows(read(folder + "Account/GetFundingHistory")["data"])]
    assert payments[0].amount == D("0.0837798")
    assert codec.balance(read(folder + "Account/GetBalances")["data"][0]).wallet == D("0.03176562")
    placed = codec.ack(box.new(), read(folder + "Trading/PlaceOrder")["data"])
    assert (placed.venue_id, placed.updated) == ("739113577038255616", 1761888808839)
    planned = codec.ack(box.new(kind=STOP), read(folder + "Trading/PlacePlanOrder")["data"])
    assert planned.venue_id == "739206374277809664"


def test_recorded_pushes(recorded):
    box, read = recorded
    events = {}
    for path in sorted((MEXC / "Subscriptions/FuturesApi").glob("*.txt")):
        events[path.stem] = box.edge.read(read(f"Subscriptions/FuturesApi/{path.stem}"))
    pushes = {name: events[0] for name, events in events.items() if events}
    assert set(pushes) == {"Balance", "LiquidationRisk", "Order", "PlanOrder", "UserTrade"}
    assert pushes["Balance"].wallet == D("0.7514236")
    assert pushes["Order"].status is OrderStatus.FILLED
    assert pushes["LiquidationRisk"] == MarginCall(("BTC_USDT",), 1760942212000)
    assert (pushes["PlanOrder"].type, pushes["PlanOrder"].trigger) == (STOP, D("46000.0"))
    assert (pushes["UserTrade"].client_id, pushes["UserTrade"].price) == ("ext_001", D("45000.5"))

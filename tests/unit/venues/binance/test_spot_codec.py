"""Spot's formats against the box: requests that it takes, answers and events that become reports."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.instruments import Instrument
from triplane.errors import DataError
from triplane.venues.base import BalanceChange, Execution, OrderReport, OrderStatus, OrderType
from triplane.venues.binance import spot_codec as codec
from triplane.venues.errors import NotFound, Refused, Why

D = Decimal
RULES = Instrument("BTCUSDT", D("0.1"), D("0.00001"), D("0.00001"), D(5), 0.0, "spot", can_short=False)


def test_a_market_order(spot_box):
    report = spot_box.place("m1")
    assert (report.client_id, report.status, report.filled) == ("m1", OrderStatus.FILLED, D("0.1"))
    new, *_, trade, done, base, quote = spot_box.events()
    assert isinstance(trade, Execution)
    assert (trade.client_id, trade.venue_order_id, trade.side) == ("m1", report.venue_id, 1)
    assert (trade.fee, trade.fee_asset) == (D("0.0001"), "BTC")
    assert (new.status, done.status) == (OrderStatus.OPEN, OrderStatus.FILLED)
    assert (base.asset, base.wallet) == ("BTC", D("0.0999"))
    assert quote.wallet == 10_000 - trade.price * trade.quantity
    found = codec.order_report(spot_box.ask(codec.named("GET", "BTCUSDT", "m1")))
    assert (found.average, found.venue_id, found.child_id) == (trade.price, report.venue_id, "")
    (row,) = spot_box.ask(codec.trades("BTCUSDT"))
    assert codec.fill(row) == Execution(
        **{name: getattr(trade, name) for name in Execution.__slots__} | {"client_id": ""}
    )


@pytest.mark.parametrize(
    ("kind", "trigger", "reach"), [("STOP_MARKET", "59000", 58_990), ("TAKE_PROFIT_MARKET", "61000", 61_010)]
)
def test_a_conditional_order_keeps_its_id(spot_box, kind, trigger, reach):
    spot_box.place()
    placed = spot_box.place("c", OrderType[kind], -1, "0.05", trigger=D(trigger), reduce_only=True)
    assert (placed.type, placed.trigger, placed.reduce_only) == (OrderType[kind], D(trigger), True)
    assert (placed.status, placed.child_id) == (OrderStatus.OPEN, "")
    spot_box.events()
    spot_box.price(reach)
    events = [e for e in spot_box.events() if not isinstance(e, BalanceChange)]
    assert {e.client_id for e in events} == {"c"}
    assert {e.child_id for e in events if isinstance(e, OrderReport)} == {placed.venue_id}
    assert events[-1].status is OrderStatus.FILLED
    found = codec.order_report(spot_box.ask(codec.named("GET", "BTCUSDT", "c")))
    assert (found.status, found.child_id) == (OrderStatus.FILLED, placed.venue_id)


def test_a_cancelled_order_keeps_its_name(spot_box):
    spot_box.place("l", OrderType.LIMIT, price=D(50_000))
    (row,) = spot_box.ask(codec.open_orders("BTCUSDT"))
    assert codec.order_report(row).price == 50_000
    spot_box.ask(codec.named("DELETE", "BTCUSDT", "l"))
    report = next(e for e in reversed(spot_box.events()) if isinstance(e, OrderReport))
    assert (report.client_id, report.status) == ("l", OrderStatus.CANCELLED)
    with pytest.raises(NotFound):
        spot_box.ask(codec.named("DELETE", "BTCUSDT", "l"))
    with pytest.raises(NotFound):
        spot_box.ask(codec.named("GET", "BTCUSDT", "never"))
    shown = {**spot_box.ask(codec.named("GET", "BTCUSDT", "l")), "clientOrderId": "of-the-cancel"}
    assert codec.order_report(shown, "l").client_id == "l"


@pytest.mark.parametrize(
    ("order", "why"),
    [
        ({"quantity": "1"}, Why.FUNDS),
        ({"quantity": "0.00001"}, Why.FILTER),
        ({"kind": OrderType.LIMIT, "price": D(61_000), "time_in_force": "GTX"}, Why.POST_ONLY),
        ({"kind": OrderType.LIMIT, "price": D(1000)}, Why.PRICE_BAND),
        ({"kind": OrderType.STOP_MARKET, "trigger": D(59_000)}, Why.WOULD_TRIGGER),
        ({"kind": OrderType.LIMIT, "price": D(50_000), "client_id": "twice"}, Why.DUPLICATE),
    ],
)
def test_why_an_order_was_refused(spot_box, order, why):
    spot_box.place("twice", OrderType.LIMIT, quantity="0.01", price=D(50_000))
    with pytest.raises(Refused) as refused:
        spot_box.place(**{"quantity": "0.01", **order})
    assert refused.value.why is why


def test_too_many(spot_box):
    for n in range(5):
        spot_box.place(f"s{n}", OrderType.STOP_MARKET, quantity="0.001", trigger=D(70_000))
    with pytest.raises(Refused) as refused:
        spot_box.place("s5", OrderType.STOP_MARKET, quantity="0.001", trigger=D(70_000))
    assert refused.value.why is Why.TOO_MANY


def test_what_is_not_told_and_what_cannot_be_read():
    assert codec.events({"e": "balanceUpdate", "E": 1, "a": "BTC", "d": "1", "T": 1}) == []
    assert codec.events({"e": "somethingNew"}) == []
    for event in ({"e": "executionReport"}, {"e": "outboundAccountPosition", "E": 1}):
        with pytest.raises(DataError, match=event["e"]):
            codec.events(event)


def trade(number, side, price, quantity, fee_asset=None):
    fee = D(quantity) * D("0.001") if fee_asset is None and side > 0 else D(0)
    return Execution(
        "BTCUSDT", str(number), "1", "", side, D(price), D(quantity), fee, fee_asset or ("BTC" if side > 0 else "USDT"),
        False, number,
    )  # fmt: skip


def owned_after(fills, start="0"):
    return D(start) + sum((f.side * f.quantity - (f.fee if f.fee_asset == "BTC" else 0) for f in fills), D(0))


@pytest.mark.parametrize(
    ("fills", "start", "price"),
    [
        ([trade(1, 1, 60_000, "0.1")], "0", 60_000),
        ([trade(1, 1, 60_000, "0.1"), trade(2, 1, 63_000, "0.2")], "0", 62_000),
        ([trade(1, 1, 60_000, "0.1"), trade(2, -1, 65_000, "0.05"), trade(3, 1, 62_000, "0.05")], "0", 61_000),
        ([trade(1, 1, 50_000, "0.1"), trade(2, -1, 55_000, "0.09990"), trade(3, 1, 60_000, "0.1")], "0", 60_000),
        ([trade(1, 1, 60_000, "0.1")], "0.00002", 60_000),  # dust from before
        ([trade(1, 1, 60_000, "0.1", "BNB")], "0", 60_000),
        ([trade(1, 1, 60_000, "0.1")], "0.5", 0),  # a deposit
        ([trade(1, 1, 60_000, "0.1")], "-0.05", 0),  # a withdrawal
        ([trade(1, -1, 60_000, "0.1")], "0.2", 0),  # bought before what is known
        ([], "0.2", 0),
    ],
)
def test_entry_price(fills, start, price):
    assert codec.entry_price(owned_after(fills, start), D(60_000), fills, "BTC", RULES) == price


@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 1000), st.integers(100, 900)), min_size=1, max_size=30),
)
def test_an_entry_price_is_within_the_prices_bought_at(steps):
    fills, held = [], D(0)
    for number, (buys, lots, price) in enumerate(steps):
        quantity = D(lots) / 1000 if buys else min(D(lots) / 1000, codec.rounded(held, RULES))
        if quantity > 0:
            fills.append(trade(number, 1 if buys else -1, price, str(quantity)))
            held = owned_after(fills)
    last = fills[-1].price if fills else D(1)
    found = codec.entry_price(held, last, fills, "BTC", RULES)
    bought = [f.price for f in fills if f.side > 0]
    if codec.is_dust(held, last, RULES):
        assert found == 0
    else:
        assert min(bought) <= found <= max(bought)


def test_a_position_is_rounded_down_to_the_lot():
    found = codec.position(RULES, D("0.099909999"), D(61_000), D(60_000))
    assert (found.quantity, found.unrealized) == (D("0.09990"), D("0.09990") * 1000)
    assert codec.is_dust(D("0.000009"), D(60_000), RULES)
    assert codec.is_dust(D("0.00008"), D(60_000), RULES)
    assert not codec.is_dust(D("0.00009"), D(60_000), RULES)


PROTOCOL = Path(__file__).parents[5] / "shared" / "data" / "protocol"


@pytest.mark.skipif(not PROTOCOL.is_dir(), reason="the protocol fixtures are not there")
class TestRecorded:
    def test_orders_and_trades(self):
        rows = json.loads((PROTOCOL / "binance_connector" / "spot_rest_api.json").read_text())
        orders = ("/api/v3/openOrders", "/api/v3/allOrders")
        for row in rows:
            if row["method"] == "GET" and row["path"] in orders:
                report = codec.order_report(row["response"][0])
                assert (report.price, report.quantity, report.status) == (D("0.1"), D("1.0"), OrderStatus.OPEN)
            elif row["path"] == "/api/v3/myTrades":
                assert codec.fill(row["response"][0]).fee_asset == "BNB"
        placed = [r["response"] for r in rows if (r["method"], r["path"]) == ("DELETE", "/api/v3/order")]
        assert codec.order_report(placed[0]).status is OrderStatus.CANCELLED

    def test_accounts(self):
        routes = json.loads((PROTOCOL / "gocryptotrader" / "http.json").read_text())["routes"]
        found = codec.owned(routes["/api/v3/account"]["GET"][0]["data"])
        assert found["BTC"].all == 0
        for row in routes["/api/v3/openOrders"]["GET"]:
            assert codec.order_report(row["data"][0]).status is OrderStatus.OPEN

    @pytest.mark.parametrize("name", ["AccountPosition", "Order", "Balance", "OcoOrder"])
    def test_events(self, name):
        text = (PROTOCOL / "binance_net" / "Subscriptions" / "Spot" / "Account" / f"{name}.txt").read_text()
        events = codec.events(json.loads(re.split(r"^= *\n", text, flags=re.MULTILINE)[1])["event"])
        assert [type(e) for e in events] == {"AccountPosition": [BalanceChange], "Order": [OrderReport]}.get(name, [])

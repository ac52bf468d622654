"""Balances: what is locked, what a fill moves, and that it adds up."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triplane.exchange.faults import parse

FEE = Decimal("0.001")


def test_a_buy_pays_its_fee_in_what_it_brings(spot):
    done = spot.order(quantity="0.1")
    fill = done["fills"][0]
    assert (fill["commission"], fill["commissionAsset"]) == ("0.00010000", "BTC")
    assert spot.owns("BTC") == ("0.09990000", "0.00000000")
    assert Decimal(spot.owns("USDT")[0]) == 10_000 - Decimal(done["cummulativeQuoteQty"])


def test_a_sell_pays_its_fee_in_what_it_brings(spot):
    spot.order(quantity="0.1")
    before = Decimal(spot.owns("USDT")[0])
    done = spot.order("SELL", "0.0999")
    value = Decimal(done["cummulativeQuoteQty"])
    assert done["fills"][0]["commissionAsset"] == "USDT"
    assert Decimal(done["fills"][0]["commission"]) == value * FEE
    assert Decimal(spot.owns("USDT")[0]) == before + value * (1 - FEE)
    assert spot.owns("BTC") == ("0.00000000", "0.00000000")


def test_more_than_is_owned_cannot_be_sold(spot):
    spot.order(quantity="0.1")
    assert spot.refused("SELL", "0.1") == (-2010, "Account has insufficient balance for requested action.")
    assert spot.refused("BUY", "1") == (-2010, "Account has insufficient balance for requested action.")


def test_a_working_order_locks_what_it_may_spend(spot):
    spot.order(quantity="0.01", price="50000", newClientOrderId="low")
    assert spot.owns("USDT") == ("9500.00000000", "500.00000000")
    spot.ok("DELETE", "order", symbol="BTCUSDT", origClientOrderId="low")
    assert spot.owns("USDT") == ("10000.00000000", "0.00000000")


def test_a_stop_and_a_target_cannot_rest_for_the_same_quantity(spot):
    spot.order(quantity="0.1")
    spot.order("SELL", "0.0999", type="STOP_LOSS", stopPrice="59000")
    assert spot.owns("BTC") == ("0.00000000", "0.09990000")
    assert spot.refused("SELL", "0.0999", type="TAKE_PROFIT", stopPrice="61000")[0] == -2010
    assert spot.refused("SELL", "0.0999", price="61000")[0] == -2010


def test_a_limit_gives_back_what_it_did_not_need(spot):
    done = spot.order(quantity="0.1", price="60500")
    assert done["status"] == "FILLED"
    assert Decimal(done["cummulativeQuoteQty"]) < 6050
    assert Decimal(spot.owns("USDT")[0]) == 10_000 - Decimal(done["cummulativeQuoteQty"])
    assert spot.owns("USDT")[1] == "0.00000000"


def test_a_triggered_buy_that_cannot_be_paid_expires(spot):
    spot.order(quantity="0.15", type="STOP_LOSS", stopPrice="61000", newClientOrderId="late")
    spot.price(80_000)
    assert spot.ok("GET", "order", symbol="BTCUSDT", origClientOrderId="late")["status"] == "EXPIRED"
    assert spot.owns("USDT") == ("10000.00000000", "0.00000000")


def test_futures_and_spot_are_apart(spot):
    spot.order(quantity="0.1")
    assert spot.box.account.positions == {}
    assert spot.box.account.wallet == 10_000
    spot.box.order(quantity="0.01")
    assert spot.owns("BTC")[0] == "0.09990000"


def test_a_deposit_and_a_withdrawal(spot):
    spot.dialect.deposit("k", "BTC", Decimal("0.5"))
    spot.dialect.deposit("k", "BTC", Decimal("-0.2"))
    assert spot.owns("BTC") == ("0.30000000", "0.00000000")


ORDERS = st.tuples(
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 8000).map(lambda n: str(Decimal(n) * Decimal("0.00001"))),
    st.sampled_from(["MARKET", "LIMIT", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT"]),
    st.integers(-40, 40).map(lambda n: 60_000 + n * 25),
    st.integers(-40, 40).map(lambda n: 60_000 + n * 25),
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(ORDERS, st.integers(-60, 60), st.booleans()), max_size=15))
def test_the_books_add_up(make_spot, steps):
    spot = make_spot()
    spot.price(60_000)
    for (side, quantity, kind, price, trigger), move, cancel in steps:
        more = {"type": kind}
        if kind not in ("MARKET", "STOP_LOSS", "TAKE_PROFIT"):
            more["price"] = price
        if kind not in ("MARKET", "LIMIT", "LIMIT_MAKER"):
            more["stopPrice"] = trigger
        spot.ask("POST", "order", **spot._order(side, quantity, more))
        spot.price(60_000 + move * 25)
        if cancel:
            spot.ask("DELETE", "openOrders", symbol="BTCUSDT")
    cash, coins = Decimal(10_000), Decimal(0)
    for fill in spot.account.fills:
        quantity, sign = fill.order.listing.quantity(fill.lots), fill.order.side
        cash -= sign * fill.value
        coins += sign * quantity
        assert fill.asset == ("BTC" if sign > 0 else "USDT")
        coins -= fill.fee if sign > 0 else 0
        cash -= fill.fee if sign < 0 else 0
    held = spot.account.holdings
    assert held["USDT"].free + held["USDT"].locked == cash
    assert held.get("BTC") is None or held["BTC"].free + held["BTC"].locked == coins
    for asset, holding in held.items():
        working = [o for o in spot.account.open.values() if o.spends == asset]
        assert holding.locked == sum((o.locked for o in working), Decimal(0))
        assert holding.free >= 0


@pytest.mark.parametrize("parts", [[0.25, 0.5], [0.1, 0.1, 0.1]])
def test_partial_fills_take_their_share_of_what_is_locked(spot, parts):
    spot.x.add_faults(parse([{"when": "POST /api/v3/order", "what": "partial", "parts": parts}]))
    spot.order(quantity="0.1", price="61000", newClientOrderId="p")
    for price in (60_000, 60_001, 60_002, 60_003):
        spot.price(price)
    done = spot.ok("GET", "order", symbol="BTCUSDT", origClientOrderId="p")
    assert (done["status"], done["executedQty"]) == ("FILLED", "0.10000000")
    assert len(spot.account.fills) == len(parts) + 1
    assert spot.owns("USDT")[1] == "0.00000000"
    assert Decimal(spot.owns("USDT")[0]) == 10_000 - Decimal(done["cummulativeQuoteQty"])

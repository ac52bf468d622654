"""What spot and futures write alike: sides, states, orders and executions."""

from decimal import Decimal

import pytest

from triplane.errors import DataError
from triplane.venues.base import NewOrder, OrderStatus, OrderType
from triplane.venues.binance.common import Names, order_params, report, side_of, state_of

D = Decimal
NAMES = Names("id", "symbol", "side", "qty", "done", "avg", "price", "stop", "reduce", "time")
ROW = {"id": "a", "symbol": "BTCUSDT", "side": "SELL", "qty": "0.010", "done": "0.004", "avg": "49000.5", "time": 7}


@pytest.mark.parametrize(("text", "side"), [("BUY", 1), ("SELL", -1)])
def test_sides(text, side):
    assert side_of(text) == side


@pytest.mark.parametrize("text", ["", "buy", "BOTH"])
def test_a_side_that_is_none(text):
    with pytest.raises(DataError, match="must be BUY or SELL"):
        side_of(text)


@pytest.mark.parametrize(
    ("text", "filled", "state"),
    [
        ("NEW", "0", OrderStatus.OPEN),
        ("PARTIALLY_FILLED", "1", OrderStatus.OPEN),
        ("FILLED", "2", OrderStatus.FILLED),
        ("CANCELED", "1", OrderStatus.CANCELLED),
        ("EXPIRED_IN_MATCH", "0", OrderStatus.EXPIRED),
        ("REJECTED", "0", OrderStatus.REJECTED),
        ("FINISHED", "2", OrderStatus.FILLED),
        ("FINISHED", "1", OrderStatus.EXPIRED),
        ("NEW_INSURANCE", "2", OrderStatus.FILLED),
        ("NEW_ADL", "1", OrderStatus.OPEN),
        ("A_WORD_OF_NEXT_YEAR", "2", OrderStatus.OPEN),
    ],
)
def test_states(text, filled, state):
    assert state_of(text, D(2), D(filled)) is state


def test_an_order_and_what_replaces_its_fields():
    seen = report(ROW, NAMES, OrderType.MARKET, "PARTIALLY_FILLED", venue_id="9")
    assert (seen.client_id, seen.venue_id, seen.symbol, seen.side) == ("a", "9", "BTCUSDT", -1)
    assert (seen.quantity, seen.filled, seen.average) == (D("0.010"), D("0.004"), D("49000.5"))
    assert (seen.price, seen.trigger, seen.reduce_only, seen.updated) == (None, None, False, 7)
    known = report(ROW, NAMES, OrderType.MARKET, "FINISHED", client_id="b", filled=D("0.010"))
    assert (known.client_id, known.status) == ("b", OrderStatus.FILLED)


def test_a_quantity_leaves_without_an_exponent():
    order = NewOrder("a", "BTCUSDT", -1, OrderType.MARKET, D("1E-7"))
    said = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.0000001"}
    assert order_params(order, "MARKET") == said

"""Every number on the wire is on the grid and without an exponent, whatever the grid."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.instruments import Instrument
from triplane.venues.base import NewOrder, OrderType
from triplane.venues.binance import codec
from triplane.venues.errors import Refused
from triplane.venues.wire import check_grid

SIZES = st.builds(
    lambda digit, exponent: Decimal(digit).scaleb(exponent), st.sampled_from([1, 2, 5, 25]), st.integers(-12, 4)
)
STEPS = st.integers(1, 10**9)


@given(SIZES, SIZES, STEPS, STEPS, st.sampled_from(OrderType), st.sampled_from([1, -1]), st.booleans())
def test_what_is_on_the_grid_leaves_as_it_is(tick, lot, ticks, lots, kind, side, reduce_only):
    rules = Instrument("XUSDT", tick, lot)
    price = rules.price(ticks)
    levels = {"trigger": price} if kind.conditional else {"price": price} if kind is OrderType.LIMIT else {}
    order = NewOrder("a", "XUSDT", side, kind, rules.quantity(lots), reduce_only=reduce_only, **levels)
    check_grid(order, rules)
    params = codec.place(order).params
    for name, size, steps in (("quantity", lot, lots), ("price", tick, ticks), ("triggerPrice", tick, ticks)):
        if name in params:
            assert re.fullmatch(r"\d+(\.\d+)?", params[name])
            assert Decimal(params[name]) == size * steps
    assert all(isinstance(value, str) for value in params.values())
    assert ("reduceOnly" in params) is reduce_only


@given(SIZES, STEPS, st.sampled_from(["quantity", "trigger", "price"]), st.sampled_from(["0.5", "0.999999", "-1"]))
def test_what_is_off_the_grid_is_refused(size, steps, name, part):
    rules = Instrument("XUSDT", size, size)
    values = dict.fromkeys(("quantity", "trigger", "price"), rules.price(steps))
    values[name] = values[name] * -1 if part == "-1" else values[name] + size * Decimal(part)
    with pytest.raises(Refused, match=name):
        check_grid(NewOrder("a", "XUSDT", 1, OrderType.LIMIT, **values), rules)

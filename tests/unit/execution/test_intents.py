"""The core's audit rows become orders: exact decimals on the grid, and an identity for each revision."""

import numpy as np
import pytest
from harness import RULES, SYMBOL, D

from triplane.execution.intents import amended, placed
from triplane.kernel import codes
from triplane.kernel.codes import Leg, RowKind
from triplane.kernel.rows import OUTPUT
from triplane.venues.base import OrderType


def row(kind, **fields):
    made = np.zeros(1, OUTPUT)[0]
    made["kind"], made["decision"] = kind, 7
    for name, value in fields.items():
        made[name] = value
    return made


def placing(kind, leg, **more):
    fields = {"leg": leg, "order": 3, "type": kind, "side": -1, "quantity_lots": 25, "time": 900, **more}
    return placed("s", [RULES], row(RowKind.PLACE, **fields), 1_000)


@pytest.mark.parametrize(
    ("kind", "leg", "fields", "means"),
    [
        (codes.OrderType.MARKET, Leg.ENTRY, {}, (OrderType.MARKET, None, None, False)),
        (codes.OrderType.LIMIT, Leg.ENTRY, {"price_ticks": 490_001}, (OrderType.LIMIT, D("49000.1"), None, False)),
        (
            codes.OrderType.STOP_MARKET,
            Leg.STOP,
            {"trigger_ticks": 480_000, "flag": 1},
            (OrderType.STOP_MARKET, None, D("48000"), True),
        ),
    ],
)
def test_a_placed_order(kind, leg, fields, means):
    order = placing(kind, leg, **fields)
    new = order.new
    assert (new.type, new.price, new.trigger, new.reduce_only) == means
    assert (new.client_id, new.symbol, new.side) == (f"s.0.7.{'es'[leg == Leg.STOP]}.3", SYMBOL, -1)
    assert str(new.quantity) == "0.025"
    assert (order.k, order.leg, order.number, order.revision) == (0, leg, 3, 0)
    assert (order.wanted_at, order.decided_at) == (1_000, 900)


@pytest.mark.parametrize(("leg", "means"), [(Leg.STOP, OrderType.STOP_MARKET), (Leg.TP1, OrderType.TAKE_PROFIT_MARKET)])
def test_an_amended_order_is_another_one(leg, means):
    old = placing(codes.OrderType.STOP_MARKET, leg, trigger_ticks=480_000, flag=1)
    fields = {"leg": leg, "order": 3, "bits": 2, "quantity_lots": 10, "trigger_ticks": 485_005}
    order = amended("s", [RULES], row(RowKind.AMEND, **fields), old, 2_000)
    assert (order.new.client_id, order.revision) == (f"{old.new.client_id}.2", 2)
    assert (order.new.type, order.new.quantity, order.new.trigger) == (means, D("0.010"), D("48500.5"))
    assert (order.new.side, order.new.reduce_only, order.new.price) == (-1, True, None)
    assert (order.wanted_at, order.decided_at) == (2_000, 900)  # when it was decided stays

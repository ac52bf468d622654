"""Two trades worked out by hand: every column of every row that they leave.

A long of 2 at market with two targets (a quarter at +3, the rest at +6), a stop at 4, slippage of a thousandth, fees of
5 in ten thousand, and a funding of two thousandths on 1.5 at 100. And a short by a limit that expires, an entry that is
refused, and one that rests and pays the maker's fee of 2 in ten thousand; of its funding nobody told.
"""

from typing import Any

import pytest

from triplane.kernel.codes import Check, CommandKind, Leg, OrderEnd, OrderType, Reason, RowKind, SignalStatus, State
from triplane.kernel.rows import VIEWS, named
from triplane.strategies.base import Enter

MINUTE = 60_000
COSTS = {"maker_fee": 0.0002, "taker_fee": 0.0005, "slippage": 0.001, "leverage": 10}
FLAT = (100.0, 100.0, 100.0, 100.0)
LONG = Enter(
    1,
    stop_distance=4.0,
    target_distances=[3.0, 6.0],
    fractions=[0.25],
    confidence=0.75,
    reasons=[0, 2],
    seen=[1.5, 2.5],
)
MARKET = [
    FLAT,
    (100.0, 101.0, 98.0, 100.5),  # in at the open, 100 and a thousandth
    (101.0, 104.0, 100.5, 103.5),  # through the first target, 103.1
    (103.0, 103.2, 101.0, 102.0),
    (101.5, 101.6, 99.0, 99.5),  # back through the price of the entry, 100.1
]


def told(run: Any, kind: RowKind) -> list[dict[str, Any]]:
    """The rows of a kind, by column, without their running number, kind and symbol."""
    rows = [row._asdict() for row in named(run.rows) if row.kind == kind]
    assert all(row.pop("symbol") == 0 and row.pop("kind") == kind and row.pop("seq") > 0 for row in rows)
    return rows


LONG_ROWS = {
    RowKind.SIGNAL: [
        {"time": 1, "decision": 1, "side": 1, "quantity_lots": 2000, "entry_type": OrderType.MARKET,
         "status": SignalStatus.EXECUTED, "closing": 0, "capped": 0, "reasons": 0b101, "price": 100.0, "entry": 100.0,
         "stop": 96.0, "targets": (103.0, 106.0, 0.0), "confidence": 0.75, "quantity": 2.0,
         "seen": (1.5, 2.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)},
    ],
    RowKind.PLACE: [
        {"time": minute, "decision": 1, "order": order, "leg": leg, "type": kind, "side": side, "price_ticks": 0,
         "trigger_ticks": trigger, "quantity_lots": lots, "expires_at": 0, "reduce_only": int(order > 1),
         "reason": reason, "reference": reference}
        for minute, order, leg, kind, side, trigger, lots, reason, reference in (
            (1, 1, Leg.ENTRY, OrderType.MARKET, 1, 0, 2000, Reason.NONE, 100.0),
            (2, 2, Leg.STOP, OrderType.STOP_MARKET, -1, 961, 2000, Reason.STOP, 96.1),
            (2, 3, Leg.TP1, OrderType.TAKE_PROFIT_MARKET, -1, 1031, 500, Reason.TARGET, 103.1),
            (2, 4, Leg.TP2, OrderType.TAKE_PROFIT_MARKET, -1, 1061, 1500, Reason.TARGET, 106.1),
        )
    ],
    RowKind.AMEND: [
        {"time": 3, "decision": 1, "order": 2, "leg": Leg.STOP, "trigger_ticks": 961, "quantity_lots": 1500,
         "reason": Reason.STOP, "revision": 1},
        {"time": 3, "decision": 1, "order": 2, "leg": Leg.STOP, "trigger_ticks": 1001, "quantity_lots": 1500,
         "reason": Reason.BREAK_EVEN, "revision": 2},
    ],
    RowKind.CANCEL: [
        {"time": 5, "decision": 1, "order": 4, "leg": Leg.TP2, "reason": Reason.BREAK_EVEN, "unconfirmed": 0},
    ],
    RowKind.STATE: [
        {"time": minute, "decision": decision, "order": order, "to_state": to, "from_state": before, "reason": reason}
        for minute, decision, order, before, to, reason in (
            (1, 0, 0, State.BOOTSTRAP, State.SCANNING, Reason.WARM),
            (1, 1, 1, State.SCANNING, State.ENTRY_PENDING, Reason.ENTRY_PLACED),
            (2, 1, 1, State.ENTRY_PENDING, State.IN_POSITION, Reason.ENTRY_FILLED),
            (5, 1, 2, State.IN_POSITION, State.COOLDOWN, Reason.BREAK_EVEN),
            (5, 1, 0, State.COOLDOWN, State.SCANNING, Reason.COOLDOWN_OVER),
        )
    ],
    RowKind.FILL: [  # 103.1 less a thousandth is 102.9969, 100.1 is 99.9999: down to the tick
        {"time": minute, "decision": 1, "order": order, "leg": leg, "type": kind, "side": side, "price_ticks": ticks,
         "quantity_lots": lots, "maker": 0, "reason": reason, "done": 1, "fee": ticks / 10 * lots / 1000 * 0.0005,
         "reference": reference, "slippage": slippage, "position_lots": after, "filled_at": (minute - 1) * MINUTE}
        for minute, order, leg, kind, side, ticks, lots, reason, reference, slippage, after in (
            (2, 1, Leg.ENTRY, OrderType.MARKET, 1, 1001, 2000, Reason.NONE, 100.0, 0.1, 2000),
            (3, 3, Leg.TP1, OrderType.TAKE_PROFIT_MARKET, -1, 1029, 500, Reason.TARGET, 103.1, 0.2, 1500),
            (5, 2, Leg.STOP, OrderType.STOP_MARKET, -1, 999, 1500, Reason.BREAK_EVEN, 100.1, 0.2, 0),
        )
    ],
    RowKind.TRADE: [
        # out at (0.5 × 102.9 + 1.5 × 99.9) / 2; fees 0.1001 + 0.025725 + 0.074925; gross 2 × 0.55; risk 2 × 4
        {"time": 5, "decision": 1, "order": 2, "side": 1, "quantity_lots": 2000, "reason": Reason.BREAK_EVEN,
         "entry_bar": 1, "entry_price": 100.1, "exit_price": 100.65, "pnl": 1.1 - 0.20075 - 0.3, "fees": 0.20075,
         "entry_time": MINUTE, "exit_time": 4 * MINUTE, "r_multiple": 0.59925 / 8, "mae": 98.0 - 100.1,
         "mfe": 104.0 - 100.1, "slippage": 2 * 0.1 + 0.5 * 0.2 + 1.5 * 0.2, "funding": -0.3,
         "balance_after": 10_000.59925, "bars_held": 3},
    ],
    RowKind.REJECT: [],
    RowKind.ORDER: [],
}  # fmt: skip

SHORT_SCRIPT = {
    0: Enter(-1, entry=102.0, entry_type="limit", stop=105.0, targets=[99.0], ttl_bars=1),
    2: Enter(1, stop=101.0),
    3: Enter(-1, entry=100.5, entry_type="limit", stop=104.0, targets=[98.0]),
}
SHORT_MARKET = [*[FLAT] * 4, (100.0, 101.0, 99.5, 100.2), (100.0, 100.4, 97.0, 97.5)]
SHORT_ROWS = {
    RowKind.ORDER: [
        {"time": 2, "decision": 1, "order": 1, "leg": Leg.ENTRY, "end": OrderEnd.EXPIRED,
         "reason": Reason.ENTRY_EXPIRED},
    ],
    RowKind.REJECT: [
        {"time": 3, "decision": 2, "side": 1, "check": Check.BAD_STOP, "value": 101.0, "limit": 100.0, "entry": 100.0,
         "stop": 101.0},
    ],
    RowKind.PLACE: [
        {"time": minute, "decision": decision, "order": order, "leg": leg, "type": kind, "side": side,
         "price_ticks": price, "trigger_ticks": trigger, "quantity_lots": 2000, "expires_at": until * MINUTE,
         "reduce_only": int(leg != Leg.ENTRY), "reason": reason, "reference": reference}
        for minute, decision, order, leg, kind, side, price, trigger, until, reason, reference in (
            (1, 1, 1, Leg.ENTRY, OrderType.LIMIT, -1, 1020, 0, 2, Reason.NONE, 102.0),
            (4, 3, 2, Leg.ENTRY, OrderType.LIMIT, -1, 1005, 0, 28, Reason.NONE, 100.5),
            (5, 3, 3, Leg.STOP, OrderType.STOP_MARKET, 1, 0, 1040, 0, Reason.STOP, 104.0),
            (5, 3, 4, Leg.TP1, OrderType.TAKE_PROFIT_MARKET, 1, 0, 980, 0, Reason.TARGET, 98.0),
        )
    ],
    RowKind.FILL: [  # 98 and a thousandth is 98.098: up to the tick
        {"time": 5, "decision": 3, "order": 2, "leg": Leg.ENTRY, "type": OrderType.LIMIT, "side": -1,
         "price_ticks": 1005, "quantity_lots": 2000, "maker": 1, "reason": Reason.NONE, "done": 1,
         "fee": 2 * 100.5 * 0.0002, "reference": 100.5, "slippage": 0.0, "position_lots": -2000,
         "filled_at": 4 * MINUTE},
        {"time": 6, "decision": 3, "order": 4, "leg": Leg.TP1, "type": OrderType.TAKE_PROFIT_MARKET, "side": 1,
         "price_ticks": 981, "quantity_lots": 2000, "maker": 0, "reason": Reason.TARGET, "done": 1,
         "fee": 2 * 98.1 * 0.0005, "reference": 98.0, "slippage": 0.1, "position_lots": 0, "filled_at": 5 * MINUTE},
    ],
    RowKind.TRADE: [
        # of the candle of its entry the position saw the close alone, 100.2; of the last one its own exit, 98.1
        {"time": 6, "decision": 3, "order": 4, "side": -1, "quantity_lots": 2000, "reason": Reason.TARGET,
         "entry_bar": 4, "entry_price": 100.5, "exit_price": 98.1, "pnl": 4.8 - 0.0402 - 0.0981, "fees": 0.1383,
         "entry_time": 4 * MINUTE, "exit_time": 5 * MINUTE, "r_multiple": 4.6617 / 7, "mae": 0.0, "mfe": 2.4,
         "slippage": 0.2, "funding": float("nan"), "balance_after": 10_004.6617, "bars_held": 1},
    ],
    RowKind.AMEND: [],
    RowKind.CANCEL: [
        {"time": 6, "decision": 3, "order": 3, "leg": Leg.STOP, "reason": Reason.TARGET, "unconfirmed": 0},
    ],
}  # fmt: skip


@pytest.mark.parametrize("kind", list(LONG_ROWS), ids=lambda kind: kind.label)
def test_a_long_with_two_targets_leaves_these_rows(play, candles, kind):
    told_later = {2: {"kind": CommandKind.FUNDING_RATE, "rate": 0.002, "mark": 100.0}}
    run = play(candles(MARKET), {0: LONG}, quantity="2", costs=COSTS, commands=told_later)
    same(told(run, kind), LONG_ROWS[kind])


@pytest.mark.parametrize("kind", list(SHORT_ROWS), ids=lambda kind: kind.label)
def test_a_limit_that_expires_and_a_short_by_one_leave_these_rows(play, candles, kind):
    run = play(candles(SHORT_MARKET), SHORT_SCRIPT, quantity="2", costs=COSTS)
    same(told(run, kind), SHORT_ROWS[kind])


def same(rows: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Every column of every row; times are in minutes."""
    assert len(rows) == len(wanted)
    for row, expected in zip(rows, wanted, strict=True):
        assert row.keys() == expected.keys()
        for name, value in {**expected, "time": expected["time"] * MINUTE}.items():
            assert row[name] == pytest.approx(value, rel=1e-12, abs=1e-12, nan_ok=True), name


def test_every_column_of_every_kind_of_row_is_in_the_example():
    for kind, view in VIEWS.items():
        names = {name for rows in (LONG_ROWS, SHORT_ROWS) for row in rows.get(kind, ()) for name in row}
        assert names == set(view.names) - {"seq", "kind", "symbol"}, kind


@pytest.mark.parametrize("side", [1, -1])
@pytest.mark.parametrize(("gap", "mae", "mfe"), [(-6.0, -6.0, 0.0), (9.0, 0.0, 9.0)])
def test_the_price_of_the_way_out_counts_for_the_best_and_the_worst_seen(play, candles, side, gap, mae, mfe):
    """Stop at 4, target at 6; the market jumps over the one or the other, and nothing else was ever seen."""
    gone = 100.0 + side * gap
    run = play(
        candles([FLAT, FLAT, (gone,) * 4]), {0: Enter(side, stop=100.0 - side * 4.0, targets=[100.0 + side * 6.0])}
    )
    (trade,) = told(run, RowKind.TRADE)
    assert (trade["exit_price"], trade["mae"], trade["mfe"]) == (gone, mae, mfe)

"""Rows and commands: the bytes in a journal never change, and every column has one name a kind."""

import numpy as np
import pytest

from triplane.kernel import inputs, rows
from triplane.kernel.codes import Code, CommandKind, Reason, RowKind
from triplane.kernel.records import CANDLE, LIMITS
from triplane.kernel.rows import OUT_ROWS, OUTBOX, OUTPUT, named, of_kind

HEAD = {"seq", "time", "decision", "kind", "symbol"}


def offsets(dtype):
    return {name: dtype.fields[name][1] for name in dtype.names}


def test_the_layouts_of_journaled_records():
    assert offsets(OUTPUT) == {
        "seq": 0, "time": 8, "decision": 16, "order": 24, "price_ticks": 32, "trigger_ticks": 40, "quantity_lots": 48,
        "expires_at": 56, "kind": 64, "symbol": 66, "leg": 68, "type": 70, "side": 72, "code": 74, "code2": 76,
        "flag": 78, "bits": 80, "x": 88,
    }  # fmt: skip
    assert offsets(inputs.COMMAND) == {
        "time": 0, "number": 8, "price": 16, "targets": 24, "kind": 48, "code": 50, "flag": 52, "side": 54, "ticks": 56,
        "lots": 64, "fee": 72, "trade": 80, "leg": 88, "maker": 90, "done": 92,
    }  # fmt: skip
    assert (OUTPUT.itemsize, inputs.COMMAND.itemsize, CANDLE.itemsize, LIMITS.itemsize) == (216, 96, 48, 160)


@pytest.mark.parametrize(
    ("views", "whole", "codes"), [(rows.VIEWS, OUTPUT, RowKind), (inputs.VIEWS, inputs.COMMAND, CommandKind)]
)
def test_views_name_bytes_of_the_record_once(views, whole, codes: type[Code]):
    assert set(views) == set(codes) - {codes.of("none")}
    for view in views.values():
        assert view.itemsize == whole.itemsize
        taken: set[int] = set()
        for name in view.names:
            dtype, offset = view.fields[name][:2]
            covered = set(range(offset, offset + dtype.itemsize))
            assert not covered & taken, name
            taken |= covered
            column = next(c for c in whole.names if offset in range(*span(whole, c)))
            assert dtype.base == whole.fields[column][0].base, name


def span(dtype, name):
    column, offset = dtype.fields[name][:2]
    return offset, offset + column.itemsize


def test_columns_of_x_follow_one_another():
    for kind, view in rows.VIEWS.items():
        inside = sorted(span(view, name) for name in view.names if span(view, name)[0] >= OUTPUT.fields["x"][1])
        assert [begin for begin, _ in inside] == [OUTPUT.fields["x"][1], *(end for _, end in inside)][: len(inside)], (
            kind
        )


def test_the_outbox_holds_the_same_rows_for_every_kind():
    out = np.zeros(1, OUTBOX)
    out["trade_rows"][0, 3]["pnl"] = 7.5
    out["rows"][0, 3]["kind"] = RowKind.TRADE

    assert OUTBOX.itemsize == OUT_ROWS * OUTPUT.itemsize
    assert out["rows"][0, 3]["x"][2] == 7.5
    (trade,) = of_kind(out["rows"][0], RowKind.TRADE)
    assert (trade["pnl"], trade["fees"]) == (7.5, 0.0)
    assert len(of_kind(out["rows"][0], RowKind.FILL)) == 0


def test_rows_by_name():
    made = np.zeros(3, OUTPUT)
    made["seq"] = 1, 2, 3
    made["kind"] = RowKind.SIGNAL, RowKind.STATE, RowKind.TRADE
    made["code2"][1], made["flag"][1], made["bits"][0] = 2, Reason.WARM, 5
    made["x"] = np.arange(16)

    signal, state, trade = named(made)

    assert set(signal._fields) & set(state._fields) & set(trade._fields) >= HEAD
    assert (signal.price, signal.targets, signal.confidence, signal.reasons) == (0.0, (3.0, 4.0, 5.0), 6.0, 5)
    assert signal.seen == tuple(float(i) for i in range(8, 16))
    assert (state.seq, state.from_state, state.reason) == (2, 2, Reason.WARM)
    assert (trade.pnl, trade.balance_after, trade.bars_held) == (2.0, 11.0, 12.0)
    assert {type(value) for value in trade} == {int, float}
    assert named(made[:0]) == []

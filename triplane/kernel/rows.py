"""TEMPORARY until the kernel branch lands."""

from collections import namedtuple
from collections.abc import Iterator
from typing import Any

from triplane.kernel.records import OUTPUT

Row: Any = namedtuple("Row", OUTPUT.names or ())
_X = {
    1: namedtuple("SignalX", "price entry stop tp1 tp2 tp3 confidence size seen"),
    2: namedtuple("RejectX", "value limit entry stop"),
    3: namedtuple("PlaceX", "reference"),
    7: namedtuple("FillX", "fee reference slippage lots_after time"),
    9: namedtuple(
        "TradeX",
        "entry_price exit_price pnl fees entry_time exit_time r_multiple mae mfe slippage funding balance_after bars_held",
    ),
}


def read(rows: Any) -> Iterator[Any]:
    for values, x in zip(rows.tolist(), rows["x"].tolist(), strict=True):
        kind = values[8]
        if kind == 1:
            x = _X[1](*x[:8], x[8:])
        elif kind in _X:
            t = _X[kind]
            x = t(*x[: len(t._fields)])
        yield Row._make((*values[:-1], x))

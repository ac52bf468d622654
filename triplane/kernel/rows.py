"""The audit rows: everything that the core says leaves it as a row of :data:`OUTPUT`.

A row's general columns (``code``, ``flag``, ``x`` …) mean something else in each kind of row. What they mean is
declared here, once, as a view of the same bytes with a name for every column: ``TRADE_ROW`` and so on. Compiled code
writes through the views (``out.trade_rows[i].pnl = …``), Python reads through them
(``of_kind(rows, RowKind.TRADE)["pnl"]``). Nothing here needs the compiler.
"""

import struct
from collections import namedtuple
from typing import Any, Final

import numpy as np

from triplane.kernel.codes import RowKind
from triplane.kernel.layout import overlay, record

Array = np.ndarray[Any, Any]

OUTPUT = record(
    [
        ("seq", "i8"),  # running number of the row in the session
        ("time", "i8"),  # when it was known: the close of the candle, or the event's time
        ("decision", "i8"),
        ("order", "i8"),
        ("price_ticks", "i8"),
        ("trigger_ticks", "i8"),
        ("quantity_lots", "i8"),
        ("expires_at", "i8"),
        ("kind", "i2"),  # RowKind
        ("symbol", "i2"),  # index in the session
        ("leg", "i2"),  # Leg
        ("type", "i2"),  # OrderType
        ("side", "i2"),
        ("code", "i2"),
        ("code2", "i2"),
        ("flag", "i2"),
        ("bits", "i8"),
        ("x", "f8", (16,)),
    ]
)
"""One row as it stands in the journal. Never changes."""

NO_ROW = np.zeros(1, OUTPUT)

LAST_DECISION: Final = RowKind.STATE
"""Rows up to this kind are decisions and enter ``decisions_sha256``; the rest are reports of the broker."""


def _view(*same: str, x: tuple[str | tuple[str, int], ...] = (), **renamed: str) -> "np.dtype[Any]":
    """A row's columns: those that keep their name, those of ``x`` in order, and those that have another name here."""
    columns: Any = OUTPUT.fields
    head = ("seq", "time", "decision", "kind", "symbol")
    fields: dict[str, tuple[Any, int]] = {name: columns[name][:2] for name in (*head, *same)}
    fields |= {name: columns[column][:2] for name, column in renamed.items()}
    at = columns["x"][1]
    for column in x:
        name, length = (column, 1) if isinstance(column, str) else column
        dtype = np.dtype("f8") if length == 1 else np.dtype(("f8", (length,)))
        fields[name] = (dtype, at)
        at += dtype.itemsize
    return overlay(OUTPUT.itemsize, fields)


SIGNAL_ROW = _view(
    "side",
    "quantity_lots",  # 0 until it is sized
    entry_type="type",  # OrderType
    status="code",  # SignalStatus; a later row of the same decision moves it forward
    closing="flag",  # 1: the signal closes the position
    capped="code2",  # 1: a limit made the size smaller than its risk
    reasons="bits",  # sentences in the strategy's spec
    x=("price", "entry", "stop", ("targets", 3), "confidence", "quantity", ("seen", 8)),
)
"""What the strategy said. Entry, stop, targets and quantity (base units) are 0 where there is none."""

REJECT_ROW = _view("side", check="code", x=("value", "limit", "entry", "stop"))
"""A signal was refused: the first ``Check`` that failed, with its value and limit."""

PLACE_ROW = _view(
    "order", "leg", "type", "side", "price_ticks", "trigger_ticks", "quantity_lots", "expires_at",
    reduce_only="flag",
    reason="code",  # Reason of an exit
    x=("reference",),  # the price that was asked for
)  # fmt: skip
"""An order is to be placed."""

AMEND_ROW = _view("order", "leg", "trigger_ticks", "quantity_lots", reason="code", revision="bits")
"""A working order gets another trigger and quantity; ``revision`` counts how often."""

CANCEL_ROW = _view("order", "leg", reason="code", unconfirmed="flag")
"""An order is to be cancelled; unconfirmed: it counts as working until the venue says that it is over."""

STATE_ROW = _view("order", to_state="code", from_state="code2", reason="flag")
"""The state machine moved."""

FILL_ROW = _view(
    "order", "leg", "type", "side", "price_ticks", "quantity_lots",
    maker="flag",
    reason="code",  # Reason of an exit
    done="code2",  # the order is complete
    x=("fee", "reference", "slippage", "position_lots", "filled_at"),  # slippage in price units, against us positive
)  # fmt: skip
"""An order was filled, in whole or in part; ``position_lots`` is the signed position after it."""

ORDER_ROW = _view("order", "leg", end="code", reason="code2")
"""An order ended without a (further) fill: ``OrderEnd``, ``Reason``."""

TRADE_ROW = _view(
    "order", "side", "quantity_lots",
    reason="code",
    entry_bar="bits",
    x=(
        "entry_price", "exit_price", "pnl", "fees", "entry_time", "exit_time", "r_multiple", "mae", "mfe", "slippage",
        "funding", "balance_after", "bars_held",
    ),
)  # fmt: skip
"""A position has closed; ``pnl`` is net, ``mae`` and ``mfe`` are in price units.

``funding`` is what was received, negative when it was paid, NaN when it is not known.
"""

VIEWS: Final = {
    RowKind.SIGNAL: SIGNAL_ROW,
    RowKind.REJECT: REJECT_ROW,
    RowKind.PLACE: PLACE_ROW,
    RowKind.AMEND: AMEND_ROW,
    RowKind.CANCEL: CANCEL_ROW,
    RowKind.STATE: STATE_ROW,
    RowKind.FILL: FILL_ROW,
    RowKind.ORDER: ORDER_ROW,
    RowKind.TRADE: TRADE_ROW,
}
"""The view of each kind of row."""

# ------------------------------------------------------------------------------------------------- written by the core
OUT_ROWS: Final = 1 << 16
OUT_MARGIN: Final = 64
"""Free rows that the outbox must have for each candle of a moment before it is taken."""
OUT_FULL: Final = 896
"""Rows after which it is to be emptied: as many as stay in the processor's caches."""


def _rows(view: "np.dtype[Any]") -> tuple["np.dtype[Any]", int]:
    return np.dtype((view, (OUT_ROWS,))), 0


OUTBOX = overlay(
    OUTPUT.itemsize * OUT_ROWS,
    {"rows": _rows(OUTPUT), **{f"{kind.label}_rows": _rows(view) for kind, view in VIEWS.items()}},
)
"""The rows since it was last emptied, ``ACCOUNT.n_out`` of them: as ``rows`` and, by kind, as ``trade_rows``.

A record, because passing an array from function to function costs two atomic reference counts each time.
"""


# --------------------------------------------------------------------------------------------------- read from Python
_LETTERS: Final = {"i2": "h", "i8": "q", "f8": "d"}


class _Reader:
    """Reads a row of one kind out of bytes: several times as fast as asking NumPy for one row."""

    def __init__(self, kind: RowKind) -> None:
        columns: Any = VIEWS[kind].fields
        placed = sorted((offset, name, dtype) for name, (dtype, offset) in columns.items())
        made: Any = namedtuple(f"{kind.label.title()}Row", [n for _, n, _ in placed])  # type: ignore[misc]
        self.make = made._make
        self.groups: list[tuple[int, int]] = []  # columns with several values, the last first
        code, at, n = "<", 0, 0
        for offset, _, dtype in placed:
            length = dtype.shape[0] if dtype.shape else 1
            if dtype.shape:
                self.groups.insert(0, (n, n + length))
            code += f"{offset - at}x{length}{_LETTERS[dtype.base.str[1:]]}"
            at, n = offset + dtype.itemsize, n + length
        self.unpack = struct.Struct(code).unpack_from

    def __call__(self, content: bytes, at: int) -> Any:
        values: Any = self.unpack(content, at)
        for begin, end in self.groups:
            values = (*values[:begin], values[begin:end], *values[end:])
        return self.make(values)


_READERS: Final = {int(kind): _Reader(kind) for kind in VIEWS}


def of_kind(rows: Array, kind: RowKind) -> Array:
    """The rows of one kind, as its view: a copy."""
    plain = rows.view(f"V{OUTPUT.itemsize}")  # NumPy copies records field by field, and plain bytes at once
    found: Array = plain[rows["kind"] == kind].view(VIEWS[kind])
    return found


def named(rows: Array) -> list[Any]:
    """Every row as a named tuple of its kind's columns, in Python's own numbers: about 1 µs each."""
    content, size = rows.tobytes(), OUTPUT.itemsize
    return [_READERS[kind](content, i * size) for i, kind in enumerate(rows["kind"].tolist())]

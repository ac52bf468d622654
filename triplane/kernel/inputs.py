"""What goes into the core between candles: commands of a person, a timer or a watchdog, and reports of a venue.

Each is one record of :data:`COMMAND`, journaled before the core sees it. What its general columns mean depends on the
kind, and is declared here once, as a view of the same bytes (as for the rows that come out, see ``rows.py``): compiled
code reads ``cmd.as_gate.closed``, Python makes ``command(CommandKind.GATE, gate=Gate.STALE_FEED, closed=1)``.
Nothing here needs the compiler.
"""

from typing import Any, Final

import numpy as np

from triplane.kernel.codes import CommandKind
from triplane.kernel.layout import overlay, record

Array = np.ndarray[Any, Any]

COMMAND = record(
    [
        ("time", "i8"),
        ("number", "i8"),
        ("price", "f8"),
        ("targets", "f8", (3,)),
        ("kind", "i2"),  # CommandKind
        ("code", "i2"),
        ("flag", "i2"),
        ("side", "i2"),
        # of what a venue reports
        ("ticks", "i8"),
        ("lots", "i8"),
        ("fee", "f8"),  # quote currency
        ("trade", "i8"),  # the venue's number of the execution
        ("leg", "i2"),
        ("maker", "i2"),
        ("done", "i2"),  # the order is complete
    ]
)
"""One command or report as it stands in the journal. Never changes."""


def _view(*same: str, **renamed: str) -> "np.dtype[Any]":
    """A command's columns: those that keep their name, and those that have another one here."""
    names = {name: name for name in ("time", "kind", *same)} | renamed
    columns: Any = COMMAND.fields
    return overlay(COMMAND.itemsize, {name: columns[column][:2] for name, column in names.items()})


VIEWS: Final = {
    CommandKind.READY: _view(),
    CommandKind.HALT: _view("price", reason="code", close="flag"),  # close 1: the position too
    CommandKind.RESUME: _view(),
    CommandKind.CLOSE: _view("price"),
    CommandKind.CANCEL: _view(order="number"),  # whatever its number: the entry
    CommandKind.MARKET: _view("price"),
    CommandKind.EXECUTE: _view("price", decision="number"),
    CommandKind.EXPIRE: _view(decision="number"),  # 0 = all of the symbol
    CommandKind.GATE: _view(gate="code", closed="flag"),
    CommandKind.SIMULATE: _view("side", "targets", stop="price"),  # stop 0 = the default
    CommandKind.AMEND: _view("targets", stop="price"),  # 0 = keep
    CommandKind.LIMITS: _view(),
    CommandKind.RESET: _view(balance="price"),
    CommandKind.END: _view(),
    CommandKind.FILL: _view(  # order 0: nobody here asked for it, for this reason
        "side", "ticks", "lots", "fee", "trade", "leg", "maker", "done", order="number", reason="code"
    ),
    CommandKind.ORDER_END: _view("leg", order="number", end="code", passed="flag"),  # passed: its trigger was
    CommandKind.FUNDING: _view(received="price"),  # negative when it was paid
    CommandKind.BALANCE: _view(balance="price", initial="flag"),  # initial: what the session starts with
    # due: the funding time, else the command's; mark 0 = the newest close
    CommandKind.FUNDING_RATE: _view(symbol="number", due="ticks", rate="fee", mark="price"),
}
"""The columns of each kind. ``price`` is the newest that the engine has seen; 0 = none."""

INBOX = overlay(
    COMMAND.itemsize, {"command": (COMMAND, 0), **{f"as_{kind.label}": (view, 0) for kind, view in VIEWS.items()}}
)
"""A command as it is, and as each kind."""


def command(kind: int, time: int = 0, **fields: Any) -> Array:
    """Make a command, an array of one; raises ValueError for a field that its kind has not."""
    made = np.zeros(1, COMMAND)
    made["time"] = time
    made["kind"] = kind
    view = made.view(VIEWS[CommandKind(kind)])
    for name, value in fields.items():
        view[name] = value
    return made

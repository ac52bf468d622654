"""Between the core and the order manager, without I/O: rows go one way, reports the other.

The bridge observes the session, so it gets every row after it is in the journal, live and in a replay alike. A report
of the order manager becomes a command of the session, journaled before the core sees it, whose rows come back here.
"""

from typing import Any, Protocol

import numpy as np

from triplane.execution.order_manager import OrderManager

Array = np.ndarray[Any, Any]


class SessionCommands(Protocol):
    """What the bridge needs of a session."""

    def command(self, kind: int, k: int = 0, *, time_ms: int | None = None, **fields: Any) -> Array: ...


class SessionBridge:
    """Connects a session with its order manager.

    Attributes
    ----------
    replaying
        Rows come from the journal; false from :meth:`live` on.
    """

    def __init__(self, manager: OrderManager, now: int) -> None:
        self.manager = manager
        self.replaying = True
        self.now = now

    def live(self) -> None:
        """The journal has been replayed."""
        if self.replaying:
            self.replaying = False
            self.manager.recovered()

    def pump(self, session: SessionCommands) -> None:
        """Give the core every report that is due."""
        while (report := self.manager.take_report(self.now)) is not None:
            session.command(report.kind, report.k, **{"time_ms": self.now, **report.fields})

    # ------------------------------------------------------------------------------------ the session's observer
    def on_moment(self, session: Any, which: Array, candles: Array, rows: Array) -> None:  # noqa: ARG002 - the protocol
        """The session took the candles of one time."""
        for k, close in zip(which.tolist(), candles["close"].tolist(), strict=True):
            self.manager.locked_funds.on_price(k, close)
        if len(rows):
            self.manager.on_rows(rows, self.now, again=self.replaying)

    def on_batch(self, session: Any, which: Array, candles: Array, rows: Array, equity: Array) -> None:  # noqa: ARG002 - the protocol
        """The session took a batch of candles."""
        self.manager.on_rows(rows, self.now, again=self.replaying)

    def on_command(self, session: Any, k: int, command: Array, rows: Array) -> None:  # noqa: ARG002 - the protocol
        """The session carried out a command."""
        if self.replaying:
            self.manager.on_command_again(k, int(command[0]["kind"]), command[0])
        if len(rows):
            self.manager.on_rows(rows, self.now, again=self.replaying)

    def on_limits(self, session: Any) -> None:
        """The limits were replaced; nothing here depends on them."""

    def on_note(self, session: Any, note: Any) -> None:
        """Something was written down; nothing here depends on it."""

    def on_end(self, session: Any) -> None:
        """The data has ended."""

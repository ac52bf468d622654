"""What a session on live market data earned, day by day, written into its own journal while it runs.

A note when it begins to run live, one for each UTC day that ends, and one when it stops. So what a strategy has shown
can be read from the journal by any later version (``golive.py``), and only the time while it was running counts.
"""

from typing import Any, Final

from triplane.engine.session import Session

DAY_MS: Final = 86_400_000
NOTE: Final = "equity"


class Daily:
    """Writes the notes of one session; until :meth:`begin` nothing is written."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._day = -1
        self._last = (0, 0.0)
        self._low = self._high = 0.0

    def begin(self, now: int) -> None:
        """The session runs live from now on."""
        if self._day < 0:
            self._day = now // DAY_MS
            self._low = self._high = self._equity()
            self._write("live", now, self._low)

    def moment(self, now: int) -> None:
        """The account has been marked to the candles of a time."""
        if self._day < 0:
            return
        if now // DAY_MS > self._day:
            self._day = now // DAY_MS
            self._write("day", *self._last)
            self._low = self._high = self._last[1]
        equity = self._equity()
        self._last = (now, equity)
        self._low, self._high = min(self._low, equity), max(self._high, equity)

    def end(self, now: int) -> None:
        """The session stops."""
        if self._day >= 0 and not self._session.finished:
            self._write("stop", now, self._equity())
            self._day = -1

    def _equity(self) -> float:
        return float(self._session.A["equity"].item(0))

    def _write(self, phase: str, time: int, equity: float) -> None:
        note: dict[str, Any] = {"note": NOTE, "time": time, "phase": phase, "equity": equity}
        self._session.note(note | {"low": min(self._low, equity), "high": max(self._high, equity)})

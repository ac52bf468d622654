"""What a session on live market data earned, hour by hour, written into its own journal while it runs.

A note when it begins to run live, one for each hour that ends, and one when it stops. So what a strategy has shown can
be read from the journal by any later version (``golive.py``). Each says how long the process has really been running,
by a clock that stands still while the machine sleeps, and the lowest and highest equity since the one before, also of
candles that were fetched later: being away hides no loss. What a person simulated is not in it.
"""

from collections.abc import Callable
from typing import Any, Final

from triplane.engine.session import Session

HOUR_MS: Final = 3_600_000
NOTE: Final = "equity"


class Daily:
    """Writes the notes of one session; until :meth:`begin` nothing is written.

    Parameters
    ----------
    session
        Whose.
    monotonic
        Seconds that the process has been running, from any beginning.
    """

    def __init__(self, session: Session, monotonic: Callable[[], float]) -> None:
        self._session, self._monotonic = session, monotonic
        self._hour = -1
        self._epoch = self._now_of("epoch")
        self._time, self._equity = session.now, self._worth()
        self._low = self._high = self._equity

    def begin(self, now: int) -> None:
        """The session runs live from now on."""
        if self._hour < 0:
            self._hour, self._time = now // HOUR_MS, now
            self._write("live", now, self._worth())

    def moment(self, now: int) -> None:
        """The account has been marked to the candles of a time."""
        if self._now_of("epoch") != self._epoch:  # begun anew: what was before is of another epoch
            self._epoch, self._equity = self._now_of("epoch"), self._worth()
            self._low = self._high = self._equity
        if 0 <= self._hour < now // HOUR_MS:
            self._hour = now // HOUR_MS
            self._write("hour", self._time, self._equity)
        self._time, self._equity = now, self._worth()
        self._low, self._high = min(self._low, self._equity), max(self._high, self._equity)

    def end(self, now: int) -> None:
        """The session stops."""
        if self._hour >= 0 and not self._session.finished:
            self._write("stop", now, self._worth())
            self._hour = -1

    def _now_of(self, name: str) -> int:
        return int(self._session.A[name].item(0))

    def _worth(self) -> float:
        return float(self._session.A["equity"].item(0)) - self._session.made_up()

    def _write(self, phase: str, time: int, equity: float) -> None:
        note: dict[str, Any] = {"note": NOTE, "time": time, "phase": phase, "equity": equity, "up": self._monotonic()}
        self._session.note(note | {"low": min(self._low, equity), "high": max(self._high, equity)})
        self._low = self._high = equity

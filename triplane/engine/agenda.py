"""What is known to happen: gate events of calendars and fundings, fed into a session as the commands they are.

An event at a time is carried out before any candle that closes after that time, so a backtest with the same calendar
decides the same. What a session has gone past already is not carried out again.
"""

from typing import Any, Final

import numpy as np

from triplane.engine.session import Session
from triplane.kernel.codes import CommandKind
from triplane.kernel.inputs import COMMAND
from triplane.kernel.ledger import FUNDING_MS

Array = np.ndarray[Any, Any]

_TOLD: Final = ("number", "price", "code", "flag", "fee", "ticks")


class Agenda:
    """The commands to come of one session.

    Parameters
    ----------
    commands
        Array of ``inputs.COMMAND`` in order of time.
    session
        Commands of times before its newest candle are behind it.
    """

    def __init__(self, commands: Array, session: Session) -> None:
        self._commands = commands
        self._times: list[int] = commands["time"].tolist()
        self._at = int(np.searchsorted(commands["time"], session.now, side="left")) if session.candles else 0

    def due(self, close_ms: int) -> bool:
        """Whether something comes before a candle that closes at this time."""
        return self._at < len(self._times) and self._times[self._at] < close_ms

    def carry_out(self, session: Session, close_ms: int) -> None:
        """Carry out all that comes before a candle that closes at this time."""
        while self.due(close_ms):
            given = self._commands[self._at : self._at + 1]
            self._at += 1
            kind, time = given["kind"].item(), given["time"].item()
            rows = [0]
            if kind == CommandKind.FUNDING_RATE:
                if not session.candles and time < close_ms - 2 * FUNDING_MS:
                    continue  # long before there was anything to charge
                rows = session.fan_out.rows[given["number"].item()].tolist()
            for k in rows:
                session.command(kind, k, time_ms=time, **{name: given[name].item() for name in _TOLD})

    def split(self, closes: Array) -> list[int]:
        """Where a batch whose candles close at these times must be cut, the end included."""
        times = self._commands["time"][self._at :]
        cuts = np.unique(np.searchsorted(closes, times, side="right"))
        return [*(int(c) for c in cuts if 0 < c < len(closes)), len(closes)]


NOTHING = np.zeros(0, COMMAND)

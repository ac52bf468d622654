"""Whether the engine is heard: it says how it is twice a second, so its silence says that it does not turn."""

import os
import time
from collections.abc import Callable
from typing import Final

from triplane.api.replica.views import EngineState
from triplane.model.live import Health

SILENT_S: Final = 2.25
"""With the half second between two messages to the page, a frozen engine is shown within three seconds."""
STARTING_S: Final = 60.0
"""How long the first word of an engine may take: it may have to compile a strategy first."""


def lives(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True


class EngineWatch:
    """Remembers when the engine was heard last, and what it said.

    Parameters
    ----------
    clock
        Seconds.
    lives
        Whether a process is there.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, lives: Callable[[int], bool] = lives) -> None:
        self.told: Health | None = None
        self._clock, self._lives = clock, lives
        self._began, self._heard_at = clock(), 0.0

    def on_health(self, health: Health) -> None:
        """It was heard."""
        self.told, self._heard_at = health, self._clock()

    def state(self) -> EngineState:
        """How it is, as heard here."""
        now = self._clock()
        if self.told is None:
            if now - self._began < STARTING_S:
                return EngineState(state="starting", heard_s=None, text="The engine is starting.")
            return EngineState(state="dead", heard_s=None, text="The engine has not been heard since the page started.")
        age = now - self._heard_at
        if age < SILENT_S:
            return EngineState(state="ok", heard_s=round(age, 3), text="")
        if self._lives(self.told.pid):
            text = f"The engine has said nothing for {age:.0f} seconds; it may be frozen."
            return EngineState(state="silent", heard_s=round(age, 3), text=text)
        text = f"The engine does not run; it was last heard {age:.0f} seconds ago."
        return EngineState(state="dead", heard_s=round(age, 3), text=text)

    @property
    def well(self) -> bool:
        """Whether it is heard."""
        return self.told is not None and self._clock() - self._heard_at < SILENT_S

"""How fast market time passes: a multiple of real time, as fast as possible, or by hand."""

from typing import Any, Final

from triplane.data.replay import Speed
from triplane.errors import BadInput
from triplane.exchange.exchange import Exchange

TURN: Final = 0.01
"""Seconds between two looks at the clock."""
MOST: Final = 200
"""Trades in one go, so that requests need not wait."""


class MarketClock:
    """Moves an exchange's market time.

    Parameters
    ----------
    exchange
        What is moved.
    speed
        Market seconds in a second, or ``max``.
    """

    def __init__(self, exchange: Exchange, speed: Speed = 1.0) -> None:
        self.exchange, self.speed, self.paused = exchange, speed, False
        self._begin = 0.0, exchange.now
        self.set(False, speed)

    def set(self, paused: bool, speed: Speed) -> None:
        """Go on from here at another speed; raises BadInput."""
        if speed != "max" and (isinstance(speed, bool | str) or not 0 < speed < float("inf")):
            raise BadInput(f"speed is {speed!r}; it must be positive or 'max'")
        self.paused, self.speed = paused, speed
        self._begin = self.exchange.clock.monotonic(), self.exchange.now

    def step(self, milliseconds: int) -> None:
        """Let so much market time pass at once."""
        self.exchange.advance(self.exchange.now + milliseconds)
        self.set(self.paused, self.speed)

    def state(self) -> dict[str, Any]:
        """The times, and how they pass."""
        x = self.exchange
        return {"market": x.now, "server": x.wall(), "skew": x.skew, "paused": self.paused, "speed": self.speed}

    async def run(self) -> None:
        """Until cancelled."""
        x = self.exchange
        while True:
            x.tick()
            if self.paused:
                await x.clock.sleep(TURN)
            elif self.speed == "max":
                due = x.next_due()
                for _ in range(MOST):
                    if (at := x.next_due()) is not None and not self.paused:
                        x.advance(at)
                await x.clock.sleep(TURN if due is None else 0)
            else:
                begin, market = self._begin
                until = market + int((x.clock.monotonic() - begin) * 1000 * float(self.speed))
                done = x.advance(until, MOST) if until > x.now else True
                await x.clock.sleep(TURN if done else 0)

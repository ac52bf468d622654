"""A strategy that does what its parameters say: one entry, maybe one close, at given bars."""

from triplane.strategies.base import Bar, Close, Enter, Param, PythonStrategy, View

KINDS = ("market", "limit", "stop_market")


class ScriptedStrategy(PythonStrategy):
    """Enters at the close of bar ``enter``, closes at that of bar ``leave``."""

    name = "scripted"
    params = (
        Param("enter", 0, -1, 1000, "bar"),
        Param("again", -1, -1, 1000, "bar of a second entry"),
        Param("leave", -1, -1, 1000, "bar"),
        Param("side", 1, -1, 1, "+1 long, -1 short"),
        Param("kind", 0, 0, 2, "of entry: market, limit, stop"),
        Param("away", 0.0, -5000.0, 5000.0, "of the entry's price from the close, against us positive"),
        Param("stop", 50.0, 0.0, 5000.0, "distance of the stop"),
        Param("target", 500.0, 0.0, 50000.0, "distance of the first target; the next are as far again"),
        Param("rungs", 1, 1, 3, "targets"),
        Param("trail", 0.0, 0.0, 5000.0, "distance of the trailing stop"),
        Param("ttl", 0, 0, 100, "bars that a waiting entry lives"),
    )
    timeframe = "1m"

    def on_bar(self, bar: Bar, view: View) -> Enter | Close | None:
        """Follow the parameters."""
        if view.bar == self.leave:
            return Close()
        if view.bar not in (self.enter, self.again):
            return None
        return Enter(
            self.side,
            entry=None if self.kind == 0 else bar.close - self.side * self.away,
            entry_type=KINDS[self.kind],
            stop_distance=self.stop,
            target_distances=[self.target * (i + 1) for i in range(self.rungs)],
            fractions=[0.5, 0.3, 0.2][: self.rungs],
            trail_distance=self.trail,
            ttl_bars=self.ttl if self.kind else 0,
        )


STRATEGY = ScriptedStrategy

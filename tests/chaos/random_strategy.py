"""A strategy that trades all the time and in every way, the same way for the same bars and seed."""

import random

from triplane.strategies.base import Bar, Close, Enter, Param, PythonStrategy, View


class RandomStrategy(PythonStrategy):
    """Entries of all types, ladders, trailing stops, early closes."""

    name = "random"
    params = (Param("seed", 1, 0, 1_000_000_000, "of its random choices"),)
    timeframe = "1m"

    def on_bar(self, bar: Bar, view: View) -> Enter | Close | None:
        """Decide at random, by the seed and the time of the bar."""
        dice = random.Random(self.seed * 1_000_003 + bar.open_time // 60_000)
        if view.side:
            return Close() if dice.random() < 0.08 else None
        if view.pending or dice.random() < 0.15:
            return None
        side = dice.choice((1, -1))
        distance = bar.close * dice.choice((0.0002, 0.0004, 0.001))
        kind = dice.choice(("market", "market", "limit", "limit", "stop_market"))
        away = {"market": 0.0, "limit": -0.4, "stop_market": 0.4}[kind] * distance * side * dice.random()
        rungs = dice.choice((1, 2, 3))
        return Enter(
            side,
            entry=None if kind == "market" else bar.close + away,
            entry_type=kind,
            stop_distance=distance,
            target_distances=[distance * (i + 1) * dice.choice((0.5, 1.0, 2.0)) for i in range(rungs)],
            fractions=[0.5, 0.3, 0.2][:rungs],
            trail_distance=distance * 0.7 if dice.random() < 0.3 else 0.0,
            ttl_bars=dice.choice((0, 1, 2)) if kind != "market" else 0,
        )


STRATEGY = RandomStrategy

"""Every pattern of a series once, as it is known behind the last candle: what is over, and what lives.

A pattern only grows from the bar on which it became known, so the order of that is the order of the tables, whatever
came later.
"""

from types import ModuleType
from typing import Any

import numpy as np

from triplane.kernel.codes import LiquidityKind
from triplane.kernel.patterns.liquidity import LIQUIDITY
from triplane.kernel.patterns.zones import ZONE
from triplane.research.analysis_loop import LIVE_LEVELS, LIVE_ZONES, LOG, SERIES, TABLES

Array = np.ndarray[Any, Any]


def _raw(rows: Array) -> Array:
    """The same rows as plain bytes: NumPy copies records field by field otherwise."""
    return rows.view(np.dtype((np.void, rows.dtype.itemsize)))


class Collector:
    """Takes candles in pieces of any size; :meth:`tables` says what is known by then."""

    def __init__(self, module: ModuleType, params: Array) -> None:
        self.module = module
        self.state = np.zeros(1, SERIES)
        self.state["params"] = params
        module.init(self.state)
        self.log = np.zeros(1, LOG)
        self.parts: dict[str, list[Array]] = {name: [] for name in TABLES}

    def push(self, candles: Array) -> None:
        """Take more closed candles (``CANDLE``), in the order of time."""
        at = 0
        while at < len(candles):
            at = self.module.run(self.state, candles, self.log, at)
            for name, parts in self.parts.items():
                parts.append(_raw(self.log[0][name][: self.log[0][f"n_{name}"]]).copy())
                self.log[f"n_{name}"] = 0

    def tables(self) -> dict[str, Array]:
        """The rows of each of ``TABLES``, in the order in which they became known."""
        alive = {"blocks": np.zeros(LIVE_ZONES, ZONE), "gaps": np.zeros(LIVE_ZONES, ZONE)}
        alive["levels"] = np.zeros(LIVE_LEVELS, LIQUIDITY)
        counts = dict(zip(alive, self.module.live(self.state, *alive.values()), strict=True))
        found = {}
        for name, kind in TABLES.items():
            live = [_raw(alive[name][: counts[name]])] if name in alive else []
            raw = np.concatenate([np.zeros(0, f"V{kind.itemsize}"), *self.parts[name], *live])
            rows = raw.view(kind)
            if kind is ZONE:
                raw = raw[np.argsort(rows["serial"])]
            elif kind is LIQUIDITY:  # pools and levels number themselves
                raw = raw[np.lexsort((rows["serial"], rows["kind"] != LiquidityKind.EQUAL, rows["confirmed_at"]))]
            found[name] = raw.view(kind)
        return found

"""What became known on which bar: collected from the compiled loop, and read back as of any bar.

Nothing that is known ever changes, it only grows, so a zone needs one row for its whole life and one short row for
each bar on which it grew. As of an earlier bar, what was stamped later is taken back and what grew is what it was.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from triplane.kernel.codes import LiquidityKind, ZonePart, ZoneState
from triplane.kernel.patterns.structure import STRUCTURE_EVENT
from triplane.kernel.patterns.swings import SWING
from triplane.kernel.patterns.zones import NONE, ZONE
from triplane.kernel.records import CANDLE
from triplane.research.analysis_loop import CHANGE, LEVEL_CHANGE, LIVE_ROOM, LOG, SERIES

Array = np.ndarray[Any, Any]


def _raw(rows: Array) -> Array:
    """The same rows as plain bytes: NumPy copies records field by field otherwise."""
    return rows.view(np.dtype((np.void, rows.dtype.itemsize)))


STAMPS = ("first_touched_at", "mitigated_at", "filled_at", "invalid_at")


@dataclass(frozen=True)
class Zones:
    """The zones of one book: ``rows`` (``ZONE``) by serial, ``changes`` (``CHANGE``) by bar."""

    rows: Array
    changes: Array

    def as_of(self, bar: int) -> Array:
        """The zones as they were known at the close of ``bar``."""
        rows = self.rows[: np.searchsorted(self.rows["confirmed_at"], bar, "right")].copy()
        for stamp in STAMPS:
            rows[stamp][rows[stamp] > bar] = NONE
        rows["state"][rows["invalid_at"] == NONE] = ZoneState.LIVE
        rows["ended_time"][rows["invalid_at"] == NONE] = NONE
        changes = self.changes[: np.searchsorted(self.changes["bar"], bar, "right")]
        last = np.zeros(len(rows), np.int64)
        np.maximum.at(last, changes["serial"] - 1, np.arange(len(changes)))
        grown = changes[last] if len(rows) else changes[:0]
        for name in ("touches", "last_touched_at", "deepest_at", "filled_percent"):
            rows[name] = grown[name]
        parts = rows["parts"]
        parts[:, ZonePart.FVG] = grown["fvg"]
        parts[:, ZonePart.UNTOUCHED] = rows["first_touched_at"] == NONE
        # the order of the kernel's own sum, so that the last digit is the same
        rows["strength"] = parts[:, 0] + parts[:, 1] + parts[:, 2] + parts[:, 3] + parts[:, 4]
        return rows


@dataclass(frozen=True)
class Tables:
    """Everything that became known of one series, in the order of time."""

    blocks: Zones
    gaps: Zones
    swings: Array
    breaks: Array
    levels: Array

    def swings_as_of(self, bar: int) -> Array:
        """``SWING`` rows confirmed by ``bar``."""
        return self.swings[: np.searchsorted(self.swings["confirmed_at"], bar, "right")]

    def breaks_as_of(self, bar: int) -> Array:
        """``STRUCTURE_EVENT`` rows confirmed by ``bar``."""
        return self.breaks[: np.searchsorted(self.breaks["confirmed_at"], bar, "right")]

    def levels_as_of(self, bar: int) -> Array:
        """``LIQUIDITY`` rows of all pools and levels confirmed by ``bar``, in that order, as they were then."""
        rows = self.levels["level"][: np.searchsorted(self.levels["bar"], bar, "right")]
        key = rows["serial"] * 2 + (rows["kind"] == LiquidityKind.EQUAL)  # pools and levels number themselves
        _, first, which = np.unique(key, return_index=True, return_inverse=True)
        last = np.zeros(len(first), np.int64)
        np.maximum.at(last, which, np.arange(len(rows)))
        return rows[last[np.argsort(first)]]


class Collector:
    """Takes candles in pieces of any size; :meth:`tables` says what is known by then."""

    def __init__(self, module: ModuleType, params: Array) -> None:
        self.module = module
        self.state = np.zeros(1, SERIES)
        self.state["params"] = params
        module.init(self.state)
        self.log = np.zeros(1, LOG)
        self.parts: dict[str, list[Array]] = {}

    def push(self, candles: Array) -> None:
        """Take more closed candles (``CANDLE``), in the order of time."""
        candles = np.ascontiguousarray(candles).view(CANDLE)
        at = 0
        while at < len(candles):
            at = self.module.run(self.state, candles, self.log, at)
            if at < len(candles):
                self._drain()

    def _drain(self) -> None:
        log = self.log[0]
        for book in ("blocks", "gaps"):
            for name in ("changes", "ended"):
                self._take(log[book], name, f"{book}_{name}")
        for name in ("swings", "breaks", "levels"):
            self._take(log, name, name)

    def _take(self, log: Any, name: str, key: str) -> None:
        count = log[f"n_{name}"]
        if count:
            self.parts.setdefault(key, []).append(_raw(log[name][:count]).copy())
            log[f"n_{name}"] = 0

    def _joined(self, key: str, dtype: "np.dtype[Any]") -> Array:
        parts = self.parts.get(key)
        return np.concatenate(parts).view(dtype) if parts else np.zeros(0, dtype)

    def _zones(self, book: str, live: Array) -> Zones:
        """Every zone of a book once, by its serial: those that ended and those that live."""
        parts = [*self.parts.get(f"{book}_ended", []), _raw(live)]
        rows = np.zeros(sum(map(len, parts)), ZONE)
        for part in parts:
            _raw(rows)[part.view(ZONE)["serial"] - 1] = part
        return Zones(rows, self._joined(f"{book}_changes", CHANGE))

    def tables(self) -> Tables:
        """Everything known after the last candle."""
        self._drain()
        blocks, gaps = np.zeros(LIVE_ROOM, ZONE), np.zeros(LIVE_ROOM, ZONE)
        n_blocks, n_gaps = self.module.live(self.state, blocks, gaps)
        return Tables(
            blocks=self._zones("blocks", blocks[:n_blocks]),
            gaps=self._zones("gaps", gaps[:n_gaps]),
            swings=self._joined("swings", SWING),
            breaks=self._joined("breaks", STRUCTURE_EVENT),
            levels=self._joined("levels", LEVEL_CHANGE),
        )

"""What the chart of one symbol shows: the last bars with indicators, zones and markers, copied out of the core's state.

The state is read through views that are made once; everything that leaves here is a copy, so that whoever reads it
never touches the engine.
"""

import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from triplane.engine.session import Session
from triplane.errors import TriplaneError
from triplane.kernel.patterns.zones import BREAKER, GAP, LIVE, ZONE_STATES

Array = np.ndarray[Any, Any]
Payload = dict[str, Any]

BARS: Final = 2000
ENDED: Final = 500
MARKERS: Final = 1000


def field_of(states: Array, path: str) -> Array | None:
    """A view of one field of all symbols by its dotted path into the strategy's state, or None."""
    view: Array = states["strategy"]
    for name in path.split("."):
        if name not in (view.dtype.names or ()):
            return None
        view = view[name]
    return view


def plot_reader(session: Session, path: str, k: int) -> Callable[[], float | None]:
    """How to read a plotted value of symbol ``k``: from the state, or from a strategy in ordinary Python."""
    view = field_of(session.S, path)
    if view is not None:
        values = view
        return lambda: _finite(float(values[k]))
    if not hasattr(session.core, "current"):
        raise TriplaneError(f"The strategy has no value {path!r} in its state to plot.")

    def read() -> float | None:
        value: Any = session.core.current[k]  # type: ignore[attr-defined]
        for name in path.split("."):
            value = getattr(value, name, None)
        return _finite(float(value)) if value is not None else None

    return read


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


class ZoneReader:
    """One book of zones of one symbol."""

    def __init__(self, session: Session, path: str, k: int) -> None:
        book = field_of(session.S, path)
        if book is None:
            raise TriplaneError(f"The strategy has no book of zones {path!r} in its state.")
        self._label = f"{session.setup.symbols[k]}-{path.split('.', maxsplit=1)[0]}"
        self._n_retired: Array = book["n_retired"]
        self._retired: Array = book["retired"]
        self._sides: Array = book["sides"]
        self._k = k
        self._known: dict[int, tuple[Any, ...]] = {}

    def ended(self) -> list[Payload]:
        """Zones that ended on the newest bar."""
        n = int(self._n_retired[self._k])
        return [self._zone(zone) for zone in self._retired[self._k, :n]] if n else []

    def live(self, changed: bool) -> list[Payload]:
        """Live zones: all, or those that changed since the last call."""
        out: list[Payload] = []
        known: dict[int, tuple[Any, ...]] = {}
        for side in self._sides[self._k]:
            zones = side["zones"][side["slot"][: side["count"]]]
            marks = zones[["serial", "touches", "filled_percent", "strength"]].tolist()
            for zone, mark in zip(zones, marks, strict=True):
                known[mark[0]] = mark
                if not changed or self._known.get(mark[0]) != mark:
                    out.append(self._zone(zone))
        self._known = known
        return out

    def alive(self) -> list[str]:
        """Ids of the zones that were live at the last look."""
        return [f"{self._label}-{serial}" for serial in self._known]

    def _zone(self, zone: Any) -> Payload:
        kind = int(zone["kind"])
        over = int(zone["state"]) != LIVE
        return {
            "id": f"{self._label}-{int(zone['serial'])}",
            "kind": {GAP: "FVG", BREAKER: "BREAKER"}.get(kind, "OB"),
            "side": "DEMAND" if zone["side"] > 0 else "SUPPLY",
            "price_lo": float(zone["price_lo"]),
            "price_hi": float(zone["price_hi"]),
            "formed_time": int(zone["formed_time"]),
            "confirmed_time": int(zone["confirmed_time"]),
            "ended_time": int(zone["ended_time"]) if over else None,
            "end_reason": ZONE_STATES[zone["state"]] if over else None,
            "touches": int(zone["touches"]),
            "filled_percent": float(zone["filled_percent"]),
            "strength": float(zone["strength"]),
            "valid": not over,
        }


class Chart:
    """Bars, zones and markers of symbol ``k``."""

    def __init__(self, session: Session, k: int, plots: dict[str, str], zones: tuple[str, ...]) -> None:
        core = session.S["core"]
        self._k = k
        self.length = session.setup.timeframe_ms
        self._count: Array = core["bars"]
        self._bar: Array = core["bar"]
        self._late: Array = core["agg"]["late"]
        self._open: Array = core["agg"]["open_bar"]
        self._open_count: Array = core["agg"]["count"]
        self._names = tuple(plots)
        self._readers = [plot_reader(session, path, k) for path in plots.values()]
        self._books = [ZoneReader(session, path, k) for path in zones]
        self._seen = int(self._count[k])
        self.bars: deque[tuple[Any, ...]] = deque(maxlen=BARS)
        self.zones: list[Payload] = []
        self.ended: deque[Payload] = deque(maxlen=ENDED)
        self.markers: deque[Payload] = deque(maxlen=MARKERS)
        self.forming: Payload | None = None

    def take(self) -> Payload | None:
        """Look at the state after a base candle; returns the bar if one closed on it."""
        k = self._k
        count = int(self._count[k])
        closed = count - self._seen
        if not closed:
            if self._open_count[k]:
                self.forming = self._payload((*self._open[k].item(), ()), False)
            return None
        self._seen = count
        if closed > 1:
            self.bars.append((*self._late[k].item(), (None,) * len(self._readers)))
        self.bars.append((*self._bar[k].item(), tuple(read() for read in self._readers)))
        for book in self._books:
            self.ended.extend(book.ended())
        self.forming = self._payload((*self._open[k].item(), ()), False) if self._open_count[k] else None
        return self._payload(self.bars[-1], True)

    def changed_zones(self) -> list[Payload]:
        """Look at the zones after a bar closed; returns those that are new, changed or over."""
        bar_time = self.bars[-1][0] if self.bars else 0
        changed = [zone for book in self._books for zone in book.live(changed=True)]
        fresh = {zone["id"]: zone for zone in changed}
        alive = {mark for book in self._books for mark in book.alive()}
        kept = [fresh.pop(zone["id"], zone) for zone in self.zones if zone["id"] in alive]
        self.zones = [*kept, *fresh.values()]
        return changed + [zone for zone in self.ended if zone["ended_time"] == bar_time]

    def all_zones(self) -> None:
        """Read every live zone again, after bars whose zones were not looked at."""
        self.zones = [zone for book in self._books for zone in book.live(changed=False)]

    def history(self, limit: int, before: int | None) -> tuple[list[Payload], list[Payload], list[Payload]]:
        """The last bars that opened before a time, with the zones and markers of their time."""
        bars = [bar for bar in self.bars if before is None or bar[0] < before][-limit:]
        candles = [self._payload(bar, True) for bar in bars]
        if before is None and self.forming is not None:
            candles.append(self.forming)
        first = candles[0]["time"] if candles else 0
        zones = [*(z for z in self.ended if z["ended_time"] >= first), *self.zones]
        markers = [m for m in self.markers if m["time"] >= first]
        if before is not None:
            zones = [z for z in zones if z["formed_time"] < before]
            markers = [m for m in markers if m["time"] < before]
        return candles, zones, markers

    def draft(self, candle: Any) -> Payload:
        """The forming bar with a candle under way in it; ``candle`` is a tuple as in ``records.CANDLE``."""
        known = self.forming
        if known is None or candle[0] >= known["time"] + self.length:
            opened = candle[0] - candle[0] % self.length
            return self._payload((opened, *candle[1:], ()), False)
        return known | {
            "high": max(known["high"], candle[2]),
            "low": min(known["low"], candle[3]),
            "close": candle[4],
            "volume": known["volume"] + candle[5],
        }

    def _payload(self, bar: tuple[Any, ...], is_closed: bool) -> Payload:
        return {
            "time": bar[0],
            "open": bar[1],
            "high": bar[2],
            "low": bar[3],
            "close": bar[4],
            "volume": bar[5],
            "is_closed": is_closed,
            "indicators": dict(zip(self._names, bar[6], strict=True)) if is_closed else {},
        }

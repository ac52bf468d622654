"""What the chart of one row shows: the last bars with indicators, zones and markers, folded from facts.

Bars of the session's timeframe are gathered from its base candles on UTC boundaries, as the core gathers them: a bar is
over with its last base candle, or when a candle of a later one comes.
"""

import math
from array import array
from bisect import bisect_left
from collections import OrderedDict, deque
from operator import attrgetter
from typing import Final

import msgspec

from triplane.api.replica.views import CandleView, Marker
from triplane.model.facts import Candle, Fact, Features, Fill, Signal, Zone

BARS: Final = 2000
ENDED: Final = 500
LIVE: Final = 1000
MARKERS: Final = 1000

OWN: Final = frozenset({*Fact.__struct_fields__, "tf", "ts", "plots"})
COMMON: Final = tuple(name for name in Features.__struct_fields__ if name not in OWN)
"""The indicators that every session has."""
NONE: Final = array("d")
_common: Final = attrgetter(*COMMON)


class Chart:
    """Bars, zones and markers of one row.

    Parameters
    ----------
    base_ms, bar_ms
        Length of the base candles and of the bars.
    """

    def __init__(self, base_ms: int, bar_ms: int) -> None:
        self.base_ms, self.bar_ms = base_ms, bar_ms
        self.bars: deque[CandleView] = deque(maxlen=BARS)  # without indicators, which are beside them: they are many
        self._values: deque[array[float]] = deque(maxlen=BARS)
        self.forming: CandleView | None = None
        self.zones: OrderedDict[str, Zone] = OrderedDict()
        self.ended: deque[Zone] = deque(maxlen=ENDED)
        self.markers: deque[Marker] = deque(maxlen=MARKERS)
        self.plots: list[str] = []
        self.price: float | None = None
        self.last_time: int | None = None

    # ------------------------------------------------------------------------------------------------------------ bars
    def on_candle(self, candle: Candle) -> list[CandleView]:
        """Take a closed base candle; gives the bars that changed by it, the newest last."""
        self.price, self.last_time = candle.close, candle.open_time + self.base_ms
        bar, changed = self.draft(candle), []
        if self.forming is not None and bar.time != self.forming.time:
            changed.append(self._close(self.forming))
        self.forming = bar
        if self.last_time >= bar.time + self.bar_ms:
            bar = self._close(bar)
        return [*changed, bar]

    def draft(self, candle: Candle) -> CandleView:
        """The bar under way with one more candle in it; changes nothing."""
        opened, bar = candle.open_time - candle.open_time % self.bar_ms, self.forming
        if bar is None or bar.time != opened:
            return CandleView(
                time=opened, open=candle.open, high=candle.high, low=candle.low, close=candle.close,
                volume=candle.volume, is_closed=False,
            )  # fmt: skip
        return CandleView(
            time=opened, open=bar.open, high=max(bar.high, candle.high), low=min(bar.low, candle.low),
            close=candle.close, volume=bar.volume + candle.volume, is_closed=False,
        )  # fmt: skip

    def _close(self, bar: CandleView) -> CandleView:
        bar = msgspec.structs.replace(bar, is_closed=True)
        self.bars.append(bar)
        self._values.append(NONE)
        self.forming = None
        return bar

    def on_features(self, features: Features) -> CandleView | None:
        """Take the indicators at the close of a bar; gives the bar, unless it is not kept any more."""
        self.plots = list(features.plots)
        at = self._at(features.ts)
        if at == len(self.bars) or self.bars[at].time != features.ts:
            return None
        values = [*_common(features), *features.plots.values()]
        self._values[at] = array("d", [math.nan if value is None else value for value in values])
        return self._bar(at)

    def _bar(self, at: int) -> CandleView:
        """A closed bar with its indicators."""
        values = self._values[at]
        names = (*COMMON, *self.plots)
        shown = {name: None if math.isnan(value) else value for name, value in zip(names, values, strict=False)}
        return msgspec.structs.replace(self.bars[at], indicators=shown)

    def _at(self, time: int) -> int:
        """Where a bar of this time is or would be, looked for from the newest."""
        at = len(self.bars)
        while at and self.bars[at - 1].time >= time:
            at -= 1
        return at

    # ----------------------------------------------------------------------------------------------- zones and markers
    def on_zone(self, zone: Zone) -> None:
        """Take a zone as it stands now."""
        self.zones.pop(zone.id, None)
        if zone.valid:
            self.zones[zone.id] = zone
            if len(self.zones) > LIVE:
                self.zones.popitem(last=False)
        else:
            self.ended.append(zone)

    def mark(self, fact: Fill | Signal) -> Marker | None:
        """Put a mark on the bar in which it happened."""
        if isinstance(fact, Fill):
            kind, side, price = ("entry" if fact.leg == "entry" else "exit"), fact.side, float(fact.price)
            text, when = f"{fact.side} {fact.leg}: {fact.price}", min(fact.filled_at, fact.time - 1)
        elif fact.action == "enter" and fact.status != "expired":
            kind, side, price = ("reject" if fact.status == "rejected" else "signal"), fact.signal_type, fact.price
            text, when = fact.reject_reason or " ".join(fact.reasons) or f"{kind} {side}", fact.time - 1
        else:
            return None
        opened = when - when % self.bar_ms
        marker = Marker(time=opened, kind=kind, side=side, price=price, text=text, decision=fact.decision)
        self.markers.append(marker)
        return marker

    # ----------------------------------------------------------------------------------------------------------- reads
    def history(self, limit: int, before: int | None) -> tuple[list[CandleView], list[Zone], list[Marker]]:
        """The last bars that opened before a time, with the zones and markers of their time."""
        end = len(self.bars) if before is None else bisect_left(self.bars, before, key=lambda bar: bar.time)
        bars = [self._bar(at) for at in range(max(end - limit, 0), end)]
        if before is None and self.forming is not None:
            bars = [*bars, self.forming][-limit:]
        first = bars[0].time if bars else 0
        until = float("inf") if before is None else before
        zones = [zone for zone in (*self.ended, *self.zones.values())
                 if zone.created_ts < until and (zone.ended_ts is None or zone.ended_ts >= first)]  # fmt: skip
        return bars, zones, [marker for marker in self.markers if first <= marker.time < until]

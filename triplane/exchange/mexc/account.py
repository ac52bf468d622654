"""An account at MEXC: the same books, with positions that have numbers and remember what they closed."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from triplane.exchange.account import FuturesAccount, FuturesFill
from triplane.exchange.market import Market
from triplane.exchange.positions import ZERO

FIRST_POSITION: Final = 1_394_650


@dataclass(slots=True)
class TrackedPosition:
    """The life of one position, from opened to closed; a flip ends one and begins another."""

    id: int
    market: Market
    sign: int
    created: int
    updated: int
    lots: int = 0  # held, unsigned
    opened: int = 0  # lots ever opened
    cost: Decimal = ZERO  # price x lots of what was opened
    closed: int = 0
    value: Decimal = ZERO  # price x lots of what was closed
    realized: Decimal = ZERO  # profit and fees
    funding: Decimal = ZERO
    liquidated: bool = False


class MexcAccount(FuturesAccount):
    """One account; in hedge mode until it is changed, as at MEXC."""

    def __init__(self, key: str, secret: str, balance: Decimal, can_withdraw: bool = False) -> None:
        super().__init__(key, secret, balance, can_withdraw)
        self.hedge = self.late_post_only = True
        self.tracks: dict[tuple[str, str], TrackedPosition] = {}
        self._numbers = FIRST_POSITION

    def follow(self, fill: FuturesFill) -> list[TrackedPosition]:
        """Add a booked fill to its position; returns the positions that changed, what closed first."""
        r = fill.order.request
        key, price = r.key, fill.ticks * r.market.tick
        changed, opening = [], fill.lots
        track = self.tracks.get(key)
        if track is not None and track.sign != r.side:
            closing = min(fill.lots, track.lots)
            opening -= closing
            track.lots -= closing
            track.closed += closing
            track.value += price * closing
            track.realized += fill.realized - fill.fee
            track.updated = fill.time
            track.liquidated = fill.order.liquidation
            changed.append(track)
            if not track.lots:
                del self.tracks[key]
                track = None
        if opening:
            if track is None:
                self._numbers += 1
                track = self.tracks[key] = TrackedPosition(self._numbers, r.market, r.side, fill.time, fill.time)
            track.lots += opening
            track.opened += opening
            track.cost += price * opening
            track.realized -= fill.fee if opening == fill.lots else ZERO
            track.updated = fill.time
            changed.append(track)
        return changed

"""What strategies share: sentences and values that explain a signal, and an entry with its bracket in one call."""

from collections.abc import Mapping
from typing import Self

from triplane.kernel.codes import Action, Code, OrderType
from triplane.kernel.jit import Rec, njit
from triplane.kernel.patterns.zones import side_index, zone_slot, zones_count
from triplane.strategies.base import Number, Param


class Reasons(Code):
    """The reasons of a strategy: a number, which is a bit of ``signal.reasons``, and a sentence each.

    ``class Why(Reasons): CROSSED = 0, "The fast average crossed above the slow one."``
    """

    text: str

    def __new__(cls, number: int, text: str) -> Self:
        """A member with its sentence."""
        made = int.__new__(cls, number)
        made._value_ = number
        made.text = text
        return made

    @classmethod
    def texts(cls) -> tuple[str, ...]:
        """The sentences, for ``Strategy.reasons``."""
        return tuple(reason.text for reason in cls)


FRACTIONS = (0.5, 0.3, 0.2)
"""Shares of the position that a ladder of three targets closes."""


def ladder(first: float = 1.0, second: float = 2.0, third: float = 3.0) -> tuple[Param, Param, Param]:
    """The parameters of a ladder of three targets."""
    return (
        Param("tp1_r", first, 0.1, 50.0, "first target, in multiples of the risk"),
        Param("tp2_r", second, 0.1, 50.0, "second target"),
        Param("tp3_r", third, 0.1, 50.0, "third target"),
    )


def check_ladder(p: Mapping[str, Number]) -> str | None:
    """A sentence when the targets do not rise."""
    return None if p["tp1_r"] < p["tp2_r"] < p["tp3_r"] else "tp1_r, tp2_r and tp3_r must rise in this order."


@njit
def rungs(p: Rec) -> tuple[float, float, float]:
    """The targets of a ladder, in multiples of the risk, from the parameters."""
    return p.tp1_r, p.tp2_r, p.tp3_r


@njit
def bracket(
    signal: Rec,
    side: int,
    entry_type: int,
    entry: float,
    stop: float,
    risk: float,
    multiples: tuple[float, ...],
    fractions: tuple[float, ...],
) -> None:
    """Ask for an entry with its stop and its targets.

    Parameters
    ----------
    side
        +1 long, -1 short.
    entry_type, entry
        ``MARKET`` (then the price is not used), ``LIMIT`` or ``STOP_MARKET`` and the price.
    stop
        Price of the stop.
    risk, multiples
        Up to three targets lie at these multiples of ``risk``, a distance in price: from the entry's price or, at
        market, from the fill.
    fractions
        Share of the position that each of them closes; the last takes the rest.
    """
    if len(multiples) > len(signal.targets):
        raise ValueError("bracket: there are more than three targets")
    signal.action = Action.ENTER
    signal.side = side
    signal.entry_type = entry_type
    signal.stop = stop
    if entry_type != OrderType.MARKET:
        signal.entry = entry
    for i in range(len(multiples)):
        if entry_type == OrderType.MARKET:
            signal.target_distances[i] = multiples[i] * risk
        else:
            signal.targets[i] = entry + side * multiples[i] * risk
        signal.fractions[i] = fractions[i]


@njit
def show(signal: Rec, values: tuple[float, ...]) -> None:
    """Keep the values, at most eight floats, that a signal was decided on.

    A named tuple names them once: ``Saw = namedtuple("Saw", "fast slow")``, ``show(signal, Saw(fast=fast, slow=slow))``
    and ``sees=Saw._fields`` in the strategy's spec.
    """
    if len(values) > len(signal.seen):
        raise ValueError("show: there are more than eight values")
    for i in range(len(values)):
        signal.seen[i] = values[i]


@njit
def copy_signal(to: Rec, of: Rec) -> None:
    """Say what another signal says. (A whole record can only be assigned to a field, not to an argument.)"""
    to.action = of.action
    to.side = of.side
    to.entry_type = of.entry_type
    to.entry = of.entry
    to.stop = of.stop
    to.stop_distance = of.stop_distance
    to.targets = of.targets
    to.target_distances = of.target_distances
    to.fractions = of.fractions
    to.weight = of.weight
    to.quantity = of.quantity
    to.trail_distance = of.trail_distance
    to.ttl_bars = of.ttl_bars
    to.confidence = of.confidence
    to.reasons = of.reasons
    to.seen = of.seen


@njit
def zone_risk(z: Rec, side: int, close: float, beyond: float, least: float) -> float:
    """Distance of a stop from ``close``: ``beyond`` past the far edge of a zone, but not nearer than ``least``."""
    far = z.price_lo - beyond if side > 0 else z.price_hi + beyond
    return max((close - far) * side, least)  # type: ignore[no-any-return]


@njit
def strongest_retest(book: Rec, side: int, bar: Rec, i: int, answered: bool) -> int:
    """Slot of the strongest live zone of ``side`` that price has come back into on this bar, or -1.

    With ``answered`` the bar must also close past the middle of the zone, in its favour.
    """
    zones = book.sides[side_index(side)].zones
    best = -1
    for rank in range(zones_count(book, side)):
        slot = zone_slot(book, side, rank)
        z = zones[slot]
        reached = bar.low <= z.price_hi if side > 0 else bar.high >= z.price_lo
        if not reached:
            break
        if answered and not (bar.close - (z.price_lo + z.price_hi) / 2.0) * side > 0.0:
            continue
        if z.last_inside == i and z.touches > 0 and (best < 0 or z.strength > zones[best].strength):
            best = slot
    return best

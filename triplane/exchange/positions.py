"""Positions of a futures account, the settings of their symbols, and the leverage brackets that limit them."""

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final, NamedTuple

from triplane.exchange.market import Market

ZERO: Final = Decimal(0)
MAX_LEVERAGE: Final = 125
_TIERS: Final = (
    (125, "800000", "0.005"), (75, "3000000", "0.0065"), (50, "12000000", "0.01"), (25, "70000000", "0.02"),
    (20, "100000000", "0.025"), (10, "230000000", "0.05"), (5, "480000000", "0.1"), (4, "600000000", "0.125"),
    (3, "800000000", "0.15"), (2, "1200000000", "0.25"), (1, "1800000000", "0.5"),
)  # fmt: skip
"""Leverage, largest notional and maintenance rate; the rate of the first one is the instrument's."""


class Bracket(NamedTuple):
    """What a notional allows and costs."""

    number: int
    leverage: int
    floor: Decimal
    cap: Decimal
    rate: Decimal
    cum: Decimal


@cache
def _brackets(maintenance_margin: float) -> tuple[Bracket, ...]:
    out: list[Bracket] = []
    floor = cum = ZERO
    least = Decimal(repr(maintenance_margin))
    for number, (leverage, cap, tier) in enumerate(_TIERS, 1):
        rate = max(Decimal(tier), least) if out else least
        if out:
            cum += floor * (rate - out[-1].rate)
        out.append(Bracket(number, leverage, floor, Decimal(cap), rate, cum))
        floor = Decimal(cap)
    return tuple(out)


def brackets_of(market: Market) -> tuple[Bracket, ...]:
    """Leverage brackets of a market."""
    return _brackets(market.instrument.maintenance_margin)


def largest(market: Market, leverage: int) -> Decimal:
    """Largest notional that a leverage allows."""
    return max((row.cap for row in brackets_of(market) if row.leverage >= leverage), default=ZERO)


@dataclass(slots=True)
class SymbolConfig:
    """Settings of one symbol."""

    leverage: int = 20
    isolated: bool = False


@dataclass(slots=True, eq=False)
class MarginPosition:
    """An open position; ``lots`` is signed and never zero while the account holds it."""

    market: Market
    side: str  # BOTH, LONG, SHORT
    lots: int = 0
    cost: Decimal = ZERO  # entry price x quantity, positive
    isolated: Decimal = ZERO  # its own margin, 0 in cross
    realized: Decimal = ZERO
    updated: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """Symbol and position side."""
        return self.market.symbol, self.side

    @property
    def sign(self) -> int:
        """+1 long, -1 short."""
        return (self.lots > 0) - (self.lots < 0)

    @property
    def quantity(self) -> Decimal:
        """Signed quantity."""
        return self.lots * self.market.lot

    @property
    def entry(self) -> Decimal:
        """Average entry price."""
        return self.cost / abs(self.quantity) if self.lots else ZERO

    @property
    def notional(self) -> Decimal:
        """Signed value at the mark price."""
        return self.quantity * (self.market.last * self.market.tick)

    @property
    def unrealized(self) -> Decimal:
        """Profit at the mark price."""
        return self.notional - self.sign * self.cost

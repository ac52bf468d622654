"""Margin monitoring: how near each position is to liquidation, reported once per level."""

from triplane.execution.messages import Finding
from triplane.venues.base import PositionReport, Snapshot

WARNING = 0.25
CRITICAL = 0.15


class MarginMonitor:
    """Remembers what it has reported.

    Attributes
    ----------
    positions
        The newest report of each open position, by symbol.
    """

    def __init__(self) -> None:
        self.positions: dict[str, PositionReport] = {}
        self._said: dict[str, str] = {}

    def look(self, snapshot: Snapshot) -> list[Finding]:
        """Findings of a snapshot: below 25 % a warning, below 15 % critical."""
        self.positions = {position.symbol: position for position in snapshot.positions}
        out = []
        for symbol, position in self.positions.items():
            ratio = position.margin_ratio
            level = "" if ratio is None or ratio >= WARNING else "WARNING" if ratio >= CRITICAL else "CRITICAL"
            if level and level != self._said.get(symbol):
                at = f", liquidation at {position.liquidation_price}" if position.liquidation_price else ""
                text = f"{symbol}: {ratio:.0%} of the margin is left{at}."
                out.append(Finding("margin_low", text, symbol, level))
            self._said[symbol] = level
        self._said = {symbol: said for symbol, said in self._said.items() if symbol in self.positions}
        return out

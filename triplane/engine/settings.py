"""The settings of trading, and what a fixed quantity means for an instrument."""

from decimal import Decimal

from triplane.data.instruments import Instrument, plain
from triplane.errors import BadInput
from triplane.kernel.records import LARGEST
from triplane.model.settings import CostSettings, TradingSettings, checked

__all__ = ["CostSettings", "TradingSettings", "checked", "fixed_lots"]


def fixed_lots(instrument: Instrument, quantity: float | str | Decimal | None) -> int:
    """Lots of a fixed quantity in base units; 0 when there is none."""
    if quantity is None:
        return 0
    try:
        lots = instrument.lots(str(quantity))
    except BadInput:
        lots = 0
    if lots < 1:
        least = plain(instrument.lot_size)
        raise BadInput(f"quantity is {quantity}; it must be at least one lot, {least} {instrument.symbol}")
    if lots > LARGEST:
        most = instrument.quantity_text(LARGEST)
        raise BadInput(f"quantity is {quantity}; it must be at most {most} {instrument.symbol}")
    return lots

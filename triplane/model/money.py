"""Exact decimals: from the floats of the core, and as text without an exponent."""

import math
from decimal import Decimal


def money(value: float) -> Decimal:
    """A float of the core as money: eight decimals, without trailing zeros."""
    digits = f"{value:.8f}".rstrip("0").rstrip(".")
    return Decimal("0" if digits == "-0" else digits)


def money_text(value: float) -> str:
    """The same as text."""
    digits = f"{value:.8f}".rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def price(value: float) -> Decimal:
    """A float of the core as a price: eight decimals, or twelve digits where those are more (there are tiny prices)."""
    return Decimal(f"{value:.12g}") if 0.0 < abs(value) < 1.0 else money(value)


def price_text(value: float) -> str:
    """The same as text."""
    return text(price(value)) if 0.0 < abs(value) < 1.0 else money_text(value)


def text(value: Decimal) -> str:
    """A decimal without an exponent."""
    return format(value, "f")


def number(value: float) -> float | None:
    """A float that may be missing."""
    return value if math.isfinite(value) else None

"""What a venue says about one symbol, in exact decimals, and its translation into the kernel's record.

Numbers enter and leave as decimals only; strings never carry an exponent.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext
from typing import Any, Final, Literal, Self, TypeAlias, cast

import msgspec
import numpy as np
import numpy.typing as npt

from triplane.errors import BadInput
from triplane.kernel.records import INSTRUMENT

Market: TypeAlias = Literal["spot", "usdm"]
Number: TypeAlias = Decimal | str | int
EXACT: Final = Context(prec=60)
MAX_DECIMALS: Final = 15
"""Finer grids would not survive as float64 in the kernel."""

_KEYS: Final = {
    "tick": "tick_size",
    "lot": "lot_size",
    "min_quantity": "min_quantity",
    "min_notional": "min_notional",
    "maintenance_margin": "maintenance_margin",
    "market": "market",
}


def decimal(name: str, value: object) -> Decimal:
    """Exact decimal of a string, integer or decimal; raises BadInput naming the field."""
    if isinstance(value, bool | float) or not isinstance(value, Decimal | str | int):
        raise BadInput(f"{name} must be a decimal as text, not {type(value).__name__} {value!r}")
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise BadInput(f"{name} must be a number, not {value!r}")
    return number


def plain(value: Decimal) -> str:
    """Shortest text of a decimal without an exponent: ``0.00000001``, ``1000``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _fraction(size: Decimal) -> tuple[int, int]:
    """``size`` as whole number and decimal scale: 0.05 is 5 / 100."""
    _, digits, exponent = size.normalize().as_tuple()
    number = int("".join(map(str, digits)))
    power = cast("int", exponent)  # finite, checked before
    return (number * 10**power, 1) if power >= 0 else (number, 10**-power)


def _steps(value: Number, size: Decimal, rounding: str) -> int:
    with localcontext() as context:
        context.prec = 60  # so that the quotient of any two real-world decimals is rounded once, here
        return int((decimal("value", value) / size).to_integral_value(rounding))


class Instrument(msgspec.Struct, frozen=True, rename="camel"):
    """One symbol's trading rules.

    Parameters
    ----------
    symbol
        As the venue writes it, ``BTCUSDT``.
    tick_size, lot_size
        Grid of prices (quote currency) and of quantities (base units).
    min_quantity, min_notional
        Smallest order, base units and quote currency; 0 = none. Never applied to exits.
    maintenance_margin
        Fraction of the notional below which a position is liquidated; 0 on spot.
    market
        ``spot`` or ``usdm``; spot cannot go short.
    """

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    maintenance_margin: float = 0.005
    market: Market = "usdm"
    can_short: bool = True

    def __post_init__(self) -> None:
        """Refuse grids that cannot be traded on."""
        if not self.symbol:
            raise BadInput("symbol must not be empty")
        for name in ("tick_size", "lot_size"):
            size = decimal(name, getattr(self, name))
            if size <= 0 or _fraction(size)[1] > 10**MAX_DECIMALS:
                raise BadInput(f"{name} must be positive with at most {MAX_DECIMALS} decimals, not {plain(size)}")
        for name in ("min_quantity", "min_notional"):
            if decimal(name, getattr(self, name)) < 0:
                raise BadInput(f"{name} must be zero or more, not {getattr(self, name)}")
        if self.market not in ("spot", "usdm"):
            raise BadInput(f"market must be spot or usdm, not {self.market!r}")
        if not 0.0 <= self.maintenance_margin < 1.0:
            raise BadInput(f"maintenance_margin must be a fraction from 0 to 1, not {self.maintenance_margin}")
        if self.market == "spot" and self.can_short:
            raise BadInput("can_short must be false on spot")

    @classmethod
    def research(cls, symbol: str) -> Self:
        """Rules for a recorded file that comes without any: a grid of 1e-8, no minimums, shorts allowed."""
        return cls(symbol, Decimal("0.00000001"), Decimal("0.00000001"))

    def price(self, ticks: int) -> Decimal:
        """Exact price of a number of ticks."""
        return _exact(int(ticks), self.tick_size)

    def quantity(self, lots: int) -> Decimal:
        """Exact quantity of a number of lots."""
        return _exact(int(lots), self.lot_size)

    def ticks(self, price: Number, rounding: str = ROUND_HALF_EVEN) -> int:
        """Ticks of a price; ``rounding`` is one of the constants of :mod:`decimal`."""
        return _steps(price, self.tick_size, rounding)

    def lots(self, quantity: Number, rounding: str = ROUND_DOWN) -> int:
        """Lots of a quantity, rounded down by default."""
        return _steps(quantity, self.lot_size, rounding)

    def to_record(self) -> npt.NDArray[Any]:
        """The kernel's INSTRUMENT record, as an array of one."""
        out = np.zeros(1, dtype=INSTRUMENT)
        record = out[0]
        record["tick_num"], record["price_scale"] = _fraction(self.tick_size)
        record["lot_num"], record["quantity_scale"] = _fraction(self.lot_size)
        record["min_quantity_lots"] = self.lots(self.min_quantity, ROUND_CEILING)
        record["min_notional"] = float(self.min_notional)
        record["maintenance_margin"] = self.maintenance_margin
        record["can_short"] = int(self.can_short)
        return out

    def to_dict(self) -> dict[str, Any]:
        """For JSON: decimals as plain strings."""
        return {
            "symbol": self.symbol,
            "tick_size": plain(self.tick_size),
            "lot_size": plain(self.lot_size),
            "min_quantity": plain(self.min_quantity),
            "min_notional": plain(self.min_notional),
            "maintenance_margin": self.maintenance_margin,
            "market": self.market,
            "can_short": self.can_short,
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Self:
        """Reverse of :meth:`to_dict`; raises BadInput for a missing or unusable field."""
        try:
            return cls(
                symbol=str(data["symbol"]),
                tick_size=decimal("tick_size", data["tick_size"]),
                lot_size=decimal("lot_size", data["lot_size"]),
                min_quantity=decimal("min_quantity", data["min_quantity"]),
                min_notional=decimal("min_notional", data["min_notional"]),
                maintenance_margin=float(data["maintenance_margin"]),
                market=data["market"],
                can_short=bool(data["can_short"]),
            )
        except KeyError as error:
            raise BadInput(f"the instrument lacks the field {error.args[0]!r}") from None


def _exact(steps: int, size: Decimal) -> Decimal:
    number, scale = _fraction(size)
    with localcontext() as context:
        context.prec = 60  # the default of 28 digits would round silently
        return Decimal(steps * number).scaleb(1 - len(str(scale)))


def parse_instrument(text: str, symbol: str = "UNKNOWN") -> Instrument:
    """Read ``tick=0.1,lot=0.001,min_notional=100``; what is not named stays as in :meth:`Instrument.research`.

    Raises
    ------
    BadInput
        For an unknown key (listing the known ones), a doubled one, or a value that is no decimal.
    """
    fields: dict[str, Any] = Instrument.research(symbol).to_dict()
    seen: set[str] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, found, value = (piece.strip() for piece in part.partition("="))
        if not found or key not in _KEYS or key in seen:
            raise BadInput(f"instrument rule {part!r} must be key=value, each once, with a key of {', '.join(_KEYS)}")
        seen.add(key)
        fields[_KEYS[key]] = value if key == "market" else plain(decimal(key, value))
    fields["can_short"] = fields["market"] != "spot"
    return Instrument.from_dict(fields)


class Grid:
    """The same exact decimals as an instrument's own, four times as fast: every order passes through here."""

    def __init__(self, instrument: Instrument) -> None:
        self.symbol = instrument.symbol
        self._tick, self._tick_exponent = _whole(instrument.tick_size)
        self._lot, self._lot_exponent = _whole(instrument.lot_size)

    def price(self, ticks: int) -> Decimal:
        """Exact price of a number of ticks."""
        return Decimal(ticks * self._tick).scaleb(self._tick_exponent, EXACT)

    def quantity(self, lots: int) -> Decimal:
        """Exact quantity of a number of lots."""
        return Decimal(lots * self._lot).scaleb(self._lot_exponent, EXACT)

    def price_text(self, ticks: int) -> str:
        """The price as text."""
        return _point(ticks * self._tick, -self._tick_exponent)

    def quantity_text(self, lots: int) -> str:
        """The quantity as text."""
        return _point(lots * self._lot, -self._lot_exponent)


def _point(number: int, places: int) -> str:
    """A whole number with a decimal point before its last places."""
    if places == 0:
        return str(number)
    digits = str(abs(number)).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"


def _whole(size: Decimal) -> tuple[int, int]:
    """A step as a whole number and a power of ten, at most 0."""
    _, digits, power = size.normalize().as_tuple()
    exponent = int(power)
    number = int("".join(map(str, digits)))
    return (number * 10**exponent, 0) if exponent > 0 else (number, exponent)

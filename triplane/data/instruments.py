"""What a venue says about one symbol, in exact decimals, and its translation into the kernel's record.

Numbers enter and leave as decimals only; strings never carry an exponent.
"""

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Literal, Self, TypeAlias, cast

import msgspec
import numpy as np
import numpy.typing as npt

from triplane.data.candles import INFER_ROWS, Candles
from triplane.errors import BadInput
from triplane.kernel.records import INSTRUMENT, LARGEST, MAX_TIERS

Market: TypeAlias = Literal["spot", "usdm"]
Number: TypeAlias = Decimal | str | int
EXACT: Final = Context(prec=60)
MAX_DECIMALS: Final = 22
"""Powers of ten up to this one are exact as float64 in the kernel."""
FEWEST_TICKS: Final = 100
"""A price of fewer belongs to another market."""

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


@lru_cache(maxsize=4096)
def _whole(size: Decimal) -> tuple[int, int]:
    """``size`` as a whole number and how many decimal places it is to be moved by: 0.05 is 5 and 2."""
    _, digits, exponent = size.normalize().as_tuple()
    number = int("".join(map(str, digits)))
    power = cast("int", exponent)  # finite, checked before
    return (number * 10**power, 0) if power >= 0 else (number, -power)


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
    tiers
        Notional from which on another fraction holds, and that fraction, for each tier above the lowest.
    levels
        Where size counts instead: base units above which another fraction holds, for all of the position.
    """

    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    min_quantity: Decimal = Decimal(0)
    min_notional: Decimal = Decimal(0)
    maintenance_margin: float = 0.005
    market: Market = "usdm"
    can_short: bool = True
    tiers: tuple[tuple[float, float], ...] = ()
    levels: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse grids that cannot be traded on."""
        if not self.symbol:
            raise BadInput("symbol must not be empty")
        for name in ("tick_size", "lot_size"):
            size = decimal(name, getattr(self, name))
            if size <= 0 or _whole(size)[1] > MAX_DECIMALS:
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
        for name, what, above in (("tiers", "notionals", self.tiers), ("levels", "sizes", self.levels)):
            steps = [(0.0, self.maintenance_margin), *above]
            rising = all(a[0] < b[0] and a[1] <= b[1] < 1.0 for a, b in pairwise(steps))
            if not rising or len(above) > MAX_TIERS:
                raise BadInput(f"{name} must be up to {MAX_TIERS} rising {what} and fractions below 1, not {above}")
        if self.tiers and self.levels:
            raise BadInput("levels must be empty where there are tiers")

    @classmethod
    def research(cls, symbol: str, price: float | None = None) -> Self:
        """Rules for recorded candles that come without any: no minimums, shorts allowed.

        Tick and lot are 1e-8 for a first ``price`` from 1 to a million; for any other one grows with the price, and the
        other shrinks, so that nine digits of the price are kept and sizes fit.
        """
        places = 0 if price is None else Decimal(str(price)).adjusted()
        shift = min(places, 0) + max(places - 5, 0)
        return cls(symbol, Decimal(1).scaleb(shift - 8), Decimal(1).scaleb(-shift - 8))

    def require_fit(self, low: float, high: float) -> None:
        """Refuse prices that are no whole number of ticks between 1 and the largest."""
        tick = float(self.tick_size)
        for price in (low, high):
            if not 1.0 <= price / tick < LARGEST:
                raise BadInput(f"{self.symbol}: the price {price:g} does not fit its tick of {plain(self.tick_size)}")

    def price(self, ticks: int) -> Decimal:
        """Exact price of a number of ticks."""
        number, places = _whole(self.tick_size)
        return Decimal(int(ticks) * number).scaleb(-places, EXACT)

    def quantity(self, lots: int) -> Decimal:
        """Exact quantity of a number of lots."""
        number, places = _whole(self.lot_size)
        return Decimal(int(lots) * number).scaleb(-places, EXACT)

    def price_text(self, ticks: int) -> str:
        """The price as text."""
        number, places = _whole(self.tick_size)
        return _point(ticks * number, places)

    def quantity_text(self, lots: int) -> str:
        """The quantity as text."""
        number, places = _whole(self.lot_size)
        return _point(lots * number, places)

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
        tick, lot = _whole(self.tick_size), _whole(self.lot_size)
        record["tick_num"], record["price_scale"] = tick[0], 10 ** tick[1]
        record["lot_num"], record["quantity_scale"] = lot[0], 10 ** lot[1]
        record["min_quantity_lots"] = self.lots(self.min_quantity, ROUND_CEILING)
        record["min_notional"] = float(self.min_notional)
        record["maintenance_margin"] = self.maintenance_margin
        amount, least = 0.0, self.maintenance_margin
        record["tier_count"] = len(self.tiers or self.levels)
        for tier, (floor, rate) in zip(record["tiers"], self.tiers, strict=False):
            amount += floor * (rate - least)  # so that the margin does not jump where a tier begins
            tier["rate"], tier["amount"], least = rate, amount, rate
        for tier, (size, rate) in zip(record["tiers"], self.levels, strict=False):
            tier["above"], tier["rate"] = size, rate
        record["can_short"] = int(self.can_short)
        record["perpetual"] = int(self.market == "usdm")
        return out

    def to_dict(self) -> dict[str, Any]:
        """For JSON: decimals as plain strings."""
        values = msgspec.structs.asdict(self)
        return {name: plain(value) if isinstance(value, Decimal) else value for name, value in values.items()}

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
                tiers=tuple((float(floor), float(rate)) for floor, rate in data.get("tiers", ())),
                levels=tuple((float(size), float(rate)) for size, rate in data.get("levels", ())),
            )
        except KeyError as error:
            raise BadInput(f"the instrument lacks the field {error.args[0]!r}") from None


def _known(symbol: str, tick: str, lot: str, notional: str) -> Instrument:
    return Instrument(symbol, Decimal(tick), Decimal(lot), Decimal(lot), Decimal(notional))


KNOWN: Final = {
    rules.symbol: rules
    for rules in (
        _known("BTCUSDT", "0.1", "0.001", "100"),
        _known("ETHUSDT", "0.01", "0.001", "20"),
        _known("BNBUSDT", "0.01", "0.01", "5"),
        _known("SOLUSDT", "0.01", "0.01", "5"),
        _known("XRPUSDT", "0.0001", "0.1", "5"),
        _known("DOGEUSDT", "0.00001", "1", "5"),
    )
}
"""Rules of well-known perpetuals, near those of their exchange."""


def rules_for(symbol: str, candles: Candles) -> Instrument:
    """Trading rules for recorded candles: of the exchange, for a known symbol if its prices are on that grid."""
    closes = candles["close"][:INFER_ROWS]
    if symbol in KNOWN:
        ticks = closes / float(KNOWN[symbol].tick_size)
        if ticks.min() >= FEWEST_TICKS and np.abs(ticks - np.rint(ticks)).max() < 1e-4:
            return KNOWN[symbol]
    return Instrument.research(symbol, float(candles["open"][0]))


def parse_instrument(text: str, symbol: str = "UNKNOWN") -> Instrument:
    """Read ``tick=0.1,lot=0.001,min_notional=100``; what is not named stays as in :meth:`Instrument.research`.

    Raises
    ------
    BadInput
        For an unknown key (listing the known ones), a doubled one, or a value that is no decimal.
    """
    rules: dict[str, Any] = Instrument.research(symbol).to_dict()
    seen: set[str] = set()
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        key, found, value = (piece.strip() for piece in part.partition("="))
        if not found or key not in _KEYS or key in seen:
            raise BadInput(f"instrument rule {part!r} must be key=value, each once, with a key of {', '.join(_KEYS)}")
        seen.add(key)
        rules[_KEYS[key]] = value if key == "market" else plain(decimal(key, value))
    rules["can_short"] = rules["market"] != "spot"
    return Instrument.from_dict(rules)


def _point(number: int, places: int) -> str:
    """A whole number with a decimal point before its last places."""
    if places == 0:
        return str(number)
    digits = str(abs(number)).rjust(places + 1, "0")
    return f"{'-' if number < 0 else ''}{digits[:-places]}.{digits[-places:]}"

"""What is listed on spot, its orders, and what an account owns: of each asset a free and a locked part.

A working order locks what it may spend: a sell the base asset, a buy the quote asset. So nothing can be promised twice,
and a stop and a target cannot rest for the same quantity. The commission of a buy is taken from the base asset that it
brings, that of a sell from the quote asset.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, NamedTuple

from triplane.exchange.account import RestingOrder
from triplane.exchange.market import Market
from triplane.exchange.positions import ZERO
from triplane.exchange.rules import CENT

FEE: Final = Decimal("0.001")
"""Of every fill, maker or taker."""
_QUOTES: Final = ("USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
_MIN_NOTIONAL: Final = Decimal(5)
_FINEST_LOT: Final = Decimal("0.00001")


def text(value: Decimal) -> str:
    """An amount as spot writes it, with eight decimals."""
    return format(value.quantize(CENT), "f")


@dataclass(frozen=True, slots=True, eq=False)
class Listing:
    """A market as it trades on spot, where quantities are finer and minimums smaller than on the futures."""

    market: Market
    base: str
    quote: str
    lot: Decimal
    min_notional: Decimal

    @classmethod
    def of(cls, market: Market) -> "Listing":
        """The listing of a market."""
        symbol = market.symbol
        quote = next((q for q in _QUOTES if symbol.endswith(q) and symbol != q), "USDT")
        lot = min(market.lot, max(market.lot / 100, _FINEST_LOT))
        least = min(market.instrument.min_notional, _MIN_NOTIONAL)
        return cls(market, symbol.removesuffix(quote), quote, lot, least)

    @property
    def symbol(self) -> str:
        """``BTCUSDT``."""
        return self.market.symbol

    def price(self, ticks: int) -> Decimal:
        """A price."""
        return ticks * self.market.tick

    def quantity(self, lots: int) -> Decimal:
        """A quantity."""
        return lots * self.lot


@dataclass(slots=True)
class Holding:
    """What is owned of an asset."""

    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(slots=True, eq=False, kw_only=True)
class SpotOrder(RestingOrder):
    """An order; prices in ticks, quantities in lots of the listing. A triggered one keeps its id."""

    account: "SpotAccount"
    listing: Listing
    client_id: str
    side: int
    type: str
    tif: str = "GTC"
    price: int = 0
    trigger: int = 0
    stp: str = "EXPIRE_MAKER"
    locked: Decimal = ZERO  # of the asset that it spends
    working_since: int = -1  # market time; -1 while its trigger has not been reached
    fills: "list[SpotFill]" = field(default_factory=list)
    spends: str = ""
    gets: str = ""

    def __post_init__(self) -> None:
        """Name the symbol, and the assets that it gives away and brings."""
        self.symbol = self.listing.symbol
        self.spends, self.gets = (self.listing.quote, self.listing.base)[:: self.side]

    def cost(self, ticks: int, lots: int) -> Decimal:
        """What it gives away for a number of lots at a price."""
        quantity = self.listing.quantity(lots)
        return self.listing.price(ticks) * quantity if self.side > 0 else quantity


class SpotFill(NamedTuple):
    """One execution."""

    id: int
    order: SpotOrder
    time: int
    ticks: int
    lots: int
    maker: bool
    fee: Decimal
    asset: str  # that the fee is taken from
    value: Decimal  # price x quantity


class SpotAccount:
    """One account and its API key."""

    def __init__(self, key: str, secret: str, balance: Decimal, *, can_withdraw: bool = False) -> None:
        self.key, self.secret, self.can_withdraw = key, secret, can_withdraw
        self.holdings: dict[str, Holding] = {"USDT": Holding(balance)}
        self.orders: dict[int, SpotOrder] = {}
        self.open: dict[int, SpotOrder] = {}
        self.by_client: dict[tuple[str, str], SpotOrder] = {}
        self.algos: dict[int, Any] = {}  # there is no algo service; conditional orders are orders
        self.fills: deque[SpotFill] = deque(maxlen=100_000)
        self.updated = 0

    def holding(self, asset: str) -> Holding:
        """What is owned of an asset."""
        return self.holdings.setdefault(asset, Holding())

    def lock(self, asset: str, amount: Decimal) -> None:
        """Set an amount aside; negative gives it back."""
        holding = self.holding(asset)
        holding.free -= amount
        holding.locked += amount

    def rows(self, assets: Iterable[str]) -> list[tuple[str, str, str]]:
        """Asset, free and locked, as texts."""
        held = [(asset, self.holding(asset)) for asset in assets]
        return [(asset, text(h.free), text(h.locked)) for asset, h in held]

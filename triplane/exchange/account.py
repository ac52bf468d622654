"""The books of one account: wallet, positions, margin, fees and funding, exact to the smallest unit of money.

One-way and hedge mode, cross and isolated margin, leverage brackets. The wallet always is what was deposited, plus the
realised profit of every fill, minus its fees, plus funding; nothing else moves it. USDT is the only asset.
"""

from collections import deque
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final

from triplane.exchange.errors import Rejected
from triplane.exchange.market import Market
from triplane.exchange.orders import ZERO, AlgoOrder, FuturesOrder, OrderRequest
from triplane.exchange.rules import CENT, liquidation, money

MAX_LEVERAGE: Final = 125
_TIERS: Final = (
    (125, "800000", "0.005"), (75, "3000000", "0.0065"), (50, "12000000", "0.01"), (25, "70000000", "0.02"),
    (20, "100000000", "0.025"), (10, "230000000", "0.05"), (5, "480000000", "0.1"), (4, "600000000", "0.125"),
    (3, "800000000", "0.15"), (2, "1200000000", "0.25"), (1, "1800000000", "0.5"),
)  # fmt: skip
"""Leverage, largest notional and maintenance rate; of the first one the rate is the instrument's."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """What a notional allows and costs."""

    number: int
    leverage: int
    floor: Decimal
    cap: Decimal
    rate: Decimal
    cum: Decimal


def brackets(market: Market) -> list[Bracket]:
    """Leverage brackets of a market."""
    out: list[Bracket] = []
    floor = cum = ZERO
    least = Decimal(repr(market.instrument.maintenance_margin))
    for number, (leverage, cap, tier) in enumerate(_TIERS, 1):
        rate = max(Decimal(tier), least) if out else least
        if out:
            cum += floor * (rate - out[-1].rate)
        out.append(Bracket(number, leverage, floor, Decimal(cap), rate, cum))
        floor = Decimal(cap)
    return out


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


@dataclass(frozen=True, slots=True)
class FuturesFill:
    """One execution."""

    id: int
    order: FuturesOrder
    time: int
    ticks: int
    lots: int
    maker: bool
    fee: Decimal
    realized: Decimal


@dataclass(frozen=True, slots=True)
class Income:
    """One movement of the wallet."""

    id: int
    symbol: str
    kind: str
    amount: Decimal
    time: int
    trade: str = ""


class FuturesAccount:
    """One account and its API key."""

    def __init__(self, key: str, secret: str, balance: Decimal, can_withdraw: bool = False) -> None:
        self.key, self.secret, self.start, self.wallet = key, secret, balance, balance
        self.can_withdraw = can_withdraw
        self.hedge = False
        self.configs: dict[str, SymbolConfig] = {}
        self.positions: dict[tuple[str, str], MarginPosition] = {}
        self.orders: dict[int, FuturesOrder] = {}
        self.open: dict[int, FuturesOrder] = {}
        self.by_client: dict[tuple[str, str], FuturesOrder] = {}
        self.algos: dict[int, AlgoOrder] = {}
        self.fills: deque[FuturesFill] = deque(maxlen=100_000)
        self.income: deque[Income] = deque(maxlen=100_000)
        self.reserved = ZERO
        self.called = False  # a margin call was sent
        self.late_post_only = False  # a post-only order that would take is accepted and then ended, not refused
        self.countdowns: dict[str, int] = {}

    def config(self, symbol: str) -> SymbolConfig:
        """Leverage and margin type of a symbol."""
        return self.configs.setdefault(symbol, SymbolConfig())

    def position(self, symbol: str, side: str) -> MarginPosition | None:
        """The open position, if any."""
        return self.positions.get((symbol, side))

    # ------------------------------------------------------------------------------------------------ booking
    def book(self, request: OrderRequest, lots: int, ticks: int, fee: Decimal, now: int) -> Decimal:
        """Book a fill of ``lots`` at a price; returns the realised profit."""
        market, key = request.market, (request.market.symbol, request.position_side)
        position = self.positions.get(key) or MarginPosition(market, request.position_side)
        price, realized = ticks * market.tick, ZERO
        closing = min(lots, abs(position.lots)) if position.sign == -request.side else 0
        if closing:
            share = money(position.cost * closing / abs(position.lots))
            realized = position.sign * (price * (closing * market.lot) - share)
            position.isolated -= money(position.isolated * closing / abs(position.lots))
            position.cost -= share
            position.lots += request.side * closing
            position.realized += realized
        opening = lots - closing
        if opening:
            value = price * (opening * market.lot)
            position.cost += value
            position.lots += request.side * opening
            config = self.config(market.symbol)
            if config.isolated:
                position.isolated += money(value / config.leverage)
        position.updated = now
        self.wallet += realized - fee
        if position.lots:
            self.positions[key] = position
        else:
            self.positions.pop(key, None)
        return realized

    def pay_funding(self, position: MarginPosition, rate: Decimal, now: int) -> Decimal:
        """Longs pay a positive rate, shorts receive it; returns what the wallet gained."""
        amount = money(-position.notional * rate)
        self.wallet += amount
        if self.config(position.market.symbol).isolated:
            position.isolated += amount
        position.updated = now
        return amount

    # ------------------------------------------------------------------------------------------------ margin
    def bracket(self, position: MarginPosition) -> Bracket:
        """The bracket of a position's notional."""
        notional = abs(position.notional)
        rows = brackets_of(position.market)
        return next((row for row in rows if notional <= row.cap), rows[-1])

    def maintenance(self, position: MarginPosition) -> Decimal:
        """Margin below which it is liquidated."""
        row = self.bracket(position)
        return max(abs(position.notional) * row.rate - row.cum, ZERO)

    def is_isolated(self, position: MarginPosition) -> bool:
        """Whether it stands alone."""
        return self.config(position.market.symbol).isolated

    def initial(self, position: MarginPosition) -> Decimal:
        """Initial margin at the mark price; of an isolated position its own margin."""
        if self.is_isolated(position):
            return position.isolated
        return abs(position.notional) / self.config(position.market.symbol).leverage

    @property
    def cross_positions(self) -> list[MarginPosition]:
        """Positions that share the wallet."""
        return [p for p in self.positions.values() if not self.is_isolated(p)]

    @property
    def cross_wallet(self) -> Decimal:
        """Wallet without what isolated positions hold."""
        return self.wallet - sum((p.isolated for p in self.positions.values()), ZERO)

    @property
    def unrealized(self) -> Decimal:
        """Of all positions."""
        return sum((p.unrealized for p in self.positions.values()), ZERO)

    @property
    def cross_unrealized(self) -> Decimal:
        """Of the positions that share the wallet."""
        return sum((p.unrealized for p in self.cross_positions), ZERO)

    @property
    def available(self) -> Decimal:
        """What new orders may use as margin."""
        used = sum((self.initial(p) for p in self.cross_positions), ZERO)
        return max((self.cross_wallet + self.cross_unrealized - used - self.reserved).quantize(CENT, ROUND_DOWN), ZERO)

    def liquidation_price(self, position: MarginPosition) -> Decimal:
        """Mark price at which it is liquidated; 0 for never."""
        margin = position.isolated
        if not self.is_isolated(position):
            others = [p for p in self.cross_positions if p is not position]
            margin = self.cross_wallet + sum((p.unrealized - self.maintenance(p) for p in others), ZERO)
        row = self.bracket(position)
        return liquidation(position.entry, position.sign, position.cost, margin, row.rate, row.cum)

    def in_danger(self, position: MarginPosition) -> bool:
        """The mark price has reached the liquidation price."""
        mark = position.market.last * position.market.tick
        return (mark - self.liquidation_price(position)) * position.sign <= 0

    def margin_ratio(self) -> Decimal:
        """Maintenance margin of the cross positions over the margin they share."""
        need = sum((self.maintenance(p) for p in self.cross_positions), ZERO)
        have = self.cross_wallet + self.cross_unrealized
        return need / have if have > 0 else Decimal(1 if need else 0)

    def required(self, request: OrderRequest, price: int) -> Decimal:
        """Initial margin that an order needs: of what it can add to the position."""
        if request.reduce_only or request.close_position:
            return ZERO
        position = self.position(request.market.symbol, request.position_side)
        lots = request.lots
        if position is not None and position.sign == -request.side:
            lots = max(lots - abs(position.lots), 0)
        if self.hedge and (request.position_side == "LONG") != (request.side > 0):
            return ZERO
        value = price * request.market.tick * (lots * request.market.lot)
        return money(value / self.config(request.market.symbol).leverage)

    def check_leverage(self, request: OrderRequest, price: int) -> None:
        """Refuse a position that is too large for its leverage."""
        symbol, market = request.market.symbol, request.market
        held = sum((abs(p.notional) for (name, _), p in self.positions.items() if name == symbol), ZERO)
        leverage = self.config(symbol).leverage
        value = price * market.tick * (request.lots * market.lot)
        if held + value > largest(market, leverage):
            raise Rejected(-2027)

    def state(self) -> dict[str, Any]:
        """The books as they are."""
        return {
            "balance": format(self.wallet, "f"),
            "available": format(self.available, "f"),
            "unrealized": format(self.unrealized, "f"),
            "hedge": self.hedge,
            "positions": [
                {
                    "symbol": p.market.symbol,
                    "positionSide": p.side,
                    "quantity": format(p.quantity, "f"),
                    "entryPrice": format(p.entry, "f"),
                    "isolatedMargin": format(p.isolated, "f"),
                    "unrealized": format(p.unrealized, "f"),
                    "liquidationPrice": format(self.liquidation_price(p), "f"),
                }
                for p in self.positions.values()
            ],
        }


_BRACKETS: dict[tuple[str, float], list[Bracket]] = {}


def brackets_of(market: Market) -> list[Bracket]:
    """:func:`brackets`, worked out once a market."""
    key = market.symbol, market.instrument.maintenance_margin
    if key not in _BRACKETS:
        _BRACKETS[key] = brackets(market)
    return _BRACKETS[key]


def largest(market: Market, leverage: int) -> Decimal:
    """Largest notional that a leverage allows."""
    return max((row.cap for row in brackets_of(market) if row.leverage >= leverage), default=ZERO)

"""One futures account: its orders, its fills, and its books, exact to the smallest unit of money.

One-way and hedge mode, cross and isolated margin, leverage brackets. The wallet always is what was deposited, plus the
realised profit of every fill, minus its fees, plus funding; nothing else moves it. USDT is the only asset.

An order knows its account and an account its orders, so both are declared here.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any, Final, NamedTuple

from triplane.exchange.errors import reject_if
from triplane.exchange.market import Market
from triplane.exchange.positions import ZERO, Bracket, MarginPosition, SymbolConfig, brackets_of, largest
from triplane.exchange.rules import CENT, liquidation, money

SIDES: Final = {1: "BUY", -1: "SELL"}
CONDITIONAL: Final = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
ORDER_TYPES: Final = ("LIMIT", "MARKET", *CONDITIONAL)
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "GTX", "GTD")


def shown_type(kind: str) -> str:
    """The type of the order that a conditional order places."""
    return {"STOP": "LIMIT", "TAKE_PROFIT": "LIMIT"}.get(kind, "MARKET" if kind in CONDITIONAL else kind)


@dataclass(slots=True)
class OrderRequest:
    """What an order and an algo order have in common, checked; prices in ticks, quantities in lots."""

    account: "FuturesAccount"
    market: Market
    client_id: str
    side: int
    position_side: str
    type: str
    tif: str = "GTC"
    lots: int = 0
    price: int = 0
    reduce_only: bool = False
    close_position: bool = False
    working_type: str = "CONTRACT_PRICE"
    price_protect: bool = False
    price_match: str = "NONE"
    stp: str = "EXPIRE_MAKER"
    good_till: int = 0
    trigger: int = 0
    activate: int = 0
    callback: Decimal = ZERO

    @property
    def key(self) -> tuple[str, str]:
        """Symbol and position side."""
        return self.market.symbol, self.position_side

    @property
    def closes(self) -> bool:
        """Whether it can only close; in hedge mode an order against its own position side does."""
        against = self.position_side != "BOTH" and (self.position_side == "LONG") != (self.side > 0)
        return self.reduce_only or self.close_position or against


@dataclass(slots=True, eq=False)
class OrderState:
    """What orders and conditional orders have in common."""

    id: int = 0
    time: int = 0
    updated: int = 0
    symbol: str = ""
    status: str = "NEW"
    hidden_until: int = 0  # wall time until which queries do not find it


@dataclass(slots=True, eq=False)
class RestingOrder(OrderState):
    """What orders of futures and spot have in common."""

    lots: int = 0
    filled: int = 0
    value: Decimal = ZERO  # sum of price x quantity of the fills
    prints: list[int] = field(default_factory=list)  # sizes of the fills to come, where a fault splits them

    @property
    def left(self) -> int:
        """Lots that are not filled."""
        return self.lots - self.filled

    @property
    def open(self) -> bool:
        """It can still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED")

    def next_print(self) -> int:
        """Lots of its next fill: all that is left, unless a fault splits it."""
        return min(self.prints.pop(0), self.left) if self.prints else self.left

    def add(self, lots: int, value: Decimal, now: int) -> None:
        """Take a fill."""
        self.filled += lots
        self.value += value
        self.updated, self.status = now, "PARTIALLY_FILLED" if self.left else "FILLED"


@dataclass(slots=True, eq=False, kw_only=True)
class FuturesOrder(RestingOrder):
    """An order of the matching engine."""

    request: OrderRequest
    reserved: Decimal = ZERO  # initial margin that it holds
    algo: "AlgoOrder | None" = None
    liquidation: bool = False
    maker_fee: Decimal = ZERO
    taker_fee: Decimal = ZERO
    realized: Decimal = ZERO

    def average(self) -> str:
        """Average price of the fills."""
        market = self.request.market
        price = self.value / (self.filled * market.lot) if self.filled else ZERO
        return format(price.quantize(Decimal(1).scaleb(-max(market.decimals[0], 5))), "f")


@dataclass(slots=True, eq=False, kw_only=True)
class AlgoOrder(OrderState):
    """A conditional order in the algo service."""

    request: OrderRequest
    triggered: int = 0
    child: FuturesOrder | None = None
    reason: str = ""
    best: int = 0  # of a trailing stop: the most favourable price since it was activated, 0 before

    @property
    def open(self) -> bool:
        """It still waits."""
        return self.status == "NEW"


class FuturesFill(NamedTuple):
    """One execution."""

    id: int
    order: FuturesOrder
    time: int
    ticks: int
    lots: int
    maker: bool
    fee: Decimal
    realized: Decimal


class Income(NamedTuple):
    """One movement of the wallet."""

    id: int
    symbol: str
    kind: str
    amount: Decimal
    time: int
    trade: str = ""


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Their sum."""
    return sum(amounts, ZERO)


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

    # ------------------------------------------------------------------------------------------------ booking
    def book(self, request: OrderRequest, lots: int, ticks: int, fee: Decimal, now: int) -> Decimal:
        """Book a fill of ``lots`` at a price; returns the realised profit."""
        market, key = request.market, request.key
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
        if self.is_isolated(position):
            position.isolated += amount
        position.updated = now
        return amount

    # ------------------------------------------------------------------------------------------------ margin
    def bracket(self, position: MarginPosition) -> Bracket:
        """The bracket of a position's notional."""
        notional, rows = abs(position.notional), brackets_of(position.market)
        return next((row for row in rows if notional <= row.cap), rows[-1])

    def maintenance(self, position: MarginPosition) -> Decimal:
        """Margin below which it is liquidated."""
        row = self.bracket(position)
        return max(abs(position.notional) * row.rate - row.cum, ZERO)

    def is_isolated(self, position: MarginPosition) -> bool:
        """Whether it has a margin of its own."""
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
        return self.wallet - total(p.isolated for p in self.positions.values())

    @property
    def unrealized(self) -> Decimal:
        """Of all positions."""
        return total(p.unrealized for p in self.positions.values())

    @property
    def cross_unrealized(self) -> Decimal:
        """Of the positions that share the wallet."""
        return total(p.unrealized for p in self.cross_positions)

    @property
    def available(self) -> Decimal:
        """What new orders may use as margin."""
        used = total(self.initial(p) for p in self.cross_positions)
        return max((self.cross_wallet + self.cross_unrealized - used - self.reserved).quantize(CENT, ROUND_DOWN), ZERO)

    def liquidation_price(self, position: MarginPosition) -> Decimal:
        """Mark price at which it is liquidated; 0 for never."""
        margin = position.isolated
        if not self.is_isolated(position):
            others = [p for p in self.cross_positions if p is not position]
            margin = self.cross_wallet + total(p.unrealized - self.maintenance(p) for p in others)
        row = self.bracket(position)
        return liquidation(position.entry, position.sign, position.cost, margin, row.rate, row.cum)

    def margin_ratio(self) -> Decimal:
        """Maintenance margin of the cross positions over the margin they share."""
        need = total(self.maintenance(p) for p in self.cross_positions)
        have = self.cross_wallet + self.cross_unrealized
        return need / have if have > 0 else Decimal(1 if need else 0)

    def required(self, request: OrderRequest, price: int) -> Decimal:
        """Initial margin that an order needs: of what it can add to the position."""
        if request.closes:
            return ZERO
        position, lots = self.positions.get(request.key), request.lots
        if position is not None and position.sign == -request.side:
            lots = max(lots - abs(position.lots), 0)
        value = price * request.market.tick * (lots * request.market.lot)
        return money(value / self.config(request.market.symbol).leverage)

    def check_leverage(self, request: OrderRequest, price: int) -> None:
        """Refuse a position that is too large for its leverage."""
        market = request.market
        held = total(abs(p.notional) for p in self.positions.values() if p.market.symbol == market.symbol)
        value = price * market.tick * (request.lots * market.lot)
        reject_if(held + value > largest(market, self.config(market.symbol).leverage), -2027)

    def state(self) -> dict[str, Any]:
        """The books as they are."""
        amounts = {"balance": self.wallet, "available": self.available, "unrealized": self.unrealized}
        rows = [
            {
                "symbol": p.market.symbol, "positionSide": p.side, "quantity": format(p.quantity, "f"),
                "entryPrice": format(p.entry, "f"), "isolatedMargin": format(p.isolated, "f"),
                "unrealized": format(p.unrealized, "f"), "liquidationPrice": format(self.liquidation_price(p), "f"),
            }
            for p in self.positions.values()
        ]  # fmt: skip
        return {name: format(x, "f") for name, x in amounts.items()} | {"hedge": self.hedge, "positions": rows}

"""The matching engine: which orders are accepted, when they fill, what that does to the books, and what is reported.

Whether and where an order fills is asked of :class:`triplane.exchange.rules.Rules`. An order fills whole, unless a
fault splits it.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final, Generic, TypeAlias, TypeVar

from triplane.exchange import order_views as events
from triplane.exchange.account import (
    FuturesAccount,
    FuturesFill,
    FuturesOrder,
    Income,
    OrderRequest,
    RestingOrder,
    shown_type,
    total,
)
from triplane.exchange.errors import Rejected, reject_if
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.positions import ZERO, MarginPosition
from triplane.exchange.rules import MAKER_FEE, TAKER_FEE, money

MAX_ORDERS: Final = 200
CALL_RATIO: Final = Decimal("0.8")
"""Maintenance margin over margin balance from which a margin call is sent."""


Emit: TypeAlias = Callable[[FuturesAccount, dict[str, Any]], None]
T_order = TypeVar("T_order", bound=RestingOrder)


class Engine(Generic[T_order]):
    """What the engines of futures and spot have in common: ids, working orders by symbol, and market time.

    Parameters
    ----------
    emit
        Reports an event on an account's user data stream.
    split
        Sizes, in lots, of the partial fills that a fault asks for; empty for one fill.
    market_time
        Milliseconds.
    first
        Ids before the first one, by kind.
    """

    def __init__(
        self, emit: Callable[..., None], split: Callable[..., list[int]], market_time: Callable[[], int], **first: int
    ) -> None:
        self.emit, self.split, self._time, self._numbers = emit, split, market_time, first
        self.books: dict[str, dict[int, T_order]] = {}

    @property
    def now(self) -> int:
        """Market time."""
        return self._time()

    def number(self, kind: str) -> int:
        """The next id of a kind."""
        self._numbers[kind] += 1
        return self._numbers[kind]

    def keep(self, order: T_order, account: Any, client_id: str, asked: Any) -> None:
        """Give an order its id and its place."""
        order.id, order.time, order.updated = self.number("order"), self.now, self.now
        account.orders[order.id] = account.open[order.id] = account.by_client[order.symbol, client_id] = order
        self.books.setdefault(order.symbol, {})[order.id] = order
        order.prints = self.split(asked)

    def forget(self, order: T_order, account: Any) -> None:
        """Remove an order that no longer works."""
        account.open.pop(order.id, None)
        self.books[order.symbol].pop(order.id, None)

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """Let each working order meet a public trade."""
        for order in list(self.books.get(market.symbol, {}).values()):
            self.meet(order, market, trade)

    def meet(self, order: T_order, market: Market, trade: MarketTrade) -> None:
        """Fill or trigger an order if the trade reaches it."""
        raise NotImplementedError


class MatchingEngine(Engine[FuturesOrder]):
    """All working orders of a futures venue; see :class:`Engine`."""

    def __init__(self, emit: Emit, split: Callable[..., list[int]], market_time: Callable[[], int]) -> None:
        super().__init__(emit, split, market_time, order=1_000_000, fill=5_000_000, income=9_000_000)
        self.finished: Callable[[FuturesOrder], None] = lambda _: None
        self.liquidated: Callable[[FuturesOrder], None] = lambda _: None

    # ------------------------------------------------------------------------------------------------ requests
    def submit(self, request: OrderRequest, accepted: Callable[[FuturesOrder], None] | None = None) -> FuturesOrder:
        """Accept an order, and fill it as far as it takes at once; raises Rejected.

        ``accepted`` is called with the order before its first event.
        """
        market, account = request.market, request.account
        reference = self._check(request)
        taker = market.rules.taker(request.side, market.last)
        takes = shown_type(request.type) == "MARKET" or (request.price - taker) * request.side >= 0
        never = takes and request.tif == "GTX"
        reject_if(never and not account.late_post_only, -5022)
        margin = account.required(request, reference)
        if margin:
            reject_if(margin + money(margin * TAKER_FEE) > account.available, -2019)
            account.check_leverage(request, reference)
        order = self._accept(request, margin, accepted)
        if takes and not never:
            self._trade(order, taker, maker=False)
        if order.open and (never or order.request.tif in ("IOC", "FOK")):
            self._end(order, "EXPIRED")
        return order

    def cancel(self, order: FuturesOrder) -> FuturesOrder:
        """Cancel a working order."""
        reject_if(not order.open, -2011)
        self._end(order, "CANCELED")
        return order

    def cancel_all(self, account: FuturesAccount, market: Market | None = None) -> None:
        """Cancel the working orders of a market, or of all; not the conditional ones."""
        for order in [o for o in account.open.values() if market in (None, o.request.market)]:
            if order.open:  # cancelling one may end another
                self.cancel(order)

    def amend(self, order: FuturesOrder, price: int, lots: int) -> FuturesOrder:
        """Change price and quantity of a working limit order; it loses its place, as a new order would have none."""
        r = order.request
        reject_if(not order.open, -2013)
        reject_if((price, lots) == (r.price, r.lots), -5027)
        wanted = replace(r, price=price, lots=lots)
        if lots <= order.filled:
            self._end(order, "CANCELED")
            return order
        margin = r.account.required(replace(wanted, lots=lots - order.filled), price)
        reject_if(margin - order.reserved > r.account.available, -2019)
        taker = r.market.rules.taker(r.side, r.market.last)
        takes = (price - taker) * r.side >= 0
        reject_if(takes and r.tif == "GTX", -5022)
        r.account.reserved += margin - order.reserved
        order.request, order.lots, order.reserved, order.updated = wanted, lots, margin, self.now
        self.emit(r.account, events.order_update(order, "AMENDMENT", self.now))
        if takes:
            self._trade(order, taker, maker=False)
        return order

    def _check(self, request: OrderRequest) -> int:
        """Refuse what cannot be accepted now; returns the price that margin is calculated with."""
        account, market = request.account, request.market
        if request.closes:
            position = account.positions.get(request.key)
            if position is None or position.sign == request.side:
                raise Rejected(-2022)
        known = account.by_client.get((market.symbol, request.client_id))
        reject_if(known is not None and known.open, -4116)
        reject_if(len(account.open) >= MAX_ORDERS, -2025)
        return request.price if shown_type(request.type) == "LIMIT" else market.last

    def _accept(
        self, request: OrderRequest, margin: Decimal, accepted: Callable[[FuturesOrder], None] | None = None
    ) -> FuturesOrder:
        account, symbol = request.account, request.market.symbol
        order = FuturesOrder(symbol=symbol, lots=request.lots, request=request, reserved=margin)
        account.reserved += margin
        self.keep(order, account, request.client_id, request)
        if accepted is not None:
            accepted(order)
        self.emit(account, events.order_update(order, "NEW", self.now))
        return order

    # ------------------------------------------------------------------------------------------------ the market
    def meet(self, order: FuturesOrder, market: Market, trade: MarketTrade) -> None:
        """Fill an order that a public trade reaches."""
        r = order.request
        if not order.open:  # another fill of this trade may have ended it
            return
        if 0 < r.good_till <= self.now:
            self._end(order, "EXPIRED")
            return
        kind = shown_type(r.type)
        if kind == "MARKET" or (r.price - trade.ticks) * r.side >= 0:  # only what is near is worth asking about
            ticks = market.rules.fill(kind, r.side, r.price, trade.ticks)
            if ticks is not None:
                self._trade(order, ticks, maker=kind == "LIMIT")

    def _trade(self, order: FuturesOrder, ticks: int, *, maker: bool) -> None:
        """Fill as much as the position allows and the fault, if any, wants now."""
        r = order.request
        lots = order.next_print()
        if r.closes:
            position = r.account.positions.get(r.key)
            held = abs(position.lots) if position and position.sign == -r.side else 0
            if held == 0:
                self._end(order, "EXPIRED")
                return
            lots = min(lots, held)
        self.fill(order, lots, ticks, maker=maker, rate=MAKER_FEE if maker else TAKER_FEE)
        if order.open and (r.reduce_only or r.close_position) and r.key not in r.account.positions:
            self._end(order, "EXPIRED")

    def fill(self, order: FuturesOrder, lots: int, ticks: int, *, maker: bool, rate: Decimal) -> None:
        """Book a fill and report it: TRADE_LITE, ACCOUNT_UPDATE, ORDER_TRADE_UPDATE."""
        r, account = order.request, order.request.account
        value = ticks * r.market.tick * (lots * r.market.lot)
        fee = money(value * rate)
        realized = account.book(r, lots, ticks, fee, self.now)
        order.add(lots, value, self.now)
        order.realized += realized
        order.maker_fee += fee if maker else ZERO
        order.taker_fee += ZERO if maker else fee
        fill = FuturesFill(self.number("fill"), order, self.now, ticks, lots, maker, fee, realized)
        account.fills.append(fill)
        for kind, amount in (("REALIZED_PNL", realized), ("COMMISSION", -fee)):
            if amount:
                self.pay(account, order.symbol, kind, amount, str(fill.id))
        released = order.reserved * lots / (order.left + lots)
        account.reserved -= released
        order.reserved -= released
        if not order.open:
            self.forget(order, account)
        if not order.liquidation:
            self.emit(account, events.trade_lite(fill))
        self.emit(account, events.account_update(account, "ORDER", [r.key], ZERO, self.now, realized))
        kind = "CALCULATED" if order.liquidation else "TRADE"
        self.emit(account, events.order_update(order, kind, self.now, fill))
        self.finished(order)
        if r.key not in account.positions:  # working reduce-only orders of a position that has closed expire
            for other in list(account.open.values()):
                if other.request.reduce_only and other.request.key == r.key:
                    self._end(other, "EXPIRED")

    def pay(self, account: FuturesAccount, symbol: str, kind: str, amount: Decimal, trade: str = "") -> None:
        """Record a movement of the wallet."""
        account.income.append(Income(self.number("income"), symbol, kind, amount, self.now, trade))

    def _end(self, order: FuturesOrder, status: str) -> None:
        order.status, order.updated = status, self.now
        order.request.account.reserved -= order.reserved
        order.reserved = ZERO
        self.forget(order, order.request.account)
        self.emit(order.request.account, events.order_update(order, status, self.now))
        self.finished(order)

    # ------------------------------------------------------------------------------------------------ liquidation
    def watch(self, account: FuturesAccount, market: Market) -> None:
        """Liquidate positions whose margin is used up at the mark price of a market; warn before that."""
        mine = [p for p in account.positions.values() if p.market is market]
        if not mine:
            return
        for position in mine:
            mark = market.last * market.tick
            if position.lots and (mark - account.liquidation_price(position)) * position.sign <= 0:
                victims = [position] if account.is_isolated(position) else account.cross_positions
                self._liquidate(account, victims)
        called = account.margin_ratio() >= CALL_RATIO
        if called and not account.called and account.cross_positions:
            self.emit(account, events.margin_call(account, account.cross_positions, self.now))
        account.called = called

    def _liquidate(self, account: FuturesAccount, victims: list[MarginPosition]) -> None:
        """Close positions at the price at which the margin behind them is gone, without a fee, as the kernel does."""
        for order in list(account.open.values()):
            if any(order.request.market is p.market for p in victims):
                self._end(order, "CANCELED")
        isolated = account.is_isolated(victims[0])
        equity = account.cross_wallet + account.cross_unrealized
        need = total(account.maintenance(p) for p in victims) or Decimal(1)
        targets = []
        for p in victims:
            backing = p.isolated + p.unrealized if isolated else equity * account.maintenance(p) / need
            price = p.market.last * p.market.tick - p.sign * backing / abs(p.quantity)
            rounding = "ROUND_CEILING" if p.sign > 0 else "ROUND_FLOOR"
            targets.append((p, max(p.market.instrument.ticks(price, rounding), 1)))
        for p, ticks in targets:
            r = OrderRequest(
                account, p.market, f"autoclose-{self.now}{p.market.trade_id:06d}", -p.sign, p.side, "LIMIT", "IOC",
                abs(p.lots), ticks, reduce_only=False, stp="NONE",
            )  # fmt: skip
            order = self._accept(r, ZERO)
            order.liquidation = True
            self.fill(order, r.lots, ticks, maker=False, rate=ZERO)
            self.liquidated(order)

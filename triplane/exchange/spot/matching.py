"""The spot matching engine: which orders are accepted, when they fill, and what that does to the balances.

Whether and where an order fills is asked of the same rules as on the futures. A triggered market order fills at the
trade that triggered it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from triplane.exchange.errors import Rejected, reject_if
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.matching import Engine
from triplane.exchange.positions import ZERO
from triplane.exchange.rules import money
from triplane.exchange.spot import order_views as events
from triplane.exchange.spot.account import FEE, SpotAccount, SpotFill, SpotOrder
from triplane.exchange.spot.filters import MARKETS, MAX_ALGOS, MAX_ORDERS, TRIGGERS

_KEPT: Final = 50_000
"""Orders of an account; those that ended first are forgotten past it."""


class SpotMatching(Engine[SpotOrder]):
    """All working spot orders; see :class:`triplane.exchange.matching.Engine`."""

    def __init__(self, emit: Callable[..., None], split: Callable[..., list[int]], now: Callable[[], int]) -> None:
        super().__init__(emit, split, now, order=20_000_000, fill=30_000_000, report=40_000_000)
        self.fee = FEE

    # ------------------------------------------------------------------------------------------------ requests
    def submit(self, order: SpotOrder) -> SpotOrder:
        """Accept an order, and fill it as far as it takes at once; raises Rejected."""
        account, market = order.account, order.listing.market
        taker = market.rules.taker(order.side, market.last)
        self._check(order, taker)
        order.locked = order.cost(order.price or order.trigger or taker, order.lots)
        account.lock(order.spends, order.locked)
        self.keep(order, account, order.client_id, order)
        if order.type not in TRIGGERS:
            order.working_since = self.now
        self._say(order, "NEW")
        if order.type not in TRIGGERS:
            self._work(order, taker)
        if len(account.orders) > _KEPT:
            self._trim(account)
        return order

    def _check(self, order: SpotOrder, taker: int) -> None:
        """Refuse what cannot be accepted now."""
        account, market = order.account, order.listing.market
        known = account.by_client.get((order.symbol, order.client_id))
        reject_if(known is not None and known.open, -2010, "Duplicate order sent.")
        mine = [o for o in account.open.values() if o.listing is order.listing]
        reject_if(len(mine) >= MAX_ORDERS, -1013, "Filter failure: MAX_NUM_ORDERS")
        if order.type in TRIGGERS:
            if sum(o.type in TRIGGERS and o.working_since < 0 for o in mine) >= MAX_ALGOS:
                raise Rejected(-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
            if market.rules.fill(TRIGGERS[order.type], order.side, order.trigger, market.last) is not None:
                raise Rejected(-2010, "Stop price would trigger immediately.")
        if order.type == "LIMIT_MAKER" and (order.price - taker) * order.side >= 0:
            raise Rejected(-2010, "Order would immediately match and take.")
        need = order.cost(order.price or order.trigger or taker, order.lots)
        if need > account.holding(order.spends).free:
            raise Rejected(-2010, "Account has insufficient balance for requested action.")

    def cancel(self, order: SpotOrder, cancel_id: str) -> SpotOrder:
        """Cancel a working order."""
        reject_if(not order.open, -2011)
        self._end(order, "CANCELED", cancel_id)
        return order

    # ------------------------------------------------------------------------------------------------ the market
    def meet(self, order: SpotOrder, market: Market, trade: MarketTrade) -> None:
        """Trigger or fill an order that a public trade reaches."""
        rules, limit = market.rules, order.type not in MARKETS
        if order.working_since < 0:
            if rules.fill(TRIGGERS[order.type], order.side, order.trigger, trade.ticks) is not None:
                order.working_since = order.updated = self.now
                self._say(order, "NEW")
                self._work(order, rules.taker(order.side, market.last))
        elif not limit or (order.price - trade.ticks) * order.side >= 0:  # only what is near is worth asking about
            ticks = rules.fill("LIMIT" if limit else "MARKET", order.side, order.price, trade.ticks)
            if ticks is not None:
                self._trade(order, ticks, maker=limit)

    def _work(self, order: SpotOrder, taker: int) -> None:
        """Let an order that works now take what it can."""
        if order.type in MARKETS or (order.price - taker) * order.side >= 0:
            self._trade(order, taker, maker=False)
        if order.open and order.tif in ("IOC", "FOK"):
            self._end(order, "EXPIRED")

    def _trade(self, order: SpotOrder, ticks: int, *, maker: bool) -> None:
        """Fill as much as the fault, if any, wants now; a market order that costs more than there is expires."""
        account, listing = order.account, order.listing
        lots = order.next_print()
        cost = order.cost(ticks, lots)
        released = order.locked if lots == order.left else order.locked * lots / order.left
        spent = account.holding(order.spends)
        if cost > spent.free + released:
            self._end(order, "EXPIRED")
            return
        account.lock(order.spends, -released)
        order.locked -= released
        spent.free -= cost
        value = listing.price(ticks) * listing.quantity(lots)
        got = listing.quantity(lots) if order.side > 0 else value
        fee = money(got * self.fee)
        account.holding(order.gets).free += got - fee
        order.add(lots, value, self.now)
        fill = SpotFill(self.number("fill"), order, self.now, ticks, lots, maker, fee, order.gets, value)
        account.fills.append(fill)
        order.fills.append(fill)
        if not order.open:
            self.forget(order, account)
        self._say(order, "TRADE", fill)

    def _end(self, order: SpotOrder, status: str, cancel_id: str = "") -> None:
        order.status, order.updated = status, self.now
        order.account.lock(order.spends, -order.locked)
        order.locked = ZERO
        self.forget(order, order.account)
        self._say(order, status, cancel_id=cancel_id)

    def _say(self, order: SpotOrder, execution: str, fill: SpotFill | None = None, cancel_id: str = "") -> None:
        """An executionReport, then the balances."""
        account = order.account
        account.updated = self.now
        report = events.execution_report(order, execution, self.now, self.number("report"), fill, cancel_id)
        self.emit(account, report)
        assets = order.listing.base, order.listing.quote
        self.emit(account, events.account_position(account, assets, self.now))

    @staticmethod
    def _trim(account: SpotAccount) -> None:
        for order in [o for o in account.orders.values() if not o.open][: _KEPT // 10]:
            del account.orders[order.id]
            key = order.symbol, order.client_id
            if account.by_client.get(key) is order:
                del account.by_client[key]

    def deposit(self, account: SpotAccount, asset: str, amount: Decimal) -> None:
        """Add something from outside, or take it away (negative)."""
        account.holding(asset).free += amount
        account.updated = self.now
        self.emit(account, events.balance_update(asset, amount, self.now))
        self.emit(account, events.account_position(account, [asset], self.now))

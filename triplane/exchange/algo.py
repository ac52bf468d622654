"""The algo service: conditional orders, which become orders when the price reaches their trigger.

A triggered one goes TRIGGERING (the child's id still empty), TRIGGERED (with the child's id), then the child lives its
own life on the order stream under the same client id, and FINISHED follows when the child has ended. One that the
matching engine rejects is REJECTED; a trigger that finds nothing to close is EXPIRED.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from triplane.exchange import order_views as events
from triplane.exchange.account import AlgoOrder, FuturesAccount, FuturesOrder, OrderRequest, shown_type
from triplane.exchange.errors import Rejected, reject_if
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.matching import MatchingEngine

MAX_ALGOS: Final = 10
"""Waiting conditional orders of a symbol."""
TRAILING: Final = "TRAILING_STOP_MARKET"


class AlgoService:
    """All conditional orders of the exchange."""

    def __init__(self, matching: MatchingEngine, emit: Callable[[FuturesAccount, dict[str, Any]], None]) -> None:
        self.matching, self.emit = matching, emit
        self.waiting: dict[str, dict[int, AlgoOrder]] = {}
        self._number = 3_000_000
        matching.finished = self._child_changed

    def submit(self, request: OrderRequest) -> AlgoOrder:
        """Accept a conditional order; raises Rejected."""
        account, market = request.account, request.market
        mine = [a for a in account.algos.values() if a.open and a.request.market is market]
        reject_if(any(a.request.client_id == request.client_id for a in mine), -4116)
        reject_if(len(mine) >= MAX_ALGOS, -4045)
        reject_if(request.close_position and any(_same_close(a.request, request) for a in mine), -4130)
        level = request.activate if request.type == TRAILING else request.trigger
        kind = "TAKE_PROFIT_MARKET" if request.type == TRAILING else request.type
        reject_if(level and market.rules.fill(kind, request.side, level, market.last) is not None, -2021)
        self._number += 1
        algo = AlgoOrder(self._number, self.matching.now, request=request)
        account.algos[algo.id] = algo
        self.waiting.setdefault(market.symbol, {})[algo.id] = algo
        self._say(algo, "NEW")
        if request.type == TRAILING and not level:
            algo.best = market.last
        return algo

    def cancel(self, algo: AlgoOrder) -> AlgoOrder:
        """Cancel a waiting conditional order."""
        reject_if(not algo.open, -2011)
        self._end(algo, "CANCELED")
        return algo

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """Trigger what a trade reaches (the mark price is the last price, so both working types see the same)."""
        for algo in list(self.waiting.get(market.symbol, {}).values()):
            if 0 < algo.request.good_till <= self.matching.now:
                self._end(algo, "EXPIRED")
            elif self._reached(algo, market, trade.ticks):
                self._trigger(algo)

    def _reached(self, algo: AlgoOrder, market: Market, ticks: int) -> bool:
        r = algo.request
        if r.type != TRAILING:
            return market.rules.fill(r.type, r.side, r.trigger, ticks) is not None
        if algo.best == 0:
            if market.rules.fill("TAKE_PROFIT_MARKET", r.side, r.activate, ticks) is None:
                return False
            algo.best = ticks
        algo.best = min(algo.best, ticks) if r.side > 0 else max(algo.best, ticks)
        away = int(algo.best * r.callback / Decimal(100))
        level = max(algo.best + r.side * away, 1)
        return away > 0 and market.rules.fill(TRAILING, r.side, level, ticks) is not None

    def _trigger(self, algo: AlgoOrder) -> None:
        r = algo.request
        algo.triggered = self.matching.now
        self._say(algo, "TRIGGERING")
        self.waiting[r.market.symbol].pop(algo.id, None)
        lots = r.lots
        if r.close_position:
            position = r.account.positions.get(r.key)
            if position is None or position.sign == r.side:
                self._end(algo, "EXPIRED")
                return
            lots = abs(position.lots)
        limit = shown_type(r.type) == "LIMIT"
        child = replace(r, lots=lots, tif=r.tif if limit else "GTC", price=r.price if limit else 0)

        def accepted(order: FuturesOrder) -> None:
            order.algo, algo.child = algo, order
            self._say(algo, "TRIGGERED")

        try:
            self.matching.submit(child, accepted)
        except Rejected as error:
            algo.reason = error.text
            self._end(algo, "REJECTED")
            self.emit(r.account, events.trigger_reject(algo, self.matching.now))

    def _child_changed(self, order: FuturesOrder) -> None:
        if order.algo is not None and not order.open and order.algo.status == "TRIGGERED":
            self._say(order.algo, "FINISHED")

    def _end(self, algo: AlgoOrder, status: str) -> None:
        self.waiting[algo.request.market.symbol].pop(algo.id, None)
        self._say(algo, status)

    def _say(self, algo: AlgoOrder, status: str) -> None:
        algo.status, algo.updated = status, self.matching.now
        self.emit(algo.request.account, events.algo_update(algo, self.matching.now))


def _same_close(a: OrderRequest, b: OrderRequest) -> bool:
    """Two stops, or two targets, that would both close the same position."""
    kinds = a.type.startswith("TAKE"), b.type.startswith("TAKE")
    return a.close_position and (a.side, a.position_side, kinds[0]) == (b.side, b.position_side, kinds[1])

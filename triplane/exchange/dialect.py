"""What a venue of the box is made of: its accounts, its orders, its limits and its sockets, on the shared markets."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from triplane.exchange.account import FuturesAccount
from triplane.exchange.algo import AlgoService
from triplane.exchange.limits import RateLimits
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.matching import Emit, MatchingEngine
from triplane.exchange.positions import MarginPosition
from triplane.exchange.sockets import SocketHub
from triplane.exchange.views import FUNDING_RATE

KEEP_ORDERS_MS: Final = 3 * 86_400_000
"""Orders that ended without a fill are forgotten after this market time."""
KEEP_FILLED_MS: Final = 90 * 86_400_000
"""All others after this."""


class Dialect:
    """Another venue on the same markets, with an API of its own."""

    accounts: Mapping[str, Any]
    limits: RateLimits
    hubs: dict[str, SocketHub]
    """By the route of the socket's address."""

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """A public trade."""
        raise NotImplementedError

    def on_close(self, market: Market) -> None:
        """A candle of the replay has closed."""

    def on_funding(self) -> None:
        """An hour at which funding is paid."""

    def tick(self, now: int) -> None:
        """Advance wall time."""
        for hub in self.hubs.values():
            hub.tick(now)

    def end_streams(self, key: str) -> None:
        """The user streams of an account end, by a fault."""

    def state(self) -> dict[str, Any]:
        """The truth about its accounts."""
        raise NotImplementedError


class FuturesVenue:
    """The orders and accounts of a futures venue, whatever its API is."""

    def __init__(
        self,
        accounts: Mapping[str, FuturesAccount],
        emit: Emit,
        split: Callable[..., list[int]],
        now: Callable[[], int],
    ) -> None:
        self.accounts = accounts
        self.matching = MatchingEngine(emit, split, now)
        self.algos = AlgoService(self.matching, emit)

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """A public trade: orders, triggers, liquidations."""
        self.matching.on_trade(market, trade)
        self.algos.on_trade(market, trade)
        for account in self.accounts.values():
            if account.positions:
                self.matching.watch(account, market)

    def on_funding(self) -> None:
        """Funding is paid, and what ended long ago is forgotten."""
        for account in self.accounts.values():
            for position in list(account.positions.values()):
                amount = account.pay_funding(position, Decimal(FUNDING_RATE), self.matching.now)
                self.matching.pay(account, position.market.symbol, "FUNDING_FEE", amount)
                self.funded(account, position, amount)
            self._forget(account)

    def funded(self, account: Any, position: MarginPosition, amount: Decimal) -> None:
        """Report a funding payment."""
        raise NotImplementedError

    def _forget(self, account: FuturesAccount) -> None:
        now = self.matching.now
        for order in [o for o in account.orders.values() if not o.open]:
            if order.updated < now - (KEEP_FILLED_MS if order.filled else KEEP_ORDERS_MS):
                del account.orders[order.id]
                key = order.symbol, order.request.client_id
                if account.by_client.get(key) is order:
                    del account.by_client[key]
        for algo in [a for a in account.algos.values() if not a.open and a.updated < now - KEEP_FILLED_MS]:
            del account.algos[algo.id]

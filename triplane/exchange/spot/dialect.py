"""Spot on the markets of an exchange: its listings, accounts, limits and sockets."""

from decimal import Decimal
from typing import Any, Final

from triplane.errors import BadInput
from triplane.exchange.dialect import Dialect
from triplane.exchange.exchange import Exchange
from triplane.exchange.limits import RateLimits
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.spot.account import Listing, SpotAccount
from triplane.exchange.spot.matching import SpotMatching
from triplane.exchange.spot.order_views import query, show_fill
from triplane.exchange.spot.streams import SpotHub
from triplane.exchange.spot.ws_api import ROUTE, WEIGHT, WebSocketApi

_WINDOWS: Final = (("10s", 10_000, 100, "10 SECOND"), ("1d", 86_400_000, 200_000, "1 DAY"))


class SpotDialect(Dialect):
    """Everything of spot.

    Parameters
    ----------
    x
        The exchange whose markets, clock, faults and keys it shares; each key owns as much USDT here as on the futures.
    """

    def __init__(self, x: Exchange) -> None:
        self.x = x
        self.listings = {symbol: Listing.of(market) for symbol, market in x.markets.items()}
        self.assets = sorted({name for listing in self.listings.values() for name in (listing.base, listing.quote)})
        owners = x.accounts.values()
        accounts = {a.key: SpotAccount(a.key, a.secret, a.start, can_withdraw=a.can_withdraw) for a in owners}
        for account in accounts.values():
            for asset in self.assets:
                account.holding(asset)
        self.accounts = accounts
        self.limits = RateLimits(x.limits.enabled, WEIGHT, _WINDOWS)
        self.hub, self.api = SpotHub(x.markets, x.clock.now_ms), WebSocketApi(x, accounts, self.limits)
        self.hubs = {"spot": self.hub, ROUTE: self.api}
        self.matching = SpotMatching(lambda a, event: x.emit(a, event, self.api.user), x.split, lambda: x.now)

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """A public trade: streams, triggers, orders."""
        self.hub.on_trade(market, trade)
        self.matching.on_trade(market, trade)

    def on_close(self, market: Market) -> None:
        """A candle of the replay has closed."""
        self.hub.on_close(market)

    def end_streams(self, key: str) -> None:
        """The user streams of an account end."""
        self.api.end_streams(key)

    def deposit(self, key: object, asset: object, amount: Decimal) -> None:
        """Something comes to an account from outside, or leaves it (negative); raises BadInput."""
        account = self.accounts.get(str(key))
        if account is None:
            raise BadInput(f"account is {key!r}; it must be one of {', '.join(self.accounts)}")
        if asset not in self.assets:
            raise BadInput(f"asset is {asset!r}; it must be one of {', '.join(self.assets)}")
        if account.holding(str(asset)).free + amount < 0:
            raise BadInput(f"amount is {amount}; no more than the free {account.holding(str(asset)).free} can leave")
        self.matching.deposit(account, str(asset), amount)

    def state(self) -> dict[str, Any]:
        """Balances, orders and fills of every account."""
        return {
            key: {
                "balances": {
                    asset: {"free": free, "locked": locked} for asset, free, locked in a.rows(list(a.holdings))
                },
                "orders": [query(o) for o in a.orders.values()],
                "fills": [show_fill(f) for f in a.fills],
            }
            for key, a in self.accounts.items()
        }

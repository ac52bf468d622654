"""MEXC's place in the exchange: its accounts, its orders, and the engine's events as its pushes.

The market is the same; orders of one venue do not meet those of another.
"""

from typing import Any

from triplane.exchange.account import FuturesAccount
from triplane.exchange.control import account_state
from triplane.exchange.dialect import Dialect, FuturesVenue
from triplane.exchange.exchange import Exchange
from triplane.exchange.limits import RateLimits
from triplane.exchange.market import Market, MarketTrade
from triplane.exchange.mexc import views
from triplane.exchange.mexc.account import MexcAccount, TrackedPosition
from triplane.exchange.mexc.edge import EdgeHub
from triplane.exchange.positions import MarginPosition


class MexcDialect(FuturesVenue, Dialect):
    """Everything of MEXC.

    Parameters
    ----------
    x
        The exchange whose markets trade here too; each of its accounts has one here, with the same key, secret and
        first balance.
    """

    accounts: dict[str, MexcAccount]

    def __init__(self, x: Exchange) -> None:
        self.x = x
        accounts = {a.key: MexcAccount(a.key, a.secret, a.start, a.can_withdraw) for a in x.accounts.values()}
        super().__init__(accounts, self.say, x.split, lambda: x.now)
        self.limits = RateLimits(x.limits.enabled)
        self.edge = EdgeHub(x, accounts)
        self.hubs = {"edge": self.edge}

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """A public trade: orders, triggers, liquidations, pushes."""
        super().on_trade(market, trade)
        self.edge.on_trade(market, trade)

    def funded(self, account: MexcAccount, position: MarginPosition, amount: Any) -> None:
        """Push a funding payment."""
        track = account.tracks[position.key]
        track.funding += amount
        self._push_books(account, [(position.side, track)])

    def state(self) -> dict[str, Any]:
        """The truth about its accounts, in the form of all others."""
        return {key: account_state(a) for key, a in self.accounts.items()}

    # ------------------------------------------------------------------------------------------------ pushes
    def say(self, owner: FuturesAccount, event: dict[str, Any]) -> None:
        """Push what the engine reports as events of Binance."""
        account = self.accounts[owner.key]
        kind, body = event["e"], event.get("o", {})
        if kind == "ORDER_TRADE_UPDATE":
            order = account.orders[body["i"]]
            if body["x"] in ("TRADE", "CALCULATED"):
                row, fill = views.fill(account.fills[-1]), account.fills[-1]
                numbers = {"id": fill.id, "orderId": order.id}
                more = {"externalOid": order.request.client_id, "reduceOnly": order.request.reduce_only}
                self._push(account, "order.deal", row | numbers | more | {"isSelf": False, "opponentUid": 0})
                self._push_books(account, [(order.request.position_side, t) for t in account.follow(fill)])
            self._push(account, "order", views.order(account, order) | {"remainVol": order.left, "version": 1})
        elif kind == "ALGO_UPDATE" and body["X"] not in ("TRIGGERING", "FINISHED"):
            plan = account.algos[body["aid"]]
            row = views.plan(account, plan) | {"id": plan.id, "orderId": plan.child.id if plan.child else 0}
            self._push(account, "plan.order", row | {"marketOrderLevel": 0, "stopLossPrice": 0, "takeProfitPrice": 0})
        elif kind == "MARGIN_CALL":
            for (_, side), track in account.tracks.items():
                row = views.position(account, side, track)
                risk = {name: row[name] for name in ("symbol", "positionId", "liquidatePrice", "marginRatio")}
                self._push(account, "liquidate.risk", risk | {"adlLevel": 1})

    def _push_books(self, account: MexcAccount, tracks: list[tuple[str, TrackedPosition]]) -> None:
        for side, track in tracks:
            self._push(account, "position", views.position(account, side, track))
        row = views.asset(account)
        names = ("currency", "availableBalance", "frozenBalance", "positionMargin", "bonus")
        self._push(account, "asset", {name: row[name] for name in names})

    def _push(self, account: MexcAccount, channel: str, data: dict[str, Any]) -> None:
        self.x.emit(account, {"e": f"push.personal.{channel}", "o": data, "ts": self.x.now}, self.edge.push)

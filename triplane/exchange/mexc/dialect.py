"""MEXC's place in the exchange: its accounts, its books of orders, and what the engine's events mean in its pushes.

The market is the same; orders of one venue do not meet those of another.
"""

from typing import TYPE_CHECKING, Any

from triplane.exchange.account import FuturesAccount
from triplane.exchange.algo import AlgoService
from triplane.exchange.control import account_state
from triplane.exchange.limits import RateLimits
from triplane.exchange.market import FUNDING_EVERY, Market, MarketTrade
from triplane.exchange.matching import MatchingEngine
from triplane.exchange.mexc import views
from triplane.exchange.mexc.account import MexcAccount, TrackedPosition
from triplane.exchange.mexc.edge import Edge

if TYPE_CHECKING:
    from triplane.exchange.exchange import Exchange, SocketHub


class MexcDialect:
    """An :class:`triplane.exchange.exchange.Dialect`.

    Parameters
    ----------
    x
        The exchange whose markets trade here too; each of its accounts has one here, with the same key, secret and
        first balance.
    """

    def __init__(self, x: "Exchange") -> None:
        self.x = x
        self.accounts = {a.key: MexcAccount(a.key, a.secret, a.start, a.can_withdraw) for a in x.accounts.values()}
        self.limits = RateLimits(x.limits.enabled)
        self.edge = Edge(x, self.accounts)
        self.hubs: dict[str, SocketHub] = {"edge": self.edge}
        self.matching = MatchingEngine(self.say, x.split)
        self.algos = AlgoService(self.matching, self.say)
        self.matching.now = x.now
        self._funded = x.now // FUNDING_EVERY

    # ------------------------------------------------------------------------------------------------ time
    def now(self) -> int:
        """Market time, for the engine too."""
        self.matching.now = self.x.now
        return self.x.now

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """A public trade: funding that is due, orders, triggers, liquidations, pushes."""
        self._fund(self.now())
        self.matching.on_trade(market, trade)
        self.algos.on_trade(market, trade)
        for account in self.accounts.values():
            if account.positions:
                self.matching.watch(account, market)
        self.edge.on_trade(market, trade)

    def on_close(self, market: Market) -> None:
        """Nothing: klines are pushed with every trade, and do not say that they have closed."""

    def tick(self, now: int) -> None:
        """Sockets that do not ping are dropped."""
        self.edge.tick(now)

    def end_streams(self, key: str) -> None:
        """Nothing: a login does not run out."""

    def state(self) -> dict[str, Any]:
        """The truth about its accounts, in the form of all others."""
        return {key: account_state(a) for key, a in self.accounts.items()}

    def _fund(self, now: int) -> None:
        while self._funded < now // FUNDING_EVERY:
            self._funded += 1
            time = self._funded * FUNDING_EVERY
            for account in self.accounts.values():
                for key, position in list(account.positions.items()):
                    amount = account.pay_funding(position, views.FUNDING, time)
                    self.matching.pay(account, key[0], "FUNDING_FEE", amount)
                    account.tracks[key].funding += amount
                    self._push_books(account, [(key[1], account.tracks[key])])
                self.x.forget(account)

    # ------------------------------------------------------------------------------------------------ pushes
    def say(self, owner: FuturesAccount, event: dict[str, Any]) -> None:
        """Say in pushes what the engine says in the events of another venue."""
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
                names = {"symbol": "symbol", "positionId": "positionId", "liquidatePrice": "liquidatePrice"}
                risk = {name: row[key] for name, key in names.items()}
                self._push(account, "liquidate.risk", risk | {"marginRatio": row["marginRatio"], "adlLevel": 1})

    def _push_books(self, account: MexcAccount, tracks: list[tuple[str, TrackedPosition]]) -> None:
        for side, track in tracks:
            self._push(account, "position", views.position(account, side, track))
        row = views.asset(account)
        names = ("currency", "availableBalance", "frozenBalance", "positionMargin", "bonus")
        self._push(account, "asset", {name: row[name] for name in names})

    def _push(self, account: MexcAccount, channel: str, data: dict[str, Any]) -> None:
        self.x.emit(account, {"e": f"push.personal.{channel}", "o": data, "ts": self.x.now}, self.edge.push)

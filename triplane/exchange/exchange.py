"""The exchange without sockets: markets, accounts, matching, streams and faults, moved by :meth:`Exchange.advance`.

There are two times. *Market time* is the replay's: trades, orders, events and funding carry it. *Wall time* (plus the
skew) is what signatures, listen keys, rate limits and ``/fapi/v1/time`` go by, because clients do. A demo market at
speed 1 runs on both at once.
"""

import heapq
import itertools
import random
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Final

from triplane.data.clock import Clock
from triplane.exchange import order_views as events
from triplane.exchange.account import FuturesAccount
from triplane.exchange.dialect import Dialect, FuturesVenue
from triplane.exchange.faults import EVENT_KINDS, Fault, Faults
from triplane.exchange.limits import RateLimits
from triplane.exchange.market import FUNDING_EVERY, Market, MarketTrade
from triplane.exchange.positions import MarginPosition
from triplane.exchange.sockets import SocketHub
from triplane.exchange.streams import StreamHub

LISTEN_KEY_MS: Final = 3_600_000
_ALPHABET: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


class Exchange(FuturesVenue):
    """An exchange in a box: Binance USDⓈ-M futures, and other dialects on the same markets.

    Parameters
    ----------
    markets
        What trades; all start at the same market time.
    accounts
        Who may trade.
    clock
        Wall time; a ManualClock makes the exchange virtual.
    seed
        Of faults by chance, listen keys and generated ids.
    limits
        Whether rate limits refuse, or only count.
    """

    def __init__(
        self, markets: list[Market], accounts: list[FuturesAccount], clock: Clock, *, seed: int = 0, limits: bool = True
    ) -> None:
        super().__init__({a.key: a for a in accounts}, self.emit, self.split, lambda: self.now)
        self.markets = {m.symbol: m for m in markets}
        self.clock, self.skew = clock, 0
        self.faults, self.limits = Faults(seed), RateLimits(limits)
        self.hub = StreamHub(self.markets, clock.now_ms)
        self.matching.liquidated = self.hub.on_liquidation
        self.listen_keys: dict[str, tuple[str, int]] = {}  # account key: listen key, end in wall time
        self.parts: list[float] = []  # of the order that is placed now, by a fault
        self.now = max(m.first_ms for m in self.markets.values())
        self._random = random.Random(seed)  # noqa: S311 - repeatable ids, not secrets
        self._later: list[tuple[int, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._held: dict[Any, list[dict[str, Any]]] = {}
        self.dialects: dict[str, Dialect] = {}

    # ------------------------------------------------------------------------------------------------ time
    def wall(self) -> int:
        """The server's time, milliseconds."""
        return self.clock.now_ms() + self.skew

    def advance(self, until: int, most: int | None = None) -> bool:
        """Advance the market to a time; false when ``most`` trades were not enough."""
        count = 0
        while most is None or count < most:
            due = [(time, m) for m in self.markets.values() if (time := m.due()) is not None and time <= until]
            if not due:
                self._pass(until)
                return True
            time, market = min(due, key=lambda row: row[0])
            self._pass(time)
            trade = market.step()
            if trade is None:
                self.hub.on_close(market)
                for dialect in self.dialects.values():
                    dialect.on_close(market)
            else:
                self.on_trade(market, trade)
            count += 1
        return False

    def step(self, market: Market, price: Decimal | None) -> None:
        """Force a market's price."""
        market.now = self.now
        self.on_trade(market, market.force(price))

    def on_trade(self, market: Market, trade: MarketTrade) -> None:
        """A public trade: streams, orders, triggers, liquidations."""
        self.hub.on_trade(market, trade)
        super().on_trade(market, trade)
        for dialect in self.dialects.values():
            dialect.on_trade(market, trade)

    def next_due(self) -> int | None:
        """Market time of the next trade."""
        return min((t for m in self.markets.values() if (t := m.due()) is not None), default=None)

    def tick(self) -> None:
        """Do what is due by wall time: delayed answers and events, listen keys and dead-man's switches that run out."""
        now = self.clock.now_ms()
        while self._later and self._later[0][0] <= now:
            heapq.heappop(self._later)[2]()
        for key, (_, end) in list(self.listen_keys.items()):
            if end <= now:
                self.expire_listen_key(self.accounts[key])
        for account in self.accounts.values():
            for symbol, end in list(account.countdowns.items()):
                if end <= now:
                    del account.countdowns[symbol]
                    self.matching.cancel_all(account, self.markets[symbol])
        self.hub.tick(now)
        for dialect in self.dialects.values():
            dialect.tick(now)

    def later(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something after a wall time."""
        heapq.heappush(self._later, (self.clock.now_ms() + round(seconds * 1000), next(self._numbers), action))

    def _pass(self, time: int) -> None:
        """Advance market time; funding is paid at its hours."""
        while self.now // FUNDING_EVERY < time // FUNDING_EVERY:
            self._set_now((self.now // FUNDING_EVERY + 1) * FUNDING_EVERY)
            self.on_funding()
            for dialect in self.dialects.values():
                dialect.on_funding()
        self._set_now(max(self.now, time))

    def _set_now(self, time: int) -> None:
        self.now = time
        for market in self.markets.values():
            market.now = max(market.now, time)

    def funded(self, account: FuturesAccount, position: MarginPosition, amount: Decimal) -> None:
        """Report a funding payment; only of an isolated position the event says of which."""
        keys = [position.key] if account.is_isolated(position) else []
        self.emit(account, events.account_update(account, "FUNDING_FEE", keys, amount, self.now, position.realized))

    def new_id(self, length: int = 22) -> str:
        """A client id for an order that came without one."""
        return "".join(self._random.choices(_ALPHABET, k=length))

    def split(self, order: Any) -> list[int]:
        """Sizes of the first fills of an order, by a fault of the kind ``partial``."""
        parts, self.parts = self.parts, []
        return [max(int(order.lots * part), 1) for part in parts]

    # ------------------------------------------------------------------------------------------------ user streams
    def listen_key(self, account: FuturesAccount) -> str:
        """The account's listen key, created or extended."""
        key, _ = self.listen_keys.get(account.key) or (self.new_id(64), 0)
        self.listen_keys[account.key] = key, self.clock.now_ms() + LISTEN_KEY_MS
        return key

    def expire_listen_key(self, account: FuturesAccount) -> None:
        """The key ends; its sockets are told so, and then receive nothing more."""
        key, _ = self.listen_keys.pop(account.key, ("", 0))
        if key:
            self.hub.user(key, events.listen_key_expired(key, self.now))
            self.hub.users.pop(key, None)

    def emit(
        self, account: Any, event: dict[str, Any], deliver: Callable[[Any, dict[str, Any]], None] | None = None
    ) -> None:
        """Send an event on the user stream (by ``deliver``, for a dialect), unless a fault changes that."""
        deliver = deliver or self._deliver
        fault = self.faults.event(event)
        what = fault.what if fault else ""
        if fault and what not in EVENT_KINDS:
            self.strike(fault, account)
        if what == "drop":
            return
        if what == "reorder":
            self._held.setdefault(account, []).append(event)
            return
        if fault and what == "delay":
            self.later(fault.seconds, lambda: deliver(account, event))
            return
        for one in [event] * (2 if what == "duplicate" else 1) + self._held.pop(account, []):
            deliver(account, one)

    def _deliver(self, account: FuturesAccount, event: dict[str, Any]) -> None:
        entry = self.listen_keys.get(account.key)
        if entry is not None:
            self.hub.user(entry[0], event)

    # ------------------------------------------------------------------------------------------------ faults
    @property
    def hubs(self) -> list[SocketHub]:
        """All hubs, that of the futures first."""
        return [self.hub, *(hub for dialect in self.dialects.values() for hub in dialect.hubs.values())]

    def hub_of(self, route: str) -> SocketHub:
        """The hub of a route."""
        return next((dialect.hubs[route] for dialect in self.dialects.values() if route in dialect.hubs), self.hub)

    def add_faults(self, faults: Iterable[Fault]) -> None:
        """Take faults; those of ``now`` happen at once."""
        for fault in faults:
            if fault.target == "now":
                for account in self.accounts.values():
                    self.strike(fault, account)
            else:
                self.faults.waiting.append(fault)

    def clear_faults(self) -> None:
        """End all faults, mutes and skew."""
        self.faults.waiting.clear()
        self.skew = 0
        for hub in self.hubs:
            hub.mutes.clear()
            for connection in hub.connections:
                connection.muted_until = 0

    def strike(self, fault: Fault, account: Any) -> None:
        """Carry out a fault that is not about one answer or event; ``account`` is None when it is about none."""
        until = self.clock.now_ms() + round(fault.seconds * 1000)
        if fault.what == "skew":
            self.skew = fault.milliseconds
        elif fault.what == "expire_listen_key" and account is not None:
            self.expire_listen_key(account)
            for dialect in self.dialects.values():
                dialect.end_streams(account.key)
        for hub in self.hubs if fault.what in ("drop_sockets", "mute") else ():
            hub.hit(fault, until)

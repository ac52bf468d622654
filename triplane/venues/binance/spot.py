"""Binance spot as a :class:`triplane.venues.base.Venue`.

A position is what the account owns of a symbol's base asset (free and locked, of whatever origin), rounded down to the
lot; what is too small to be sold does not count. Two symbols of the same base asset would show the same coins twice.

An exit is a sell; ``reduce_only`` is not known to the venue. **The fee of a buy is taken from the coins bought**, so a
position of 1 BTC is 0.999 BTC. A reduce-only sell of more than is free is sent as it is, refused by the venue for lack
of funds (nothing is carried out then), and after a query of the balance sent once more, under the same client id, with
what is free rounded down to the lot. So an exit of the right size costs one request and one that is too large three.
Its reports tell the quantity that was really sent, its fills what was really sold. If nothing is owned, it is refused
with ``Why.REDUCE_ONLY``; if other orders lock it all, with ``Why.FUNDS``: on spot the stop has to be cancelled before
the exit. Sells that are not reduce-only are never changed.

Private events come through the WebSocket API, subscribed to with a signature on each connection: there is no listen
key.
"""

import hashlib
import hmac
import itertools
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import orjson
from msgspec.structs import replace

from triplane.data.binance import find_market, instrument_of
from triplane.data.instruments import Instrument, plain
from triplane.venues.adapter import SignedAdapter, Urls
from triplane.venues.base import (
    Approved,
    Capabilities,
    Execution,
    Funding,
    NewOrder,
    OrderReport,
    PositionReport,
    Snapshot,
    VenueEvent,
)
from triplane.venues.binance import spot_codec as codec
from triplane.venues.binance.codec import RECV_WINDOW
from triplane.venues.binance.common import ccxt_markets
from triplane.venues.binance.failures import CLOCK, failure
from triplane.venues.binance.rest import BinanceRest
from triplane.venues.budget import Budget, Window, weight_window
from triplane.venues.errors import Refused, VenueError, Why
from triplane.venues.keys import Credentials
from triplane.venues.stream import Rotate, StreamProtocol, WebSocket
from triplane.venues.wire import HttpRequest, Row, check_grid, number, together

MAINNET: Final = Urls("https://api.binance.com", "wss://ws-api.binance.com:443/ws-api/v3", "https://api.binance.com")
TESTNET: Final = Urls("https://demo-api.binance.com", "wss://demo-ws-api.binance.com/ws-api/v3")
"""``stream`` is the whole address of the WebSocket API."""
SUBSCRIBE: Final = "userDataStream.subscribe.signature"
_DAY_MS: Final = 86_400_000


def spot_budget() -> Budget:
    """The limits of spot: weight a minute, orders in ten seconds and a day."""
    orders = (
        Window(10_000, 100, 20, "x-mbx-order-count-10s"),
        Window(_DAY_MS, 200_000, 20_000, "x-mbx-order-count-1d"),
    )
    return Budget(weight_window(6000), orders)


class UserDataStream(StreamProtocol):
    """Spot's part of the private stream.

    Parameters
    ----------
    address
        Of the WebSocket API.
    resync
        Measures the venue's clock, when it says that ours is off.
    """

    def __init__(
        self, address: str, keys: Credentials, now_ms: Callable[[], int], resync: Callable[[], Awaitable[None]]
    ) -> None:
        self._address, self._keys, self._now_ms, self._resync = address, keys, now_ms, resync
        self._numbers = itertools.count(1)

    async def log_in(self, socket: WebSocket) -> None:
        """Subscribe to the user data stream."""
        params = {"apiKey": self._keys.key, "recvWindow": RECV_WINDOW, "timestamp": self._now_ms()}
        text = "&".join(f"{name}={params[name]}" for name in sorted(params))
        signature = hmac.new(self._keys.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        wanted = next(self._numbers)
        request = {"id": wanted, "method": SUBSCRIBE, "params": {**params, "signature": signature}}
        await socket.send(orjson.dumps(request).decode())
        while (answer := orjson.loads(await socket.recv())).get("id") != wanted:
            continue  # after an error the venue may send something else first
        error = failure(answer["status"], answer.get("error", {}), {}, changing=False, now=self._now_ms())
        if error is not None:
            if error.code == CLOCK:
                await self._resync()
            raise error

    def read(self, message: Any) -> list[VenueEvent]:
        """The events in a message; the end of the subscription ends the connection."""
        event = message.get("event")
        if event is None:
            return []
        if event.get("e") in ("eventStreamTerminated", "serverShutdown"):
            raise Rotate(f"the venue says {event['e']}")
        return codec.events(event)


class BinanceSpot(SignedAdapter):
    """The adapter."""

    name, mainnet = "binance-spot", MAINNET
    capabilities = Capabilities(reduce_only=False, shorts=False, stop_beside_target=False)
    _rest: BinanceRest

    def _begin(self) -> None:
        self._markets: dict[str, dict[str, Any]] = {}
        self._rules: dict[str, Instrument] = {}

    def _make_rest(self, keys: Credentials, urls: Urls, budget: Budget | None) -> BinanceRest:
        budget = budget or spot_budget()
        return BinanceRest("binance", "/api/v3", keys, urls, self._clock, budget, self._timing.request)

    def _make_protocol(self, keys: Credentials, urls: Urls) -> UserDataStream:
        return UserDataStream(urls.stream, keys, self.now_ms, self._rest.clock.sync)

    # ------------------------------------------------------------------------------------------------ life
    async def _load(self) -> None:
        wanted = HttpRequest("GET", "/api/v3/exchangeInfo", {"showPermissionSets": "false"})
        self._markets = ccxt_markets((await self._ask(wanted, 20))["symbols"], "spot")

    async def _ask(self, request: HttpRequest, weight: int = 1, *, urgent: bool = False, order: bool = False) -> Any:
        try:
            return await self._rest.ask(request, weight=weight, urgent=urgent, order=order)
        except VenueError as error:
            raise codec.refined(error) from None

    # ------------------------------------------------------------------------------------------------ preparation
    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        return [self._rules_of(symbol) for symbol in symbols]

    def _rules_of(self, symbol: str) -> Instrument:
        if symbol not in self._rules:
            self._rules[symbol] = instrument_of(find_market(self._markets, symbol, "spot"))
        return self._rules[symbol]

    def _base(self, symbol: str) -> str:
        return str(self._markets[symbol]["info"]["baseAsset"])

    async def check_keys(self) -> None:
        await self._rest.check_keys("enableSpotAndMarginTrading", "on spot", codec.account(), 20)

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        """Return the obstacles to trading, each in a plain sentence; there is nothing to set.

        With ``resume``, coins and orders of these symbols are expected; otherwise they are obstacles too.
        """
        problems = [] if leverage == 1 else [f"spot has no leverage; it must be 1, not {leverage}"]
        bases = [self._base(rules.symbol) for rules in await self.instruments(symbols)]
        problems += [
            f"{base} is the base of several symbols; trade one of them" for base in {*bases} if bases.count(base) > 1
        ]
        if resume:
            return problems
        seen = await self.snapshot(symbols)
        problems += [
            f"{plain(p.quantity)} {self._base(p.symbol)} are owned already and would count as a position of ours"
            for p in seen.positions
        ]
        return problems + [f"{o.symbol} has a working order {o.client_id} that is not ours" for o in seen.orders]

    # ------------------------------------------------------------------------------------------------ orders
    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order; a reduce-only sell of more than is free sells what is free, see the module's text."""
        new = order.value
        rules = self._rules_of(new.symbol)
        check_grid(new, rules)
        exits = new.reduce_only and new.side < 0
        with self._expecting():
            try:
                answer = await self._ask(codec.place(new), urgent=exits, order=True)
            except Refused as error:
                if not exits or error.why is not Why.FUNDS:
                    raise
                fitting = await self._fitted(new, rules, error)
                answer = await self._ask(codec.place(fitting), urgent=True, order=True)
        return codec.order_report(answer)

    async def _fitted(self, new: NewOrder, rules: Instrument, error: Refused) -> NewOrder:
        """The same sell of no more than is free; raises Refused when nothing is."""
        wealth = codec.owned(await self._ask(codec.account(), 20, urgent=True))
        owned = wealth.get(self._base(new.symbol), codec.Owned())
        free = codec.rounded(owned.free, rules)
        if codec.rounded(owned.all, rules) <= 0:
            raise Refused(f"there is nothing of {new.symbol} to sell", error.code, Why.REDUCE_ONLY)
        if free <= 0:  # all is locked by other orders
            raise error
        return replace(new, quantity=min(free, new.quantity))  # more when something arrived meanwhile

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:  # noqa: ARG002 - all are orders
        with self._expecting():
            await self._ask(codec.named("DELETE", symbol, client_id), urgent=True)

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:  # noqa: ARG002 - the same
        return codec.order_report(await self._ask(codec.named("GET", symbol, client_id), 4), client_id)

    # ------------------------------------------------------------------------------------------------ state
    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        """See the interface. The last page mostly holds them all.

        It needs no window of time, which the venue limits to a day.
        """
        wanted = {"orderId": venue_order_id} if venue_order_id else {}
        rows: list[Row] = await self._ask(codec.trades(symbol, **wanted), 20)
        if len(rows) >= codec.PAGE and (venue_order_id or int(rows[0]["time"]) >= since):
            rows = await self._pages(symbol, wanted or {"startTime": str(since)}, wanted)
        found = {row["id"]: codec.fill(row) for row in rows}
        return [found[number] for number in sorted(found) if found[number].time >= since]

    async def _pages(self, symbol: str, first: dict[str, str], more: dict[str, str]) -> list[Row]:
        """All rows from a first page on."""
        first = first | ({"fromId": "0"} if more else {})
        page: list[Row] = await self._ask(codec.trades(symbol, **first), 20)
        rows = list(page)
        while len(page) >= codec.PAGE:
            after = str(max(row["id"] for row in page) + 1)
            page = await self._ask(codec.trades(symbol, **more, fromId=after), 20)
            rows += page
        return rows

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:  # noqa: ARG002 - whenever it is
        """There is no funding on spot."""
        return []

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        """See the interface; its time is before all questions."""
        time = self.now_ms()
        asked = [self._ask(codec.open_orders(symbol), 6) for symbol in symbols]
        orders = [row for answer in await together(asked) for row in answer]
        account = await self._ask(codec.account(), 20)
        wealth, until = codec.owned(account), int(account.get("updateTime") or 0)
        held = [symbol for symbol in symbols if codec.rounded(self._owned(wealth, symbol), self._rules_of(symbol)) > 0]
        positions = await together([self._position(symbol, self._owned(wealth, symbol), until) for symbol in held])
        found = [position for position in positions if position is not None]
        return codec.snapshot(time, found, orders, wealth, self.capabilities.quote)

    def _owned(self, wealth: dict[str, codec.Owned], symbol: str) -> Any:
        self._rules_of(symbol)  # raises for an unknown symbol
        return wealth.get(self._base(symbol), codec.Owned()).all

    async def _position(self, symbol: str, quantity: Any, until: int) -> PositionReport | None:
        rules = self._rules_of(symbol)
        last = number(await self._ask(codec.price(symbol), 2), "price")
        if codec.is_dust(quantity, last, rules):
            return None
        rows = await self._ask(codec.trades(symbol), 20)
        fills = sorted(
            (codec.fill(r) for r in rows if int(r["time"]) <= until or not until), key=lambda f: int(f.trade_id)
        )
        return codec.position(
            rules, quantity, last, codec.entry_price(quantity, last, fills, self._base(symbol), rules)
        )

"""Binance USDⓈ-M futures as a :class:`triplane.venues.base.Venue`.

One-way mode, isolated margin. Orders cost one request each and nothing is awaited before it. Looking up a conditional
order that has triggered also asks for its child, whose state then counts. A snapshot asks for conditional orders first,
then for orders, then for positions: what changes meanwhile is seen twice rather than missed.
"""

from collections.abc import Sequence
from typing import Any, Final

from msgspec.structs import replace

from triplane.data.binance import find_market, instrument_of
from triplane.data.instruments import Instrument
from triplane.errors import DataError
from triplane.venues.adapter import SignedAdapter, Urls
from triplane.venues.base import Approved, Capabilities, Execution, Funding, NewOrder, OrderReport, Snapshot
from triplane.venues.binance import codec
from triplane.venues.binance.common import ccxt_markets
from triplane.venues.binance.failures import UNCHANGED
from triplane.venues.binance.rest import BinanceRest
from triplane.venues.binance.stream import EXTEND_EVERY, ListenKeyStream
from triplane.venues.budget import Budget
from triplane.venues.errors import NotFound
from triplane.venues.keys import Credentials
from triplane.venues.wire import HttpRequest, Row, check_grid, together

MAINNET: Final = Urls("https://fapi.binance.com", "wss://fstream.binance.com", "https://api.binance.com")
TESTNET: Final = Urls("https://demo-fapi.binance.com", "wss://fstream.binancefuture.com")


class BinanceUsdm(SignedAdapter):
    """The adapter."""

    name, mainnet = "binance", MAINNET
    capabilities = Capabilities()
    unchanged = UNCHANGED
    _rest: BinanceRest

    def _begin(self) -> None:
        self._markets: dict[str, dict[str, Any]] = {}
        self._rules: dict[str, Instrument] = {}

    def _make_rest(self, keys: Credentials, urls: Urls, budget: Budget | None) -> BinanceRest:
        budget = budget or Budget()
        return BinanceRest("binanceusdm", "/fapi/v1", keys, urls, self._clock, budget, self._timing.request)

    def _make_protocol(self, keys: Credentials, urls: Urls) -> ListenKeyStream:  # noqa: ARG002 - the listen key says it
        return ListenKeyStream(urls.stream, self._listen_key, self._clock, self._timing.keep_alive or EXTEND_EVERY)

    # ------------------------------------------------------------------------------------------------ life
    async def _load(self) -> None:
        self._markets = ccxt_markets((await self._get("/fapi/v1/exchangeInfo"))["symbols"], "usdm")

    async def _get(self, path: str, params: dict[str, str] | None = None, weight: int = 1) -> Any:
        return await self._rest.ask(HttpRequest("GET", path, params or {}), weight=weight)

    # ------------------------------------------------------------------------------------------------ preparation
    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        """Trading rules, with the maintenance margins of the brackets; raises BadInput for an unknown symbol."""
        for symbol in symbols:
            if symbol not in self._rules:
                rules = instrument_of(find_market(self._markets, symbol, "usdm"))
                brackets = await self._brackets(symbol)
                tiers = [(float(b["notionalFloor"]), float(b["maintMarginRatio"])) for b in brackets]
                self._rules[symbol] = replace(rules, maintenance_margin=tiers[0][1], tiers=tuple(tiers[1:]))
        return [self._rules[symbol] for symbol in symbols]

    async def _brackets(self, symbol: str) -> list[Row]:
        answer = await self._get("/fapi/v1/leverageBracket", {"symbol": symbol})
        row = answer[0] if isinstance(answer, list) else answer
        brackets: list[Row] = sorted(row["brackets"], key=lambda bracket: bracket["bracket"])
        if not brackets:
            raise DataError(f"the venue sent no leverage brackets of {symbol}")
        return brackets

    async def check_keys(self) -> None:
        account = HttpRequest("GET", "/fapi/v1/accountConfig")
        await self._rest.check_keys("enableFutures", "futures", account, 5)

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        """Set one-way mode, isolated margin and leverage; returns the obstacles, each in a plain sentence.

        With ``resume`` open positions and orders of these symbols are expected; otherwise they are obstacles too.
        """
        problems = []
        if (await self._get("/fapi/v1/positionSide/dual", weight=30))["dualSidePosition"]:
            why = await self._set("positionSide/dual", dualSidePosition="false")
            if why:
                problems.append(f"hedge mode is on and cannot be switched off ({why}); close what is open there first")
        if (await self._get("/fapi/v1/multiAssetsMargin", weight=30))["multiAssetsMargin"]:
            problems.append(
                "multi-assets mode is on; isolated margin needs single-asset mode, switch to it at the venue"
            )
        for symbol in symbols:
            why = await self._set("marginType", symbol=symbol, marginType="ISOLATED")
            if why:
                problems.append(f"{symbol} is not on isolated margin and cannot be set to it ({why})")
            most = max(int(bracket["initialLeverage"]) for bracket in await self._brackets(symbol))
            if leverage > most:
                problems.append(f"{symbol} allows a leverage of at most {most}, not {leverage}")
                continue
            why = await self._set("leverage", symbol=symbol, leverage=str(leverage))
            if why:
                problems.append(f"the leverage of {symbol} cannot be set to {leverage} ({why})")
        return problems if resume else problems + await self._foreign(symbols)

    async def _set(self, name: str, **params: str) -> str:
        """Why a setting cannot be made; empty when it is as wanted."""
        return await self._setting(HttpRequest("POST", f"/fapi/v1/{name}", params))

    # ------------------------------------------------------------------------------------------------ orders
    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order; what may only reduce can use the reserve of the rate limit."""
        new = order.value
        rules = self._rules.get(new.symbol)
        if rules is not None:
            check_grid(new, rules)
        request = codec.place(new)
        with self._expecting():
            answer = await self._rest.ask(request, weight=0, urgent=new.reduce_only, order=True)
        return codec.algo_report(answer) if new.type.conditional else codec.order_report(answer)

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:
        with self._expecting():
            await self._rest.ask(codec.cancel(symbol, client_id, conditional=conditional), urgent=True)

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:
        answer = await self._rest.ask(codec.lookup(symbol, client_id, conditional=conditional))
        if not conditional:
            return codec.order_report(answer)
        parent = codec.algo_report(answer)
        if not parent.child_id:
            return parent
        try:
            child = await self._rest.ask(codec.lookup_child(symbol, parent.child_id))
        except NotFound:  # the venue forgets unfilled ones, and is late with others
            return parent
        return parent.with_child(codec.order_report(child))

    # ------------------------------------------------------------------------------------------------ state
    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        if venue_order_id and since > self.now_ms() - codec.WEEK_MS:
            rows: list[Row] = await self._rest.ask(codec.fills_of(symbol, venue_order_id), weight=5)
            if len(rows) < codec.PAGE:
                found = sorted(map(codec.fill, rows), key=lambda fill: (fill.time, int(fill.trade_id)))
                return [fill for fill in found if fill.time >= since]
        rows = await self._all(codec.fills(symbol, since, self.now_ms()), weight=5)
        return [fill for fill in map(codec.fill, rows) if venue_order_id in ("", fill.venue_order_id)]

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:
        return [codec.funding_payment(r) for r in await self._all(codec.funding(symbol, since, self.now_ms()), 30)]

    async def _all(self, pages: codec.Pages, weight: int) -> list[Row]:
        while (request := pages.request()) is not None:
            pages.take(await self._rest.ask(request, weight=weight))
        return pages.rows

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        """Positions, working orders and balance; its time is before all questions."""
        time = self.now_ms()
        rows: list[list[Row]] = []
        for conditional in (True, False):
            asked = [self._rest.ask(codec.open_orders(symbol, conditional=conditional)) for symbol in symbols]
            rows.append([row for answer in await together(asked) for row in answer])
        risks = await self._rest.ask(codec.positions(), weight=5)
        wallet = await self._rest.ask(codec.balances(), weight=5)
        return codec.snapshot(time, symbols, rows[0], rows[1], risks, wallet, self.capabilities.quote)

    # ------------------------------------------------------------------------------------------------ stream
    async def _listen_key(self, method: str) -> str:
        answer = await self._rest.ask(HttpRequest(method, "/fapi/v1/listenKey"), urgent=True)
        return str(answer["listenKey"])

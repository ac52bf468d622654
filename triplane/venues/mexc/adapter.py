"""MEXC futures as a :class:`triplane.venues.base.Venue`.

One-way mode, isolated margin. Whether orders are taken over the API at all differs by key and by contract, so
:meth:`MexcFutures.check_keys` and :meth:`MexcFutures.prepare` find out before the first one.

Stops and targets are *plan orders* at market. The venue keeps no client id of them, so which plan order is whose is
remembered (:mod:`triplane.venues.mexc.client_ids`): from the acknowledgement, or when that never came, by symbol, side,
trigger, quantity and kind. After a restart call :meth:`MexcFutures.remember` with the conditional intents that may be
waiting; then the list of plan orders is matched against them, and they can be looked up and cancelled by their client
ids again. A plan order lives for seven days, then it is reported as expired and has to be placed again.

An open order with the same client id is not refused: the venue answers with the one that it has (to be confirmed on the
real venue). Nothing here relies on it, nothing is ever sent twice.

The venue does not tell whether a key may withdraw (to be confirmed on the real venue).
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from triplane.data.instruments import Instrument
from triplane.errors import BadInput
from triplane.venues.adapter import SignedAdapter, Urls
from triplane.venues.base import Approved, Capabilities, Execution, Funding, NewOrder, OrderReport, Snapshot
from triplane.venues.budget import Budget
from triplane.venues.errors import NotFound, Refused, Unknown, Why
from triplane.venues.keys import Credentials
from triplane.venues.mexc import codec
from triplane.venues.mexc.client_ids import ClientIds
from triplane.venues.mexc.codec import PRIVATE, PUBLIC, Contract
from triplane.venues.mexc.failures import NOT_OPEN
from triplane.venues.mexc.rest import MexcRest, mexc_budget
from triplane.venues.mexc.stream import PING, EdgeStream
from triplane.venues.wire import HttpRequest, Row, check_grid, number

MAINNET: Final = Urls("https://api.mexc.com", "wss://contract.mexc.com/edge")


class MexcFutures(SignedAdapter):
    """The adapter."""

    name, mainnet = "mexc", MAINNET
    capabilities = Capabilities(duplicate_check=False, request_window=10_000)
    _rest: MexcRest

    def _begin(self) -> None:
        self._contracts: dict[str, Contract] = {}
        self._client_ids = ClientIds()
        self._leverage: dict[str, int] = {}
        self._hedge = False

    def _make_rest(self, keys: Credentials, urls: Urls, budget: Budget | None) -> MexcRest:
        return MexcRest(keys, urls.rest, self._clock, budget or mexc_budget(), self._timing.request)

    def _make_protocol(self, keys: Credentials, urls: Urls) -> EdgeStream:
        ping = self._timing.keep_alive or PING
        return EdgeStream(urls.stream, keys, self._contracts, self._client_ids, self._clock, self.now_ms, ping)

    # ------------------------------------------------------------------------------------------------ life
    async def _load(self) -> None:
        rows: list[Row] = await self._rest.ask(HttpRequest("GET", f"{PUBLIC}detail"))
        linear = [row for row in rows if row["settleCoin"] == row["quoteCoin"] == self.capabilities.quote]
        self._contracts.update({row["symbol"]: codec.contract(row) for row in linear})

    async def _get(self, path: str, params: dict[str, Any] | None = None) -> Any:
        return await self._rest.ask(HttpRequest("GET", PRIVATE + path, params or {}))

    async def _pages(self, path: str, params: dict[str, Any], enough: Callable[[Row], bool] | None = None) -> list[Row]:
        """All rows of a list that is returned in pages, newest first, each once; until one is ``enough``."""
        found: dict[str, Row] = {}
        for page in range(1, 1000):
            rows = codec.rows(await self._get(path, params | codec.paging(page)))
            found.update({str(row.get("id") or row.get("orderId")): row for row in rows})
            if len(rows) < codec.PAGE or (enough is not None and enough(rows[-1])):
                break
        return list(found.values())

    # ------------------------------------------------------------------------------------------------ preparation
    def _contract(self, symbol: str) -> Contract:
        found = self._contracts.get(symbol)
        if found is None:
            raise BadInput(f"{symbol} is not traded on MEXC futures; symbols there look like BTC_USDT")
        return found

    async def instruments(self, symbols: Sequence[str]) -> list[Instrument]:
        found = [self._contract(symbol) for symbol in symbols]
        for c in found:
            if not c.tradable:
                raise BadInput(f"{c.instrument.symbol} is not traded on MEXC futures at present")
        return [c.instrument for c in found]

    async def check_keys(self) -> None:
        """Raise BadInput in a plain sentence when the keys cannot trade.

        Tested by cancelling an order that cannot exist.
        """
        try:
            await self._get("account/assets")
            await self._rest.ask(HttpRequest("POST", f"{PRIVATE}order/cancel", [1]))
        except NotFound:
            return
        except (Refused, Unknown) as error:
            if error.code in NOT_OPEN:
                raise BadInput(f"trading futures over the API is not open for this MEXC key: {error}") from None
            if isinstance(error, Refused) and error.why is Why.KEYS:
                raise BadInput(f"the venue does not accept the API key: {error}") from None
            raise

    async def prepare(self, symbols: Sequence[str], leverage: int, *, resume: bool = False) -> list[str]:
        """Set one-way mode and leverage on isolated margin; returns the obstacles, each in a plain sentence.

        With ``resume``, open positions and orders of these symbols are expected; otherwise they are obstacles too.
        """
        problems = []
        self._hedge = int(await self._get("position/position_mode")) == 1
        if self._hedge:
            why = await self._set("position/change_position_mode", positionMode=2)
            self._hedge = bool(why)
            if why:
                problems.append(f"hedge mode is on and cannot be switched off ({why}); close what is open there first")
        held = {row["symbol"]: row for row in await self._get("position/open_positions")}
        for symbol in symbols:
            c = self._contract(symbol)
            if not c.by_api:
                problems.append(f"{symbol} cannot be traded over the API of MEXC")
            if leverage > c.most_leverage:
                problems.append(f"{symbol} allows a leverage of at most {c.most_leverage}, not {leverage}")
                continue
            if symbol in held and int(held[symbol]["openType"]) != 1:
                problems.append(
                    f"{symbol} has a position on cross margin; isolated margin cannot be set before it closes"
                )
            why = await self._set_leverage(symbol, leverage, held.get(symbol))
            if why:
                problems.append(f"the leverage of {symbol} cannot be set to {leverage} ({why})")
            self._leverage[symbol] = leverage
        return problems if resume else problems + await self._foreign(symbols)

    async def _set(self, name: str, **params: Any) -> str:
        """Why a setting cannot be made; empty when it is as wanted."""
        return await self._setting(HttpRequest("POST", PRIVATE + name, params))

    async def _set_leverage(self, symbol: str, leverage: int, held: Row | None) -> str:
        """Why the leverage cannot be set. Not set again when it is as wanted: few such requests are allowed."""
        ways = [{"symbol": symbol, "openType": 1, "positionType": kind, "leverage": leverage} for kind in (1, 2)]
        if held is not None:
            ways = [{"positionId": int(held["positionId"]), "leverage": leverage}]
        present = await self._get("position/leverage", {"symbol": symbol})
        if all(int(row.get("openType") or 0) == 1 and number(row, "leverage") == leverage for row in present):
            return ""
        reasons = [await self._set("position/change_leverage", **params) for params in ways]
        return next(filter(None, reasons), "")

    def remember(self, orders: Iterable[NewOrder]) -> None:
        """Intents from before a restart, oldest first, so that those waiting at the venue are recognised again."""
        for order in orders:
            self._client_ids.remember(order)

    # ------------------------------------------------------------------------------------------------ orders
    async def place(self, order: Approved[NewOrder]) -> OrderReport:
        """Send an order; what may only reduce can use the reserve of the rate limit."""
        new = order.value
        c = self._contract(new.symbol)
        check_grid(new, c.instrument)
        leverage = 0 if new.reduce_only else self._leverage.get(new.symbol) or await self._present_leverage(new.symbol)
        self._client_ids.remember(new)
        request = codec.place(new, c, leverage, hedge=self._hedge)
        with self._expecting():
            try:
                report = codec.ack(new, await self._rest.ask(request, urgent=new.reduce_only, order=True))
            except Refused:
                self._client_ids.forget(new.client_id)
                raise
            if not report.venue_id:
                raise Unknown("the venue acknowledged an order without its id")
            if new.type.conditional:
                self._client_ids.placed(new.client_id, report.venue_id)
        return report

    async def _present_leverage(self, symbol: str) -> int:
        row = (await self._get("position/leverage", {"symbol": symbol}))[0]
        return self._leverage.setdefault(symbol, int(number(row, "leverage")))

    async def cancel(self, symbol: str, client_id: str, *, conditional: bool) -> None:
        if conditional:
            number_ = self._client_ids.number_of(client_id) or (await self._find_plan(symbol, client_id, "1")).venue_id
            request = codec.cancel_plan(symbol, number_)
        else:
            request = codec.cancel(symbol, client_id)
        with self._expecting():
            for row in codec.rows(await self._rest.ask(request, urgent=True)):
                if number(row, "errorCode"):
                    raise NotFound(f"the venue cancelled nothing: {row.get('errorMsg')}", str(row["errorCode"]))

    async def order(self, symbol: str, client_id: str, *, conditional: bool) -> OrderReport:
        c = self._contract(symbol)
        if conditional:
            parent = await self._find_plan(symbol, client_id, "1", "")
            if not parent.child_id:
                return parent
            try:
                child = await self._get(f"order/get/{parent.child_id}")
            except NotFound:
                return parent
            return parent.with_child(codec.order_report(child, c)) if child else parent
        row = await self._rest.ask(codec.lookup(symbol, client_id))
        if not row:
            raise NotFound(f"the venue does not know the order {client_id} of {symbol}")
        return self._client_ids.order(codec.order_report(row, c))

    async def _find_plan(self, symbol: str, client_id: str, *states: str) -> OrderReport:
        """The plan order of a client id, searched in the lists of these states; raises NotFound."""
        if not self._client_ids.knows(client_id):
            raise NotFound(f"{client_id} is not known here, and MEXC keeps no client ids of plan orders")
        for wanted in states:
            if wanted == "1" and self._client_ids.number_of(client_id) and len(states) > 1:
                continue  # its number is known: one list of all states is enough
            for report in await self._plans(symbol, wanted):
                if report.client_id == client_id:
                    return report
        raise NotFound(f"the venue does not list the plan order {client_id} of {symbol}")

    async def _plans(self, symbol: str, states: str) -> list[OrderReport]:
        c, request = self._contract(symbol), codec.plans(symbol, states, self.now_ms())
        rows = await self._pages(request.path.removeprefix(PRIVATE), dict(request.params))
        return [self._client_ids.plan(codec.plan_report(row, c)) for row in rows]

    # ------------------------------------------------------------------------------------------------ state
    async def fills(self, symbol: str, *, since: int, venue_order_id: str = "") -> list[Execution]:
        c = self._contract(symbol)
        rows: list[Row] = []
        if venue_order_id:
            rows = codec.rows(await self._get(f"order/deal_details/{venue_order_id}"))
        else:
            start = max(since, self.now_ms() - codec.KEPT_MS)
            span = {"symbol": symbol, "start_time": start, "end_time": start + codec.SPAN_MS}
            rows = await self._pages("order/list/order_deals", span)
        found = {fill.trade_id: fill for fill in (self._client_ids.fill(codec.fill(row, c)) for row in rows)}
        return sorted((f for f in found.values() if f.time >= since), key=lambda f: (f.time, int(f.trade_id)))

    async def funding(self, symbol: str, *, since: int) -> list[Funding]:
        rows = await self._pages(
            "position/funding_records", {"symbol": symbol}, lambda row: int(row["settleTime"]) < since
        )
        found = [codec.funding_payment(row) for row in rows if row["symbol"] == symbol]
        return sorted((payment for payment in found if payment.time >= since), key=lambda payment: payment.time)

    async def snapshot(self, symbols: Sequence[str]) -> Snapshot:
        """See the interface; plan orders are asked for first, so what triggers meanwhile is seen twice."""
        time = self.now_ms()
        orders = [report for found in await asyncio.gather(*(self._plans(s, "1") for s in symbols)) for report in found]
        working = [row for row in await self._pages("order/list/open_orders", {}) if row["symbol"] in symbols]
        orders += [self._client_ids.order(codec.order_report(row, self._contract(row["symbol"]))) for row in working]
        positions = []
        for row in codec.rows(await self._get("position/open_positions")):
            if row["symbol"] in symbols and number(row, "holdVol"):
                fair = await self._rest.ask(HttpRequest("GET", f"{PUBLIC}fair_price/{row['symbol']}"))
                mark = number(fair, "fairPrice")
                positions.append(codec.position_report(row, self._contract(row["symbol"]), mark))
        money = codec.balance(await self._get(f"account/asset/{self.capabilities.quote}"))
        return Snapshot(time, tuple(positions), tuple(orders), money)

"""Binance USDⓈ-M futures: what every adapter must do, and what only this venue has."""

from decimal import Decimal

import pytest
from suite import STOP, AdapterSuite, EventRecorder

from triplane.errors import BadInput
from triplane.venues.adapter import AdapterTiming, Urls
from triplane.venues.base import Cause, Execution, Funding, OrderReport, OrderStatus, OrderType, StreamStatus
from triplane.venues.binance import codec
from triplane.venues.binance.usdm import BinanceUsdm
from triplane.venues.budget import Budget, weight_window
from triplane.venues.errors import NotFound, Refused, Why
from triplane.venues.keys import Credentials
from triplane.venues.stream import StreamTiming
from triplane.venues.wire import HttpRequest

D = Decimal


class TestBinanceUsdm(AdapterSuite):
    snapshot_parts = (
        "GET /fapi/v1/openAlgoOrders",
        "GET /fapi/v1/openOrders",
        "GET /fapi/v3/positionRisk",
        "GET /fapi/v3/balance",
    )

    def make(self, box, keys, *, clock=None, request=10.0, expected=5.0, keep_alive=1800.0):
        timing = AdapterTiming(request=request, keep_alive=keep_alive, stream=StreamTiming(expected=expected))
        budget = Budget(weight_window(10**9), ())  # one address for all tests
        return BinanceUsdm(keys, Urls(box.rest, box.ws, box.rest), clock, timing=timing, budget=budget)

    def truth(self, box, keys):
        return [str(row["id"]) for row in box.state()["accounts"][keys.key]["fills"]]

    def small_pages(self, monkeypatch, rows):
        monkeypatch.setattr(codec, "PAGE", rows)

    async def raw(self, venue, method, path, **params):
        return await venue._rest.ask(HttpRequest(method, f"/fapi/v1/{path}", params))

    # ------------------------------------------------------------------------------------ keys and modes
    async def test_keys_that_can_withdraw(self, box):
        venue = self.make(box, Credentials("key-withdraw", "secret-withdraw"))
        try:
            await venue.open()
            with pytest.raises(BadInput, match="withdraw"):
                await venue.check_keys()
        finally:
            await venue.close()

    async def test_hedge_mode_is_switched_off(self, venue):
        await self.raw(venue, "POST", "positionSide/dual", dualSidePosition="true")
        assert await venue.prepare([self.symbol], 5) == []
        assert (await self.raw(venue, "GET", "positionSide/dual"))["dualSidePosition"] is False

    async def test_hedge_mode_that_cannot_be_switched_off(self, venue):
        await self.raw(venue, "POST", "positionSide/dual", dualSidePosition="true")
        order = {"symbol": "ETHUSDT", "side": "BUY", "positionSide": "LONG", "type": "MARKET", "quantity": "1"}
        await self.raw(venue, "POST", "order", **order)
        (problem,) = await venue.prepare([self.symbol], 5)
        assert "hedge mode" in problem

    async def test_what_stands_in_the_way(self, box, venue, recorder):
        await self.place(venue, "old")
        await recorder.fill("old")
        await self.stop(venue, "old-stop", self.price(box, -5))
        problems = await venue.prepare([self.symbol], 200)
        assert len(problems) == 3
        for problem, words in zip(
            problems, ("at most 125, not 200", "position of 0.01", "order old-stop"), strict=True
        ):
            assert words in problem
        assert await venue.prepare([self.symbol], 5, resume=True) == []
        (smaller,) = await venue.prepare([self.symbol], 2, resume=True)
        assert "leverage" in smaller

    async def test_margin_that_is_shared_and_in_use(self, box, keys):
        venue = self.make(box, keys)
        try:
            await venue.open()
            await self.place(venue, "old")
            (problem,) = await venue.prepare([self.symbol], 20, resume=True)
            assert "isolated" in problem
        finally:
            await venue.close()

    async def test_price_bands(self, box, venue):
        await self.refused(venue, Why.PRICE_BAND, "far", OrderType.LIMIT, price=self.price(box, 1300))

    # ------------------------------------------------------------------------------------ the listen key
    async def test_a_listen_key_that_ends_is_renewed(self, box, venue, keys, recorder):
        await self.place(venue, "before")
        await recorder.fill("before")
        count = len(recorder.events)
        box.faults({"when": self.fill_event, "what": "expire_listen_key"})
        await self.place(venue, "during")  # its fill may be told before the end of the key, or never
        up = await recorder.up(count)
        assert "listen key" in up.text
        await self.place(venue, "after")
        await recorder.fill("after")
        assert StreamStatus.DOWN not in recorder.states
        listed = await venue.fills(self.symbol, since=venue.now_ms() - 600_000)
        assert [f.trade_id for f in listed] == self.truth(box, keys)
        assert len(listed) == 3
        assert {f.trade_id for f in recorder.fills} <= set(self.truth(box, keys))

    async def test_a_listen_key_that_cannot_be_extended(self, box, keys):
        box.faults({"when": "PUT /fapi/v1/listenKey", "what": "503", "accepted": False})
        venue = self.make(box, keys, keep_alive=0.2)
        try:
            await self.ready(venue)
            recorder = EventRecorder(venue)
            await recorder.up()
            assert "503" in (await recorder.up(1)).text
            await self.place(venue, "after")
            await recorder.fill("after")
        finally:
            await venue.close()

    async def test_the_listen_key_is_never_deleted(self, box, keys):
        venue = await self.quick(box, keys)
        box.faults({"when": "DELETE *", "what": "503"})
        recorder = EventRecorder(venue)
        await recorder.up()
        await venue.close()
        assert len(box.state()["faults"]) == 1

    # ------------------------------------------------------------------------------------ what the venue does itself
    async def test_a_liquidation(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        box.price(self.price(box, -50))
        fill = await recorder.until(lambda e: isinstance(e, Execution) and e.cause is Cause.LIQUIDATION)
        assert (fill.side, fill.quantity) == (-1, self.quantity)
        assert await self.position(venue) == 0

    async def test_a_position_knows_its_danger(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        (calm,) = (await venue.snapshot([self.symbol])).positions
        box.price(calm.liquidation_price * D("1.01"))
        (near,) = (await venue.snapshot([self.symbol])).positions
        assert 0.9 < calm.margin_ratio < 1
        assert 0 < near.margin_ratio < 0.7
        assert calm.entry_price == near.entry_price > near.mark_price
        assert near.unrealized < 0

    async def test_a_triggered_order_that_finds_nothing(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        await self.stop(venue, "stop", self.price(box, -2))
        await self.place(venue, "out", side=-1)
        await recorder.fill("out")
        box.price(self.price(box, -3))
        end = await recorder.until(lambda e: isinstance(e, OrderReport) and e.client_id == "stop" and e.status.final)
        assert end.status in (OrderStatus.REJECTED, OrderStatus.EXPIRED)
        assert end.reason
        assert await self.position(venue) == 0

    async def test_a_stop_that_the_venue_hides(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        box.faults({"when": self.stops, "what": "hide", "seconds": 600})
        await self.stop(venue, "stop", self.price(box, -2))
        with pytest.raises(NotFound):
            await venue.order(self.symbol, "stop", conditional=True)
        with pytest.raises(NotFound):
            await venue.cancel(self.symbol, "stop", conditional=True)
        assert (await venue.snapshot([self.symbol])).orders == ()

    async def test_no_more_stops(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        for n in range(10):
            await self.stop(venue, f"stop{n}", self.price(box, -5))
        with pytest.raises(Refused) as error:
            await self.stop(venue, "one-more", self.price(box, -5))
        assert error.value.why is Why.TOO_MANY

    async def test_conditional_orders_have_unknown_outcomes_too(self, box, keys):
        venue = await self.quick(box, keys)
        try:
            await self.place(venue, "entry")
            for n, what in enumerate(("503", "-1006", "reset")):
                box.faults({"when": self.stops, "what": what})
                with pytest.raises(Exception, match="venue"):
                    await self.stop(venue, f"stop{n}", self.price(box, -5))
                assert (await venue.order(self.symbol, f"stop{n}", conditional=True)).type is STOP
        finally:
            await venue.close()

    async def test_funding(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        since = venue.now_ms() - 60_000
        box.until_funding()
        listed = await recorder.until(lambda e: isinstance(e, Funding))
        (paid, *_) = await venue.funding(self.symbol, since=since)
        assert listed == paid
        assert paid.amount < 0
        assert paid.time % 3_600_000 == 0

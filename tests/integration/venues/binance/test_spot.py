"""Binance spot: what every adapter must do, and what only this venue has."""

from decimal import Decimal

import pytest
from suite import LIMIT, STOP, TARGET, AdapterSuite, EventRecorder

from triplane.errors import BadInput
from triplane.venues.adapter import AdapterTiming, Urls
from triplane.venues.base import BalanceChange, OrderReport, OrderStatus, StreamStatus
from triplane.venues.binance import spot_codec as codec
from triplane.venues.binance.spot import BinanceSpot
from triplane.venues.budget import Budget, weight_window
from triplane.venues.errors import NotFound, Refused, Why
from triplane.venues.keys import Credentials
from triplane.venues.stream import StreamTiming

D = Decimal
OWNED = D("0.00999")  # of 0.01 bought, the fee taken from it


class TestBinanceSpot(AdapterSuite):
    requests = "* /api/v3/*"
    orders = "POST /api/v3/order"
    stops = "POST /api/v3/order"
    snapshot_parts = ("GET /api/v3/openOrders", "GET /api/v3/account")
    fill_event = {"event": "executionReport", "x": "TRADE"}  # noqa: RUF012 - a constant
    route = "ws-api"

    def make(self, box, keys, *, clock=None, request=10.0, expected=5.0):
        timing = AdapterTiming(request=request, stream=StreamTiming(expected=expected))
        budget = Budget(weight_window(10**9), ())  # one address for all tests
        urls = Urls(box.rest, f"{box.ws}/ws-api/v3", box.rest)
        return BinanceSpot(keys, urls, clock, timing=timing, budget=budget)

    def truth(self, box, keys):
        return [str(row["id"]) for row in self.account(box, keys)["fills"]]

    def account(self, box, keys):
        return box.state()["spot"][keys.key]

    def small_pages(self, monkeypatch, rows):
        monkeypatch.setattr(codec, "PAGE", rows)

    async def ready(self, adapter):
        await adapter.open()
        await adapter.instruments([self.symbol])
        assert await adapter.prepare([self.symbol], 1) == []

    async def test_nothing_stands_in_the_way_twice(self, venue):
        """There is no leverage to set."""
        assert await venue.prepare([self.symbol], 1) == []
        (problem,) = await venue.prepare([self.symbol], 5)
        assert "leverage" in problem

    # ------------------------------------------------------------------------------------ keys and what is there
    async def test_keys_that_can_withdraw(self, box):
        venue = self.make(box, Credentials("key-withdraw", "secret-withdraw"))
        try:
            await venue.open()
            with pytest.raises(BadInput, match="withdraw"):
                await venue.check_keys()
        finally:
            await venue.close()

    async def test_what_stands_in_the_way(self, box, venue, keys, recorder):
        await self.place(venue, "old", LIMIT, price=self.price(box, -5))
        box.post("/box/deposit", {"account": keys.key, "asset": "BTC", "amount": "0.5"})
        await recorder.until(lambda e: isinstance(e, BalanceChange) and (e.asset, e.wallet) == ("BTC", D("0.5")))
        problems = await venue.prepare([self.symbol], 1)
        for problem, words in zip(problems, ("0.5 BTC", "order old"), strict=True):
            assert words in problem
        assert await venue.prepare([self.symbol], 1, resume=True) == []

    async def test_a_snapshot_with_a_position_is_complete_or_none(self, box, keys):
        venue = await self.quick(box, keys)
        try:
            await self.place(venue, "entry")
            for part in ("GET /api/v3/ticker/price", "GET /api/v3/myTrades"):
                box.faults({"when": part, "what": "503"})
                with pytest.raises(Refused):
                    await venue.snapshot([self.symbol])
        finally:
            await venue.close()

    # ------------------------------------------------------------------------------------ coins and fees
    async def test_the_fee_is_taken_from_what_was_bought(self, venue, recorder):
        await self.place(venue, "entry")
        fill = await recorder.fill("entry")
        assert (fill.fee, fill.fee_asset) == (D("0.00001"), "BTC")
        await recorder.until(lambda e: isinstance(e, BalanceChange) and (e.asset, e.wallet) == ("BTC", OWNED))
        (position,) = (await venue.snapshot([self.symbol])).positions
        assert (position.quantity, position.entry_price) == (OWNED, fill.price)
        await self.place(venue, "exit", side=-1, quantity=OWNED)
        assert (await recorder.fill("exit")).fee_asset == "USDT"
        assert await self.position(venue) == 0

    async def test_an_exit_of_more_than_is_owned(self, venue, recorder):
        await self.place(venue, "entry")
        with pytest.raises(Refused) as error:
            await self.place(venue, "no-exit", side=-1)
        assert error.value.why is Why.FUNDS
        report = await self.place(venue, "exit", side=-1, reduce_only=True)
        assert report.quantity == OWNED
        assert (await recorder.fill("exit")).quantity == OWNED
        with pytest.raises(Refused) as error:
            await self.place(venue, "again", side=-1, reduce_only=True)
        assert error.value.why is Why.REDUCE_ONLY

    async def test_what_is_left_over_is_no_position(self, venue, box, keys):
        box.post("/box/deposit", {"account": keys.key, "asset": "BTC", "amount": "0.00005"})
        assert await self.position(venue) == 0
        await self.place(venue, "entry")
        (position,) = (await venue.snapshot([self.symbol])).positions
        assert position.quantity == OWNED + D("0.00005")
        assert position.entry_price > 0

    async def test_a_stop_and_a_target_cannot_rest_for_the_same_coins(self, box, venue):
        await self.place(venue, "entry")
        await self.place(venue, "stop", STOP, -1, trigger=self.price(box, -5), reduce_only=True)
        for kind, more in ((TARGET, {"trigger": self.price(box, 5)}), (LIMIT, {"price": self.price(box, 5)})):
            with pytest.raises(Refused) as error:
                await self.place(venue, "target", kind, -1, reduce_only=True, **more)
            assert error.value.why is Why.FUNDS
        (order,) = (await venue.snapshot([self.symbol])).orders
        assert (order.client_id, order.quantity) == ("stop", OWNED)
        await venue.cancel(self.symbol, "stop", conditional=True)
        await self.place(venue, "target", LIMIT, -1, reduce_only=True, price=self.price(box, 5))

    async def test_a_triggered_order_is_its_own_child(self, box, venue, recorder):
        await self.place(venue, "entry")
        placed = await self.place(venue, "stop", STOP, -1, trigger=self.price(box, -2), reduce_only=True)
        box.price(self.price(box, -3))
        fill = await recorder.fill("stop")
        assert fill.venue_order_id == placed.venue_id
        found = await venue.order(self.symbol, "stop", conditional=True)
        assert (found.status, found.child_id) == (OrderStatus.FILLED, placed.venue_id)

    async def test_a_triggered_buy_that_cannot_be_paid(self, box, venue, recorder):
        price = self.price(box, 2)
        await self.place(venue, "buy", STOP, 1, (9_900 / price).quantize(D("0.00001")), trigger=price)
        box.price(self.price(box, 6))
        end = await recorder.until(lambda e: isinstance(e, OrderReport) and e.client_id == "buy" and e.status.final)
        assert (end.status, end.filled) == (OrderStatus.EXPIRED, 0)

    async def test_price_bands(self, box, venue):
        await self.refused(venue, Why.PRICE_BAND, "far", LIMIT, price=self.price(box, -90), quantity=D(1))

    async def test_an_order_that_the_venue_hides(self, box, venue):
        box.faults({"when": self.orders, "what": "hide", "seconds": 600})
        await self.place(venue, "rests", LIMIT, price=self.price(box, -5))
        with pytest.raises(NotFound):
            await venue.order(self.symbol, "rests", conditional=False)
        assert (await venue.snapshot([self.symbol])).orders == ()

    # ------------------------------------------------------------------------------------ the subscription
    async def test_a_subscription_that_ends_is_renewed(self, box, venue, keys, recorder):
        await self.place(venue, "before")
        await recorder.fill("before")
        count = len(recorder.events)
        box.faults({"when": "now", "what": "expire_listen_key"})
        up = await recorder.up(count)
        assert "eventStreamTerminated" in up.text
        await self.place(venue, "after")
        await recorder.fill("after")
        assert StreamStatus.DOWN not in recorder.states
        assert [f.trade_id for f in recorder.fills] == self.truth(box, keys)

    @pytest.mark.parametrize("what", ["timeout", "reset", "503", "-1021", "429"])
    async def test_a_subscription_that_fails_is_tried_again(self, box, keys, what):
        box.faults({"when": "WS userDataStream.*", "what": what, "accepted": False, "seconds": 1})
        venue = self.make(box, keys)
        venue._stream.timing = StreamTiming(connect=0.5)
        try:
            await self.ready(venue)
            recorder = EventRecorder(venue)
            await recorder.up()
            assert box.state()["faults"] == []
            await self.place(venue, "events")
            await recorder.fill("events")
        finally:
            await venue.close()

"""MEXC futures: what every adapter must do, and what only this venue has."""

from decimal import Decimal

import pytest
from suite import LIMIT, MARKET, STOP, AdapterSuite, EventRecorder

from triplane.errors import BadInput
from triplane.venues.adapter import AdapterTiming, Urls
from triplane.venues.base import Approved, BalanceChange, Cause, Execution, NewOrder, OrderReport, OrderStatus
from triplane.venues.budget import Budget, weight_window
from triplane.venues.errors import NotFound, Refused, Unknown, Why
from triplane.venues.mexc import codec
from triplane.venues.mexc.adapter import MexcFutures
from triplane.venues.mexc.codec import PRIVATE
from triplane.venues.stream import StreamTiming
from triplane.venues.wire import HttpRequest

D = Decimal


class TestMexcFutures(AdapterSuite):
    symbol = "BTC_USDT"
    unknown_symbol = "BTCUSDT"
    requests = "* /api/v1/private/*"
    orders = "POST /api/v1/private/order/create"
    stops = "POST /api/v1/private/planorder/place/v2"
    snapshot_parts = (
        "GET /api/v1/private/planorder/list/orders",
        "GET /api/v1/private/order/list/open_orders",
        "GET /api/v1/private/position/open_positions",
        "GET /api/v1/private/account/asset/USDT",
    )
    fill_event = {"event": "push.personal.order.deal"}  # noqa: RUF012 - a constant
    route = "edge"

    def make(self, box, keys, *, clock=None, request=10.0, expected=5.0, ping=15.0):
        timing = AdapterTiming(request=request, keep_alive=ping, stream=StreamTiming(expected=expected))
        budget = Budget(weight_window(10**9), ())  # one address for all tests
        return MexcFutures(keys, Urls(box.rest, f"{box.ws}/edge"), clock, timing=timing, budget=budget)

    def truth(self, box, keys):
        return [str(row["id"]) for row in self.account(box, keys)["fills"]]

    def small_pages(self, monkeypatch, rows):
        monkeypatch.setattr(codec, "PAGE", rows)

    def account(self, box, keys):
        return box.state()["mexc"][keys.key]

    async def raw(self, venue, method, path, params):
        return await venue._rest.ask(HttpRequest(method, PRIVATE + path, params))

    # ------------------------------------------------------------------------------------ where it differs
    async def test_why_an_order_is_refused(self, box, venue):
        await self.refused(venue, Why.FUNDS, "r1", quantity=self.too_much)
        await self.refused(venue, Why.FILTER, "r2", quantity=self.quantity + D("1e-12"))
        await self.refused(venue, Why.FILTER, "r3", LIMIT, price=self.price(box) + D("1e-12"))
        await self.refused(venue, Why.REDUCE_ONLY, "r4", side=-1, reduce_only=True)
        await self.refused(venue, Why.PRICE_BAND, "r5", LIMIT, price=self.price(box, 50))

    async def test_a_post_only_order_that_would_take_ends(self, box, venue, recorder):
        await self.place(venue, "maker", LIMIT, price=self.price(box, 1), time_in_force="GTX")
        end = await recorder.until(lambda e: isinstance(e, OrderReport) and e.status.final)
        assert (end.client_id, end.status, end.filled) == ("maker", OrderStatus.EXPIRED, 0)
        assert "post-only" in end.reason
        assert (await venue.order(self.symbol, "maker", conditional=False)).status is OrderStatus.EXPIRED

    @pytest.mark.parametrize(("fault", "why"), [("1002", Why.OTHER), ("2005", Why.FUNDS), ("7002", Why.MODE)])
    async def test_a_clear_refusal_is_none_of_the_unknown(self, box, venue, keys, fault, why):
        await super().test_a_clear_refusal_is_none_of_the_unknown(box, venue, keys, fault, why)

    @pytest.mark.parametrize("what", ["429"])
    async def test_told_to_wait_nothing_is_sent(self, box, venue, what):
        await super().test_told_to_wait_nothing_is_sent(box, venue, what)

    # ------------------------------------------------------------------------------------ keys and modes
    async def test_ordering_that_is_not_open(self, box, venue):
        box.faults({"when": "POST /api/v1/private/order/cancel", "what": "1002"})
        with pytest.raises(BadInput, match="not open for this MEXC key"):
            await venue.check_keys()
        box.faults({"when": "POST /api/v1/private/order/cancel", "what": "503"})
        with pytest.raises(Unknown):
            await venue.check_keys()

    async def test_hedge_mode_that_cannot_be_switched_off(self, venue, keys, box):
        await self.raw(venue, "POST", "position/change_position_mode", {"positionMode": 1})
        opening = {"symbol": "ETH_USDT", "side": 3, "vol": 100, "type": 5, "openType": 1, "leverage": 5}
        await self.raw(venue, "POST", "order/create", opening)
        (problem,) = await venue.prepare([self.symbol], 5)
        assert "hedge mode" in problem
        # an exit is possible all the same, and closes the short that it is meant for
        (rules,) = await venue.instruments(["ETH_USDT"])
        exit_ = NewOrder("exit", "ETH_USDT", 1, MARKET, 100 * rules.lot_size, reduce_only=True)
        await venue.place(Approved(exit_))
        assert self.account(box, keys)["positions"] == []

    async def test_what_stands_in_the_way(self, box, venue, recorder):
        await self.place(venue, "old")
        await recorder.fill("old")
        await self.stop(venue, "old-stop", self.price(box, -5))
        problems = await venue.prepare([self.symbol], 200)
        assert len(problems) == 3
        for problem, words in zip(
            problems, ("at most 125, not 200", "position of 0.01", "a working order"), strict=True
        ):
            assert words in problem
        assert await venue.prepare([self.symbol], 5, resume=True) == []

    async def test_a_position_on_cross_margin_stands_in_the_way(self, venue):
        opening = {"symbol": "BTC_USDT", "side": 1, "vol": 10, "type": 5, "openType": 2}
        await self.raw(venue, "POST", "order/create", opening)
        (problem,) = await venue.prepare([self.symbol], 5, resume=True)
        assert "cross margin" in problem

    async def test_the_present_leverage_is_used_until_it_is_set(self, box, keys):
        venue = self.make(box, keys)
        try:
            await venue.open()
            await self.raw(venue, "POST", "position/change_position_mode", {"positionMode": 2})
            await self.place(venue, "in")
            assert (await self.raw(venue, "GET", "position/open_positions", {}))[0]["leverage"] == 20
        finally:
            await venue.close()

    # ------------------------------------------------------------------------------------ ids
    async def test_long_ids_are_told_as_they_were(self, box, venue, recorder):
        client_id = "session-0123456789.0.abc.E.1zz4/x:36"
        assert len(client_id) == 36
        await self.place(venue, client_id)
        await recorder.fill(client_id)
        assert (await venue.order(self.symbol, client_id, conditional=False)).client_id == client_id

    async def test_the_same_id_twice_is_one_order(self, box, venue, keys, recorder):
        first = await self.place(venue, "same")
        assert (await self.place(venue, "same")).venue_id == first.venue_id
        assert len(self.truth(box, keys)) == 1

    # ------------------------------------------------------------------------------------ plan orders
    async def test_plan_orders_are_found_after_a_restart(self, box, venue, keys, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        trigger = self.price(box, -3)
        await self.stop(venue, "stop", trigger)
        again = await self.quick_resumed(box, keys)
        try:
            (unnamed,) = (await again.snapshot([self.symbol])).orders
            assert (unnamed.client_id, unnamed.type, unnamed.trigger) == ("", STOP, trigger)
            with pytest.raises(NotFound, match="not known here"):
                await again.order(self.symbol, "stop", conditional=True)
            again.remember([NewOrder("stop", self.symbol, -1, STOP, self.quantity, trigger=trigger, reduce_only=True)])
            assert [o.client_id for o in (await again.snapshot([self.symbol])).orders] == ["stop"]
            box.price(trigger - 100)
            found = await again.order(self.symbol, "stop", conditional=True)
            assert (found.status, found.filled) == (OrderStatus.FILLED, self.quantity)
            (fill,) = await again.fills(self.symbol, since=0, venue_order_id=found.child_id)
            assert fill.side == -1
        finally:
            await again.close()

    async def quick_resumed(self, box, keys):
        adapter = self.make(box, keys)
        await adapter.open()
        assert await adapter.prepare([self.symbol], 5, resume=True) == []
        return adapter

    @pytest.mark.parametrize("accepted", [True, False], ids=["arrived", "lost"])
    async def test_plan_orders_have_unknown_outcomes_too(self, box, venue, keys, recorder, accepted):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        for n, what in enumerate(("503", "-1006", "reset")):
            box.faults({"when": self.stops, "what": what, "accepted": accepted})
            with pytest.raises(Unknown):
                await self.stop(venue, f"stop{n}", self.price(box, -5 - n))
            if accepted:
                found = await venue.order(self.symbol, f"stop{n}", conditional=True)
                assert (found.type, found.client_id, found.status) == (STOP, f"stop{n}", OrderStatus.OPEN)
                await venue.cancel(self.symbol, f"stop{n}", conditional=True)
            else:
                with pytest.raises(NotFound, match="does not list"):
                    await venue.order(self.symbol, f"stop{n}", conditional=True)
        assert len(self.account(box, keys)["algoOrders"]) == 3 * accepted

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

    async def test_a_triggered_order_that_finds_nothing(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        await self.stop(venue, "stop", self.price(box, -2))
        await self.place(venue, "out", side=-1, reduce_only=True)
        await recorder.fill("out")
        box.price(self.price(box, -3))
        end = await recorder.until(lambda e: isinstance(e, OrderReport) and e.client_id == "stop" and e.status.final)
        assert (end.status, end.reason) == (OrderStatus.REJECTED, "error 3")
        assert await self.position(venue) == 0

    async def test_fills_of_a_stop_have_its_name(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        await self.stop(venue, "stop", self.price(box, -2))
        box.price(self.price(box, -3))
        fill = await recorder.fill("stop")
        assert [f.client_id for f in await venue.fills(self.symbol, since=fill.time)][-1] == "stop"

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

    async def test_the_wallet_is_told(self, box, venue, keys, recorder):
        await self.place(venue, "entry")
        change = await recorder.until(lambda e: isinstance(e, BalanceChange))
        wallet = (await venue.snapshot([self.symbol])).balance.wallet
        assert change.wallet == wallet == D(self.account(box, keys)["balance"])

    async def test_funding(self, box, venue, recorder):
        await self.place(venue, "entry")
        await recorder.fill("entry")
        since = venue.now_ms() - 60_000
        box.until_funding()
        (paid, *_) = await venue.funding(self.symbol, since=since)
        assert paid.amount < 0
        assert paid.time % 3_600_000 == 0
        assert await venue.funding(self.symbol, since=paid.time + 1) == []

    # ------------------------------------------------------------------------------------ the stream
    async def test_pings_are_answered_and_are_no_news(self, box, keys):
        venue = self.make(box, keys, ping=0.02)
        try:
            await self.ready(venue)
            recorder = EventRecorder(venue)
            await recorder.up()
            before = venue._stream.received
            await venue._clock.sleep(0.3)  # many pings long
            assert venue._stream.received == before
            assert len(recorder.events) == 1
        finally:
            await venue.close()

    async def test_a_login_that_is_refused_is_tried_again(self, box, keys):
        venue = await self.quick(box, keys)
        try:
            box.clock(skew=60_000)  # too far for a login, and the clock has not been measured again
            recorder = EventRecorder(venue)
            with pytest.raises(TimeoutError):
                await recorder.until(lambda _: True, seconds=0.3)
            box.clock(skew=0)
            await recorder.up()
        finally:
            await venue.close()

    async def test_its_own_limit_keeps_a_part_for_exits(self, box, keys):
        venue = MexcFutures(keys, Urls(box.rest, f"{box.ws}/edge"))

        async def ask_and_ask():
            for _ in range(50):
                await venue.fills(self.symbol, since=0, venue_order_id="1")

        try:
            await venue.open()
            with pytest.raises(Refused) as error:
                await ask_and_ask()
            assert error.value.why is Why.RATE
            assert error.value.retry_at - venue.now_ms() <= 2_000
            with pytest.raises(NotFound):
                await venue.cancel(self.symbol, "x", conditional=False)
        finally:
            await venue.close()

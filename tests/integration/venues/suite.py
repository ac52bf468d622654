"""What every adapter must do, tried on the exchange in a box over real connections.

A venue's test module has one subclass of :class:`AdapterSuite`, which says how to make the adapter, where the venue's
requests are, and adds what only that venue has. What a venue cannot do is skipped by its capabilities.
"""

import asyncio
import logging
from decimal import Decimal

import pytest
from event_recorder import EventRecorder
from structlog.testing import capture_logs

from triplane.data.clock import SystemClock
from triplane.errors import BadInput, TriplaneError
from triplane.venues.base import (
    Approved,
    Execution,
    NewOrder,
    OrderReport,
    OrderStatus,
    OrderType,
    StreamState,
    StreamStatus,
)
from triplane.venues.errors import NotFound, Refused, Unknown, VenueError, Why
from triplane.venues.keys import Credentials, protect_logs

MARKET, LIMIT = OrderType.MARKET, OrderType.LIMIT
STOP, TARGET = OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET


class AdapterSuite:
    """Subclass it as ``Test…``."""

    symbol = "BTCUSDT"  # as the adapter names it
    market = "BTCUSDT"  # as the box's control names it
    unknown_symbol = "BTCUSD"
    quantity = Decimal("0.01")
    too_much = Decimal(50)  # more than the account can pay
    requests = "* /fapi/*"  # every request
    orders = "POST /fapi/v1/order"
    stops = "POST /fapi/v1/algoOrder"
    snapshot_parts = ()  # requests of a snapshot, as faults name them
    fill_event = {"event": "ORDER_TRADE_UPDATE", "x": "TRADE"}  # noqa: RUF012 - a constant
    route = "private"
    unknown_faults = ("timeout", "reset", "500", "502", "503", "504", "-1000", "-1006", "-1007")

    # ------------------------------------------------------------------------------------ to be said by a venue
    def make(self, box, keys, *, clock=None, request=10.0, expected=5.0):
        """The adapter on the box; deadlines in seconds."""
        raise NotImplementedError

    def truth(self, box, keys):
        """The box's own list of the account's trade ids."""
        raise NotImplementedError

    def small_pages(self, monkeypatch, rows):
        """Make pages of fills as short as ``rows``."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------ tools
    @pytest.fixture
    def keys(self, box):
        return box.keys()

    @pytest.fixture
    async def venue(self, box, keys):
        adapter = await self.quick(box, keys)
        yield adapter
        await adapter.close()

    @pytest.fixture
    async def recorder(self, venue):
        recorder = EventRecorder(venue)
        await recorder.up()
        return recorder

    async def ready(self, adapter):
        await adapter.open()
        await adapter.instruments([self.symbol])
        assert await adapter.prepare([self.symbol], 5) == []

    async def quick(self, box, keys, **deadlines):
        """Another adapter of the same account."""
        adapter = self.make(box, keys, **deadlines)
        try:
            await self.ready(adapter)
        except BaseException:
            await adapter.close()
            raise
        return adapter

    def price(self, box, change=0.0):
        """The last price of the market, and a change of it in percent, on the grid."""
        last = Decimal(box.state()["prices"][self.market])
        return (last * (1 + Decimal(str(change)) / 100)).quantize(Decimal(1))

    async def place(self, venue, client_id, kind=MARKET, side=1, quantity=None, **more):
        order = NewOrder(client_id, self.symbol, side, kind, quantity or self.quantity, **more)
        return await venue.place(Approved(order))

    async def refused(self, venue, why, *args, **more):
        with pytest.raises(Refused) as error:
            await self.place(venue, *args, **more)
        assert error.value.why is why, error.value

    async def stop(self, venue, client_id, trigger, kind=STOP, **more):
        return await self.place(
            venue, client_id, kind, -1, trigger=trigger, reduce_only=venue.capabilities.reduce_only, **more
        )

    async def position(self, venue):
        seen = await venue.snapshot([self.symbol])
        return sum((p.quantity for p in seen.positions), Decimal(0))

    def kinds(self, venue, kind):
        if kind not in venue.capabilities.conditional:
            pytest.skip(f"the venue keeps no {kind} orders")

    # ------------------------------------------------------------------------------------ rules and keys
    async def test_instruments(self, venue):
        (rules,) = await venue.instruments([self.symbol])
        assert rules.symbol == self.symbol
        assert rules.tick_size > 0 < rules.lot_size
        with pytest.raises(BadInput, match=self.unknown_symbol):
            await venue.instruments([self.symbol, self.unknown_symbol])

    async def test_good_keys(self, venue):
        await venue.check_keys()

    async def test_keys_that_nobody_knows(self, box):
        adapter = self.make(box, Credentials("key-of-nobody", "secret-of-nobody"))
        try:
            await adapter.open()
            with pytest.raises(BadInput, match="key"):
                await adapter.check_keys()
        finally:
            await adapter.close()

    async def test_nothing_stands_in_the_way_twice(self, venue):
        assert await venue.prepare([self.symbol], 5) == []
        assert await venue.prepare([self.symbol], 7) == []

    # ------------------------------------------------------------------------------------ orders
    async def test_a_market_order(self, box, venue, keys, recorder):
        report = await self.place(venue, "m1")
        assert (report.client_id, report.symbol, report.side, report.type) == ("m1", self.symbol, 1, MARKET)
        fill = await recorder.fill("m1")
        assert (fill.quantity, fill.side, fill.maker, fill.venue_order_id) == (self.quantity, 1, False, report.venue_id)
        assert fill.fee > 0 < fill.price
        await recorder.until(lambda e: isinstance(e, OrderReport) and e.status is OrderStatus.FILLED)
        found = await venue.order(self.symbol, "m1", conditional=False)
        assert (found.status, found.filled, found.quantity) == (OrderStatus.FILLED, self.quantity, self.quantity)
        for order_id in ("", report.venue_id):
            (listed,) = await venue.fills(self.symbol, since=fill.time - 1000, venue_order_id=order_id)
            assert (listed.trade_id, listed.price, listed.fee) == (fill.trade_id, fill.price, fill.fee)
        assert self.truth(box, keys) == [fill.trade_id]

    async def test_a_limit_order_rests_and_is_cancelled(self, box, venue, recorder):
        price = self.price(box, -5)
        placed = await self.place(venue, "l1", LIMIT, price=price)
        assert (placed.status, placed.price) == (OrderStatus.OPEN, price)
        (listed,) = (await venue.snapshot([self.symbol])).orders
        assert (listed.client_id, listed.venue_id, listed.price) == ("l1", placed.venue_id, price)
        found = await venue.order(self.symbol, "l1", conditional=False)
        assert (found.status, found.filled) == (OrderStatus.OPEN, 0)
        await venue.cancel(self.symbol, "l1", conditional=False)
        await recorder.until(lambda e: isinstance(e, OrderReport) and e.status is OrderStatus.CANCELLED)
        assert (await venue.order(self.symbol, "l1", conditional=False)).status is OrderStatus.CANCELLED
        assert (await venue.snapshot([self.symbol])).orders == ()
        with pytest.raises(NotFound):
            await venue.cancel(self.symbol, "l1", conditional=False)

    async def test_a_limit_order_is_filled_as_maker(self, box, venue, recorder):
        price = self.price(box, -1)
        await self.place(venue, "l2", LIMIT, price=price)
        box.price(price - 10)
        fill = await recorder.fill("l2")
        assert (fill.price, fill.maker) == (price, True)

    async def test_an_order_that_nobody_placed(self, venue):
        for conditional in (False, True):
            with pytest.raises(NotFound):
                await venue.order(self.symbol, "nobody", conditional=conditional)
            with pytest.raises(NotFound):
                await venue.cancel(self.symbol, "nobody", conditional=conditional)

    @pytest.mark.parametrize(("kind", "change"), [(STOP, -2), (TARGET, 2)], ids=["stop", "target"])
    async def test_a_conditional_order_waits_and_closes_the_position(self, box, venue, recorder, kind, change):
        self.kinds(venue, kind)
        await self.place(venue, "entry")
        await recorder.fill("entry")
        held = await self.position(venue)
        trigger = self.price(box, change)
        placed = await self.stop(venue, "exit", trigger, kind, quantity=held)
        assert (placed.status, placed.trigger, placed.type, placed.child_id) == (OrderStatus.OPEN, trigger, kind, "")
        (listed,) = (await venue.snapshot([self.symbol])).orders
        assert (listed.client_id, listed.type, listed.trigger) == ("exit", kind, trigger)
        box.price(self.price(box, change * 1.5))
        fill = await recorder.until(lambda e: isinstance(e, Execution) and e.side < 0)
        end = await recorder.until(
            lambda e: isinstance(e, OrderReport) and e.client_id == "exit" and e.status is OrderStatus.FILLED
        )
        children = {e.child_id for e in recorder.events if isinstance(e, OrderReport) and e.client_id == "exit"} - {""}
        assert fill.client_id == "exit" or fill.venue_order_id in children
        found = await venue.order(self.symbol, "exit", conditional=True)
        assert (found.status, found.filled) == (end.status, held)
        assert found.child_id in ("", fill.venue_order_id)
        assert await self.position(venue) == 0

    async def test_a_conditional_order_is_cancelled(self, box, venue, recorder):
        self.kinds(venue, STOP)
        await self.place(venue, "entry")
        await recorder.fill("entry")
        await self.stop(venue, "stop", self.price(box, -5), quantity=await self.position(venue))
        assert (await venue.order(self.symbol, "stop", conditional=True)).status is OrderStatus.OPEN
        await venue.cancel(self.symbol, "stop", conditional=True)
        assert (await venue.order(self.symbol, "stop", conditional=True)).status is OrderStatus.CANCELLED
        with pytest.raises(NotFound):
            await venue.cancel(self.symbol, "stop", conditional=True)
        assert (await venue.snapshot([self.symbol])).orders == ()

    async def test_an_order_in_parts(self, box, venue, keys, recorder):
        box.faults({"when": self.orders, "what": "partial", "parts": [0.2, 0.5]})
        price = self.price(box, -1)
        placed = await self.place(venue, "parts", LIMIT, price=price)
        filled, down = Decimal(0), 10
        while filled < self.quantity:
            box.price(price - down)  # each trade through it fills one part
            down += 10
            count = len([f for f in recorder.fills if f.client_id == "parts"])
            await recorder.until(lambda e, n=count: len(recorder.fills) > n)
            filled = sum((f.quantity for f in recorder.fills), Decimal(0))
            state = await venue.order(self.symbol, "parts", conditional=False)
            assert state.status is (OrderStatus.FILLED if filled == self.quantity else OrderStatus.OPEN)
            assert state.filled == filled
        assert [f.quantity for f in recorder.fills] == [self.quantity * part / 10 for part in (2, 5, 3)]
        listed = await venue.fills(self.symbol, since=recorder.fills[0].time - 1000, venue_order_id=placed.venue_id)
        assert [f.trade_id for f in listed] == [f.trade_id for f in recorder.fills] == self.truth(box, keys)

    async def test_fills_come_in_pages_each_once(self, box, venue, keys, recorder, monkeypatch):
        for n in range(8):
            await self.place(venue, f"p{n}")
        await recorder.fill("p7")
        self.small_pages(monkeypatch, 3)
        since = venue.now_ms() - 20 * 86_400_000
        fills = await venue.fills(self.symbol, since=since)
        assert [f.trade_id for f in fills] == self.truth(box, keys)
        assert [f.time for f in fills] == sorted(f.time for f in fills)
        assert await venue.fills(self.symbol, since=fills[-1].time + 1) == []

    # ------------------------------------------------------------------------------------ refusals
    async def test_why_an_order_is_refused(self, box, venue):
        await self.refused(venue, Why.FUNDS, "r1", quantity=self.too_much)
        await self.refused(venue, Why.FILTER, "r2", quantity=self.quantity + Decimal("1e-12"))
        await self.refused(venue, Why.FILTER, "r3", LIMIT, price=self.price(box) + Decimal("1e-12"))
        await self.refused(venue, Why.POST_ONLY, "r4", LIMIT, price=self.price(box, 1), time_in_force="GTX")
        if venue.capabilities.reduce_only:
            await self.refused(venue, Why.REDUCE_ONLY, "r5", side=-1, reduce_only=True)

    async def test_a_stop_beyond_its_trigger(self, box, venue, recorder):
        self.kinds(venue, STOP)
        await self.place(venue, "entry")
        await recorder.fill("entry")
        held = await self.position(venue)
        with pytest.raises(Refused) as error:
            await self.stop(venue, "stop", self.price(box, 3), quantity=held)
        assert error.value.why is Why.WOULD_TRIGGER

    async def test_an_open_order_has_its_client_id_alone(self, box, venue):
        if not venue.capabilities.duplicate_check:
            pytest.skip("the venue does not check")
        await self.place(venue, "same", LIMIT, price=self.price(box, -5))
        await self.refused(venue, Why.DUPLICATE, "same", LIMIT, price=self.price(box, -5))

    @pytest.mark.parametrize(("fault", "why"), [("-1008", Why.OVERLOAD), ("-4192", Why.COOLING_OFF)])
    async def test_a_clear_refusal_is_none_of_the_unknown(self, box, venue, keys, fault, why):
        box.faults({"when": self.orders, "what": fault})
        await self.refused(venue, why, "clear")
        assert self.truth(box, keys) == []

    # ------------------------------------------------------------------------------------ unknown outcomes
    @pytest.mark.parametrize("accepted", [True, False], ids=["arrived", "lost"])
    async def test_an_unknown_outcome(self, box, keys, accepted):
        venue = await self.quick(box, keys, request=0.5)
        try:
            for n, what in enumerate(self.unknown_faults):
                box.faults({"when": self.orders, "what": what, "accepted": accepted, "seconds": 5})
                with pytest.raises(Unknown):
                    await self.place(venue, f"u{n}")
                if accepted:
                    found = await venue.order(self.symbol, f"u{n}", conditional=False)
                    assert found.status is OrderStatus.FILLED
                else:
                    with pytest.raises(NotFound):
                        await venue.order(self.symbol, f"u{n}", conditional=False)
            assert len(self.truth(box, keys)) == (len(self.unknown_faults) if accepted else 0)
        finally:
            await venue.close()

    async def test_a_question_without_an_answer_changes_nothing(self, box, keys):
        venue = await self.quick(box, keys, request=0.5)
        try:
            for what in ("timeout", "reset", "503", "-1007"):
                box.faults({"when": "GET *", "what": what, "seconds": 5})
                with pytest.raises(VenueError):
                    await venue.order(self.symbol, "x", conditional=False)
                box.clear()
        finally:
            await venue.close()

    async def test_a_venue_that_is_not_there(self, box, keys):
        class Elsewhere:
            rest, ws = "http://127.0.0.1:9", "ws://127.0.0.1:9"

        adapter = self.make(Elsewhere, keys)
        with pytest.raises(Refused) as error:
            await adapter.open()
        assert error.value.why is Why.DOWN
        await adapter.close()

    async def test_a_snapshot_is_complete_or_none(self, box, keys):
        venue = await self.quick(box, keys, request=0.5)
        try:
            assert self.snapshot_parts
            faults = [(part, "503") for part in self.snapshot_parts] + [(self.snapshot_parts[-1], "timeout")]
            for part, what in faults:
                box.faults({"when": part, "what": what, "seconds": 5})
                with pytest.raises(VenueError):
                    await venue.snapshot([self.symbol])
                assert not box.state()["faults"]
            assert (await venue.snapshot([self.symbol])).positions == ()
        finally:
            await venue.close()

    # ------------------------------------------------------------------------------------ limits and clock
    @pytest.mark.parametrize("what", ["429", "418"])
    async def test_told_to_wait_nothing_is_sent(self, box, venue, what):
        box.faults({"when": self.requests, "what": what, "seconds": 1})
        with pytest.raises(Refused) as error:
            await venue.snapshot([self.symbol])
        assert error.value.why is (Why.RATE if what == "429" else Why.BANNED)
        until = error.value.retry_at
        assert 0 < until - venue.now_ms() <= 2000
        box.faults({"when": self.requests, "what": "503", "accepted": False})
        for job in (
            self.place(venue, "m"),
            venue.cancel(self.symbol, "m", conditional=False),
            venue.order(self.symbol, "m", conditional=False),
        ):
            with pytest.raises(Refused) as again:
                await job
            assert (again.value.why, again.value.retry_at) == (error.value.why, until)
        assert len(box.state()["faults"]) == 1  # it still waits for a request
        box.clear()
        await asyncio.sleep((until - venue.now_ms()) / 1000 + 0.05)
        await self.place(venue, "m")

    @pytest.mark.parametrize("skew", [-60_000, -5_000, 5_500, 60_000])
    async def test_a_clock_that_jumps(self, box, venue, skew):
        box.clock(skew=skew)
        await self.place(venue, "m")
        assert (await venue.snapshot([self.symbol])).positions

    async def test_our_own_clock_may_jump(self, box, keys):
        class Jumping(SystemClock):
            ahead = 0

            def now_ms(self):
                return super().now_ms() + self.ahead

        clock = Jumping()
        venue = self.make(box, keys, clock=clock)
        try:
            await self.ready(venue)
            before = venue.now_ms()
            clock.ahead = 3_600_000
            assert 0 <= venue.now_ms() - before < 60_000
            await self.place(venue, "m")
        finally:
            await venue.close()

    # ------------------------------------------------------------------------------------ the stream
    async def test_a_fill_that_comes_twice_is_one_fill(self, box, venue, keys, recorder):
        box.faults({"when": self.fill_event, "what": "duplicate"})
        await self.place(venue, "twice")
        await self.place(venue, "then")
        await recorder.fill("then")
        assert list(dict.fromkeys(f.trade_id for f in recorder.fills)) == self.truth(box, keys)

    @pytest.mark.parametrize("code", [1001, 1006, 1008, 1000])
    async def test_a_stream_that_is_cut_comes_back(self, box, venue, keys, recorder, code):
        await self.place(venue, "before")
        await recorder.fill("before")
        count = len(recorder.events)
        box.faults({"when": "now", "what": "drop_sockets", "code": code, "route": self.route})
        await recorder.up(count)
        assert recorder.states == [StreamStatus.UP, StreamStatus.DOWN, StreamStatus.UP]
        await self.place(venue, "after")
        await recorder.fill("after")
        assert [f.trade_id for f in recorder.fills] == self.truth(box, keys)

    async def test_no_fill_is_lost_while_streams_are_cut(self, box, venue, keys, recorder):
        since = venue.now_ms() - 600_000  # market time is behind, by the part of its first minute too
        for n in range(12):
            if n % 4 == 2:
                box.faults({"when": "now", "what": "drop_sockets", "code": 1006, "route": self.route})
            await self.place(venue, f"c{n}")
        # what the stream missed, the history has: asked for once it is up again, as the execution does
        truth = self.truth(box, keys)
        assert len(truth) == 12
        await recorder.until(lambda _: recorder.states[-1] is StreamStatus.UP)
        seen = {f.trade_id for f in recorder.fills} | {f.trade_id for f in await venue.fills(self.symbol, since=since)}
        assert seen == set(truth)

    async def test_a_mute_stream_is_replaced(self, box, keys):
        venue = await self.quick(box, keys, expected=0.3)
        try:
            recorder = EventRecorder(venue)
            await recorder.up()
            box.faults({"when": "now", "what": "mute", "route": self.route, "seconds": 1})
            count = len(recorder.events)
            await self.place(venue, "unheard")
            again = await recorder.up(count)
            assert "mute" in again.text
            assert StreamStatus.DOWN not in recorder.states
        finally:
            await venue.close()

    async def test_an_event_may_be_faster_than_the_answer(self, box, keys):
        venue = await self.quick(box, keys, expected=0.3)
        try:
            recorder = EventRecorder(venue)
            await recorder.up()
            box.faults({"when": self.orders, "what": "delay", "seconds": 0.8})
            await self.place(venue, "slow")
            assert recorder.fills
            await asyncio.sleep(0.5)  # longer than what is expected may take
            assert recorder.states == [StreamStatus.UP]
        finally:
            await venue.close()

    # ------------------------------------------------------------------------------------ its end
    async def test_nothing_is_left_when_it_is_closed(self, box, keys):
        before = asyncio.all_tasks()
        venue = await self.quick(box, keys)
        recorder = EventRecorder(venue)
        await recorder.up()
        sockets = len(box.state()["sockets"])
        await self.place(venue, "m")
        await venue.close()
        await venue.close()
        await recorder.done()
        assert asyncio.all_tasks() == before
        async with asyncio.timeout(10):
            while len(box.state()["sockets"]) >= sockets:
                await asyncio.sleep(0.01)
        with pytest.raises(Refused):
            await self.place(venue, "late")

    async def test_no_key_gets_into_a_log_or_an_error(self, box, keys, caplog):
        protect_logs()
        caplog.set_level(logging.DEBUG)
        texts = []
        with capture_logs() as structured:
            venue = await self.quick(box, keys, request=0.5)
            try:
                recorder = EventRecorder(venue)
                await recorder.up()
                for what in ("timeout", "reset", "503", "-1007", "429"):
                    box.faults({"when": self.requests, "what": what, "seconds": 1})
                    with pytest.raises(TriplaneError) as error:
                        await venue.order(self.symbol, "x", conditional=False)
                    texts += [str(error.value), repr(error.value), repr(error.value.__cause__)]
                box.faults({"when": "now", "what": "drop_sockets", "code": 1006, "route": self.route})
                await recorder.until(lambda e: isinstance(e, StreamState) and e.state is StreamStatus.DOWN)
                texts += [repr(venue), repr(keys), *map(repr, recorder.events), str(structured)]
            finally:
                await venue.close()
        texts += [record.getMessage() + str(record.args) + str(record.exc_text) for record in caplog.records]
        listening = [name for socket in box.state()["sockets"] for name in socket["streams"] if len(name) == 64]
        assert caplog.records
        for secret in (keys.key, keys.secret, *listening):
            assert not [text for text in texts if secret in text]
        assert not [text for text in texts if "signature=" in text and "signature=…" not in text]

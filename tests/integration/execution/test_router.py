"""The router in the process and over HTTP keep the same promises; each is what the engine relies on."""

import asyncio

import pytest
from fakes import SYMBOL, Carried, D, Held, limit, market, stop
from msgspec.structs import replace
from served import TOKEN, place, served

from triplane.errors import BadInput
from triplane.execution.remote import RemoteRouter
from triplane.execution.router import Conflict
from triplane.venues.base import (
    BalanceChange,
    Cause,
    Execution,
    Funding,
    MarginCall,
    OrderReport,
    OrderStatus,
    StreamState,
    StreamStatus,
)
from triplane.venues.errors import NotFound, Refused, Unknown, Why

LOST = Unknown("no answer came", "-1007")


@pytest.fixture(params=["in the process", "over HTTP"])
async def router(request, inside):
    """What the engine trades with."""
    if request.param == "in the process":
        yield inside
        return
    async with served(inside) as url:
        remote = RemoteRouter(url, TOKEN)
        await remote.open()
        yield remote
        await remote.close()


class TestBothWays:
    """Each of these is what the engine relies on."""

    async def test_it_shows_its_venue(self, router, venue):
        assert (router.name, router.capabilities) == (venue.name, venue.capabilities)
        assert abs(router.now_ms() - venue.time) < 5000

    async def test_the_same_answer_for_ever(self, router, venue):
        order = limit("a.1:B/c-_", quantity="0.10")
        first = await place(router, order)
        assert first == venue.orders[order.client_id]
        venue.fill(order.client_id)
        venue.price += 1
        assert [await place(router, order) for _ in range(3)] == [first] * 3
        assert len(venue.sent) == 1

    @pytest.mark.parametrize("change", [
        {"quantity": D("0.02")}, {"price": D(48_000)}, {"side": -1}, {"reduce_only": True}, {"time_in_force": "IOC"},
        {"symbol": "ETHUSDT"},
    ])  # fmt: skip
    async def test_another_order_under_a_known_id(self, router, venue, change):
        await place(router, limit("a"))
        with pytest.raises(Conflict):
            await place(router, replace(limit("a"), **change))
        assert len(venue.sent) == 1

    @pytest.mark.parametrize("why", sorted(
        set(Why) - {Why.RATE, Why.BANNED, Why.OVERLOAD, Why.CLOCK, Why.DOWN, Why.COOLING_OFF, Why.DUPLICATE}
    ))  # fmt: skip
    async def test_a_refusal_of_the_order_is_for_ever(self, router, venue, why):
        venue.will("place", Refused("no.", "-1", why, 5))
        for _ in range(2):
            with pytest.raises(Refused) as error:
                await place(router, limit("a"))
            assert (type(error.value), error.value.why, error.value.code, str(error.value)) == (
                Refused,
                why,
                "-1",
                "no.",
            )
        assert venue.sent == []
        with pytest.raises(Conflict):
            await place(router, limit("a", price="48000"))

    @pytest.mark.parametrize("why", [Why.RATE, Why.BANNED, Why.OVERLOAD, Why.CLOCK, Why.DOWN, Why.COOLING_OFF])
    async def test_a_reason_that_passes_is_not(self, router, venue, why):
        venue.will("place", Refused("later", "-2", why, venue.time + 700))
        with pytest.raises(Refused) as error:
            await place(router, limit("a"))
        assert (error.value.why, error.value.code, error.value.retry_at) == (why, "-2", venue.time + 700)
        await place(router, limit("a"))
        assert len(venue.sent) == 1

    async def test_an_order_of_unknown_fate_that_arrived(self, router, venue):
        venue.will("place", Carried(LOST))
        with pytest.raises(Unknown) as error:
            await place(router, market("a"))
        assert (str(error.value), error.value.code) == (str(LOST), LOST.code)
        assert (await place(router, market("a"))).status is OrderStatus.FILLED
        assert (len(venue.sent), venue.positions[SYMBOL]) == (1, D("0.01"))

    async def test_an_order_of_unknown_fate_that_never_arrived(self, router, venue):
        venue.will("place", LOST)
        for step in (0, 5_999):
            venue.time += step
            with pytest.raises(Unknown):
                await place(router, market("a"))
        assert venue.asked.count(("place", "a")) == 1
        venue.time += 1
        await place(router, market("a"))
        assert (len(venue.sent), venue.positions[SYMBOL]) == (1, D("0.01"))

    async def test_at_the_same_time(self, router, venue):
        held = Held(asyncio.Event(), asyncio.Event())
        venue.will("place", held)
        tasks = [asyncio.create_task(place(router, market("a"))) for _ in range(5)]
        await held.begun.wait()
        held.gate.set()
        answers = await asyncio.gather(*tasks)
        assert answers == [answers[0]] * 5
        assert len(venue.sent) == 1

    async def test_the_breaker(self, router, venue):
        venue.will("place", *[LOST] * 5)
        for n in range(5):
            with pytest.raises(Unknown):
                await place(router, limit(f"x{n}"))
        with pytest.raises(Refused) as error:
            await place(router, limit("a"))
        assert (error.value.why, error.value.code, error.value.retry_at) == (
            Why.DOWN, "breaker_open", venue.time + 60_000,
        )  # fmt: skip
        await place(router, stop("s"))
        await place(router, limit("a"))

    async def test_the_kill_switch(self, router, inside, venue):
        await place(router, limit("e"))
        assert (await inside.kill()).cancelled == ("e",)
        with pytest.raises(Refused) as error:
            await place(router, limit("a"))
        assert (error.value.why, error.value.code) == (Why.DOWN, "kill_switch")
        await place(router, stop("s"))

    async def test_looking_up_and_cancelling(self, router, venue):
        for order in (limit("l:1/2"), stop("s")):
            which = {"conditional": order.type.conditional}
            placed = await place(router, order)
            assert await router.order(SYMBOL, order.client_id, **which) == placed
            await router.cancel(SYMBOL, order.client_id, **which)
            assert (await router.order(SYMBOL, order.client_id, **which)).status is OrderStatus.CANCELLED
            with pytest.raises(NotFound) as error:
                await router.cancel(SYMBOL, order.client_id, **which)
            assert error.value.code == "-2011"
        with pytest.raises(NotFound) as error:
            await router.order(SYMBOL, "nobody", conditional=False)
        assert (str(error.value), error.value.code) == ("there is no order nobody", "-2013")

    async def test_a_cancel_of_unknown_fate(self, router, venue):
        await place(router, limit("a"))
        venue.will("cancel", Carried(LOST))
        with pytest.raises(Unknown):
            await router.cancel(SYMBOL, "a", conditional=False)

    async def test_state(self, router, venue):
        await place(router, market("m", "0.123"))
        await place(router, stop("s"))
        assert await router.snapshot([SYMBOL]) == await venue.snapshot([SYMBOL])
        assert await router.snapshot([]) == await venue.snapshot([])
        (fill,) = await router.fills(SYMBOL, since=0)
        assert fill == venue.trades[0]
        assert await router.fills(SYMBOL, since=0, venue_order_id="77") == []
        assert await router.fills(SYMBOL, since=venue.time + 1) == []
        assert await router.funding(SYMBOL, since=0) == []
        names = ["ETHUSDT", SYMBOL]
        assert await router.instruments(names) == await venue.instruments(names)
        with pytest.raises(BadInput, match="NOPE is not traded here"):
            await router.instruments([SYMBOL, "NOPE"])
        assert await router.prepare([SYMBOL], 3) == []
        assert await router.prepare([SYMBOL], 3, resume=True) == ["resumed"]
        await router.check_keys()
        venue.will("check_keys", BadInput("this API key may withdraw"))
        with pytest.raises(BadInput, match="this API key may withdraw"):
            await router.check_keys()
        venue.will("snapshot", Refused("later", "-1003", Why.RATE, 9))
        with pytest.raises(Refused) as error:
            await router.snapshot([SYMBOL])
        assert (error.value.why, error.value.retry_at) == (Why.RATE, 9)

    async def test_events(self, router, venue):
        fill = Execution(SYMBOL, "1", "2", "a", -1, D("1E-8"), D("0.10"), D("-0.1"), "BNB", True, 5, Cause.ADL)
        sent = [
            fill,
            OrderReport("a", SYMBOL, 1, limit("a").type, OrderStatus.EXPIRED, D(1), D("0.5"), D(7), reason="IOC"),
            Funding(SYMBOL, D("-0.001"), 7),
            BalanceChange("USDT", D("9999.99"), "FUNDING_FEE", 8),
            MarginCall((SYMBOL, "ETHUSDT"), 9),
            StreamState(StreamStatus.DOWN, "cut", 10),
        ]
        received = []
        events = router.events()
        async with asyncio.timeout(20):
            async for event in events:
                received.append(event)
                if len(received) == 1:
                    assert received[0].state is StreamStatus.UP
                    for one in sent:
                        venue.queue.put_nowait(one)
                if received[-1] == sent[-1]:
                    break
        await events.aclose()
        assert [event for event in received if event in sent] == sent
        assert all(isinstance(event, StreamState) for event in received if event not in sent)

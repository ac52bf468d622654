"""The router in the process: one order for each client id, whatever happens; breaker and kill switch."""

import asyncio
import os
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fakes import SYMBOL, Carried, D, FakeVenue, Held, limit, market, stop
from hypothesis import given
from hypothesis import strategies as st

from triplane.errors import DataError, TriplaneError
from triplane.execution.breaker import BreakerState
from triplane.execution.records import KillSwitchState, RecordState
from triplane.execution.risk import Bounds
from triplane.execution.router import Conflict, Router
from triplane.venues.base import Approved, Capabilities, OrderStatus
from triplane.venues.errors import NotFound, Refused, Unknown, Why

LOST = Unknown("no answer came", "-1007")
WINDOW = Capabilities().request_window + 1000


@pytest.fixture
def venue():
    return FakeVenue()


@pytest.fixture
async def router(venue):
    router = Router(venue)
    await router.open()
    yield router
    await router.close()


def place(router, order):
    return router.place(Approved(order))


async def restarted(folder, venue):
    router = Router(venue, folder)
    await router.open()
    return router


async def refused(router, order, why, code=None):
    with pytest.raises(Refused) as error:
        await place(router, order)
    assert error.value.why is why
    assert code in (None, error.value.code)
    return error.value


# ------------------------------------------------------------------------------------------------------ over a restart
async def test_an_answer_outlives_the_process(tmp_path, venue):
    router = await restarted(tmp_path, venue)
    answer = await place(router, limit("a"))
    await router.close()
    router = await restarted(tmp_path, venue)
    venue.fill("a")
    assert await place(router, limit("a")) == answer
    assert await place(router, limit("a", price="49000.00", quantity="0.0100")) == answer  # the same numbers
    with pytest.raises(Conflict):
        await place(router, limit("a", price="49000.1"))
    assert [order.client_id for order in venue.sent] == ["a"]
    await router.close()


async def test_a_refusal_outlives_the_process(tmp_path, venue):
    venue.will("place", Refused("no money", "-2019", Why.FUNDS))
    router = await restarted(tmp_path, venue)
    first = await refused(router, limit("a"), Why.FUNDS)
    await router.close()
    router = await restarted(tmp_path, venue)
    second = await refused(router, limit("a"), Why.FUNDS, "-2019")
    assert str(first) == str(second)
    assert venue.sent == []
    await router.close()


async def test_killed_between_send_and_answer(tmp_path, venue):
    """The order arrived, the process died before the answer; the next one asks and does not send."""
    venue.will("place", Carried(LOST))
    router = await restarted(tmp_path, venue)
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    router.records.close()  # and nothing else, as kill -9 would
    second = await restarted(tmp_path, venue)
    assert (await place(second, limit("a"))).venue_id == "1"
    assert len(venue.sent) == 1
    await second.close()
    await router.close()


async def test_the_kill_switch_outlives_the_process(tmp_path, venue):
    router = await restarted(tmp_path, venue)
    await router.kill("enough")
    await router.close()
    router = await restarted(tmp_path, venue)
    assert router.records.kill == KillSwitchState(True, venue.time, "enough")
    await refused(router, limit("a"), Why.DOWN, "kill_switch")
    router.revive()
    await router.close()
    router = await restarted(tmp_path, venue)
    await place(router, limit("a"))
    await router.close()


async def test_a_venue_without_client_ids_hears_of_earlier_orders(tmp_path, venue):
    router = await restarted(tmp_path, venue)
    for name in ("b", "a"):
        await place(router, limit(name))
    await router.close()
    await (await restarted(tmp_path, venue)).close()
    assert venue.remembered == [limit("b"), limit("a")]


# -------------------------------------------------------------------------------------------------- unknown outcomes
async def test_a_duplicate_is_looked_up(router, venue):
    await venue.place(Approved(limit("a")))  # from before the records began
    venue.will("place", Refused("duplicate", "-4116", Why.DUPLICATE))
    assert (await place(router, limit("a"))).venue_id == "1"
    assert router.records.get("a").state is RecordState.ANSWERED
    await venue.place(Approved(limit("b", side=-1)))
    venue.will("place", Refused("duplicate", "-4116", Why.DUPLICATE))
    with pytest.raises(Conflict):
        await place(router, limit("b"))


async def test_a_duplicate_that_is_not_found_stays_open_to_doubt(router, venue):
    venue.will("place", Refused("duplicate", "-4116", Why.DUPLICATE))
    await refused(router, stop("s"), Why.DUPLICATE)
    assert router.records.get("s").state is RecordState.SENT


async def test_an_order_that_only_the_list_knows_is_not_sent_again(router, venue):
    venue.will("place", Carried(LOST))
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    venue.hidden.add("a")
    venue.time += WINDOW
    assert (await place(router, limit("a"))).venue_id == "1"
    assert len(venue.sent) == 1


@pytest.mark.parametrize("asked", ["order", "snapshot"])
async def test_when_nobody_can_be_asked_nothing_is_sent(router, venue, asked):
    venue.will("place", LOST)
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    venue.time += WINDOW
    venue.will(asked, Refused("busy", "-1003", Why.RATE))
    with pytest.raises(Unknown, match="busy"):
        await place(router, limit("a"))
    assert venue.sent == []
    await place(router, limit("a"))
    assert len(venue.sent) == 1


async def test_a_venue_that_tells_no_window_gets_a_minute(venue):
    venue.capabilities = Capabilities(request_window=0)
    router = Router(venue)
    venue.will("place", LOST)
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    venue.time += 60_999
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    venue.time += 1
    await place(router, limit("a"))
    await router.close()


async def test_a_second_attempt_has_a_window_of_its_own(router, venue):
    venue.will("place", LOST, LOST)
    for _ in range(2):
        with pytest.raises(Unknown):
            await place(router, limit("a"))
        venue.time += WINDOW
    venue.time -= 1
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    assert venue.sent == []


@pytest.mark.parametrize("error", [DataError("the venue sent a bad number"), KeyError("orderId"), TimeoutError()])
async def test_an_answer_that_cannot_be_read_is_unknown(router, venue, error):
    venue.will("place", Carried(error))
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    assert (await place(router, limit("a"))).venue_id == "1"
    assert len(venue.sent) == 1


async def test_given_up_while_waiting(router, venue):
    """Whoever asked has gone; the order may have arrived."""
    held = Held(asyncio.Event(), asyncio.Event())
    venue.will("place", held)
    task = asyncio.create_task(place(router, limit("a")))
    await held.begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert router.records.get("a").state is RecordState.SENT
    assert router.breaker.failures == 1
    with pytest.raises(Unknown):
        await place(router, limit("a"))


async def test_a_lookup_by_somebody_settles_it(router, venue):
    venue.will("place", Carried(LOST))
    with pytest.raises(Unknown):
        await place(router, limit("a"))
    found = await router.order(SYMBOL, "a", conditional=False)
    venue.fill("a")
    assert await place(router, limit("a")) == found


NOTHING = (None, LOST, Refused("later", why=Why.RATE), Refused("down", why=Why.DOWN), KeyError("x"))
STEPS = st.one_of(
    st.sampled_from([*NOTHING, Carried(LOST), Carried(KeyError("x"))]).map(lambda outcome: ("place", outcome)),
    st.sampled_from([None, LOST, Refused("busy", why=Why.RATE)]).map(lambda outcome: ("ask", outcome)),
    st.sampled_from([1, 1_000, 5_999, 6_000, 60_000]).map(lambda ms: ("wait", ms)),
    st.sampled_from(["stop", "kill -9", "fill", "look"]).map(lambda what: (what, None)),
)


@given(st.lists(STEPS, max_size=14))
def test_one_id_is_one_order_whatever_happens(steps):
    """Placed again and again while requests fail, arrive without an answer, and the process ends."""

    async def life(folder):
        venue = FakeVenue()
        router, answers, lost = await restarted(folder, venue), [], []
        for what, value in steps:
            if what == "wait":
                venue.time += value
            elif what == "ask":
                venue.will("order", value)
            elif what == "fill" and "a" in venue.orders and not venue.orders["a"].status.final:
                venue.fill("a")
            elif what in ("stop", "kill -9"):
                if what == "stop":
                    await router.close()
                else:
                    router.records.close()
                    lost.append(router)
                router = await restarted(folder, venue)
            elif what in ("place", "look"):
                with suppress(Unknown, Refused, NotFound):
                    if what == "look":
                        await router.order(SYMBOL, "a", conditional=False)
                    else:
                        venue.will("place", value)
                        answers.append(await place(router, limit("a")))
            venue._script["place"].clear()
            assert len(venue.sent) <= 1
            assert answers == answers[:1] * len(answers)
            assert not answers or venue.sent
        venue._script.clear()
        venue.time += 120_000
        assert (await place(router, limit("a"))).client_id == "a"  # in the end there is an answer, and one order
        assert len(venue.sent) == 1
        for one in (*lost, router):
            await one.close()

    with TemporaryDirectory() as folder:
        asyncio.run(life(Path(folder)))


# ------------------------------------------------------------------------------------------------------------ the disk
async def test_without_a_disk_only_exits_are_sent(tmp_path, venue, monkeypatch):
    router = await restarted(tmp_path, venue)
    monkeypatch.setattr(os, "write", lambda *_: 0)
    error = await refused(router, limit("a"), Why.DOWN)
    assert "No space" in str(error)
    await place(router, stop("s"))
    assert await place(router, stop("s")) == venue.orders["s"]
    assert [order.client_id for order in venue.sent] == ["s"]
    with pytest.raises(TriplaneError, match="No space"):
        router.revive()
    done = await router.kill()
    assert "No space" in done.problems[0]
    assert router.records.kill.active
    monkeypatch.undo()
    await place(router, stop("t"))
    await router.close()


# ------------------------------------------------------------------------------------------------------------- breaker
async def fail(router, venue, times, error=LOST):
    for _ in range(times):
        venue.will("place", error)
        with pytest.raises((Unknown, Refused)):
            await place(router, limit(f"fail-{len(venue.asked)}"))


@pytest.mark.parametrize("error", [LOST, Refused("", why=Why.DOWN), Refused("", why=Why.OVERLOAD), KeyError("x")])
async def test_five_failures_stop_entries_but_not_exits(router, venue, error):
    await fail(router, venue, 5, error)
    refusal = await refused(router, limit("a"), Why.DOWN, "breaker_open")
    assert refusal.retry_at == venue.time + 60_000
    assert router.records.get("a") is None
    venue.will("place", error)
    with pytest.raises((Unknown, Refused)):
        await place(router, stop("s"))
    assert ("place", "s") in venue.asked
    await place(router, stop("t"))  # goes through, so the venue is back
    await place(router, limit("a"))


async def test_a_refusal_of_the_order_itself_is_an_answer(router, venue):
    await fail(router, venue, 4)
    venue.will("place", Refused("no money", why=Why.FUNDS))
    await refused(router, limit("poor"), Why.FUNDS)
    await fail(router, venue, 4)
    await place(router, limit("a"))


@pytest.mark.parametrize("why", [Why.RATE, Why.BANNED, Why.CLOCK, Why.COOLING_OFF])
async def test_limits_say_nothing_of_its_health(router, venue, why):
    await fail(router, venue, 4)
    venue.will("place", Refused("later", why=why))
    await refused(router, limit("a"), why)
    assert router.breaker.failures == 4
    await fail(router, venue, 1)
    assert router.breaker.state(venue.time) is BreakerState.OPEN


async def test_one_entry_tries_after_a_minute(router, venue):
    await fail(router, venue, 5)
    venue.time += 60_000
    held = Held(asyncio.Event(), asyncio.Event())
    venue.will("place", held)
    first = asyncio.create_task(place(router, limit("a")))
    await held.begun.wait()
    await refused(router, limit("b"), Why.DOWN, "breaker_open")
    held.gate.set()
    await first
    await place(router, limit("b"))


async def test_cancels_count_too(router, venue):
    venue.will("cancel", *[LOST] * 5)
    for _ in range(5):
        with pytest.raises(Unknown):
            await router.cancel(SYMBOL, "x", conditional=False)
    await refused(router, limit("a"), Why.DOWN, "breaker_open")
    with pytest.raises(NotFound):
        await router.cancel(SYMBOL, "x", conditional=False)  # an answer
    await place(router, limit("a"))


async def test_bounds_are_checked_before_the_breaker_is_tried(router, venue):
    await fail(router, venue, 5)
    venue.time += 60_000
    with pytest.raises(Refused, match="at most 100 may"):
        await router.submit(limit("a"), Bounds(D(100)))
    await router.submit(limit("a"), Bounds(D(1000)))


# --------------------------------------------------------------------------------------------------------- kill switch
async def test_the_kill_switch_cancels_entries_and_keeps_protection(router, venue):
    await place(router, market("m"))
    await place(router, limit("e"))
    await place(router, stop("entry-stop", "51000", side=1, reduce_only=False))
    await place(router, stop("s"))
    done = await router.kill("by hand")
    assert set(done.cancelled) == {"e", "entry-stop"}
    assert (done.closing, done.problems) == ((), ())
    assert venue.orders["s"].status is OrderStatus.OPEN
    assert venue.positions[SYMBOL] == D("0.01")
    await refused(router, limit("later"), Why.DOWN, "kill_switch")
    await place(router, market("out", side=-1, reduce_only=True))


async def test_it_flattens_when_asked(router, venue):
    await place(router, market("m", "0.5"))
    await place(router, limit("e"))
    await place(router, stop("s", quantity="0.5"))
    done = await router.kill(flatten=True)
    (client_id,) = done.closing
    assert client_id.startswith("kill-")
    assert client_id.endswith(SYMBOL)
    assert venue.positions[SYMBOL] == 0
    assert (venue.sent[-1].reduce_only, venue.sent[-1].quantity, venue.sent[-1].side) == (True, D("0.5"), -1)
    assert {name for name, order in venue.orders.items() if order.status is OrderStatus.CANCELLED} == {"e", "s"}
    assert done.problems == ()


async def test_on_spot_the_stop_makes_room_first_and_sells_are_exits():
    venue = FakeVenue(Capabilities(reduce_only=False, shorts=False, stop_beside_target=False))
    router = Router(venue)
    await place(router, market("m", "0.5"))
    await place(router, limit("bid"))
    await place(router, limit("ask", "60000", side=-1))
    kept = await router.kill()
    assert kept.cancelled == ("bid",)
    await place(router, stop("s", reduce_only=False))
    done = await router.kill(flatten=True)
    assert set(done.cancelled) == {"ask", "s"}
    order = [about for method, about in venue.asked if method in ("cancel", "place")]
    assert order.index("s", order.index("ask") + 1) < order.index(done.closing[0])
    assert venue.positions[SYMBOL] == 0
    await router.close()


async def test_on_spot_bounds_are_for_purchases():
    router = Router(FakeVenue(Capabilities(reduce_only=False, shorts=False)))
    with pytest.raises(Refused, match="at most 100 may"):
        await router.submit(limit("bid"), Bounds(D(100)))
    await router.submit(limit("ask", side=-1), Bounds(D(100)))
    await router.close()


async def test_a_position_that_stays_keeps_its_stop(router, venue):
    await place(router, market("m"))
    await place(router, stop("s"))
    venue.will("place", LOST)
    done = await router.kill(flatten=True)
    assert "no answer came" in done.problems[0]
    assert venue.orders["s"].status is OrderStatus.OPEN
    venue.time += 1000
    assert (await router.kill(flatten=True)).problems == ()
    assert venue.positions[SYMBOL] == 0


async def test_what_cannot_be_cancelled_is_said_and_the_rest_is_done(router, venue):
    await place(router, limit("a", symbol="BTCUSDT"))
    await place(router, limit("b", symbol="ETHUSDT"))
    venue.will("cancel", LOST)
    done = await router.kill()
    assert done.cancelled == ("b",)
    assert "a could not be cancelled" in done.problems[0]
    venue.will("snapshot", KeyError("x"))
    assert (await router.kill()).problems == ("BTCUSDT: KeyError",)
    assert (await router.kill()).cancelled == ("a",)


async def test_an_entry_under_way_is_caught(router, venue):
    held = Held(asyncio.Event(), asyncio.Event())
    venue.will("place", held)
    entry = asyncio.create_task(place(router, limit("e")))
    await held.begun.wait()
    killing = asyncio.create_task(router.kill())
    while ("snapshot", SYMBOL) not in venue.asked:
        await asyncio.sleep(0)
    held.gate.set()
    assert (await killing).cancelled == ("e",)
    assert (await entry).client_id == "e"


async def test_an_entry_of_unknown_fate_is_named(router, venue):
    venue.will("place", LOST)
    with pytest.raises(Unknown):
        await place(router, limit("e"))
    (problem,) = (await router.kill()).problems
    assert "e is not known" in problem
    venue.time += WINDOW
    await refused(router, limit("e"), Why.DOWN, "kill_switch")
    assert venue.sent == []


async def test_symbols_that_were_only_looked_at_are_left_alone(router, venue):
    await router.instruments(["ETHUSDT"])
    await router.snapshot(["ETHUSDT"])
    venue.positions["ETHUSDT"] = D(1)
    await router.prepare([SYMBOL], 3)
    await router.kill(flatten=True)
    assert venue.positions["ETHUSDT"] == 1


# -------------------------------------------------------------------------------------------------------------- meters
async def test_what_prometheus_reads(router, venue):
    await place(router, limit("a"))
    await fail(router, venue, 5)
    await refused(router, limit("b"), Why.DOWN)
    router.records.switch(KillSwitchState(True))
    text = router.metrics.text().decode()
    for line in (
        'triplane_router_requests_total{outcome="ok",request="place"} 1.0',
        'triplane_router_requests_total{outcome="unknown",request="place"} 5.0',
        'triplane_router_requests_total{outcome="breaker_open",request="place"} 1.0',
        'triplane_router_request_seconds_count{request="place"} 6.0',
        "triplane_router_breaker_state 2.0",
        "triplane_router_kill_switch 1.0",
    ):
        assert line in text

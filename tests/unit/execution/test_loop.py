"""The execution loop, with a venue that does as it is told."""

import asyncio

import pytest
from fakes import Carried, FakeVenue, Held
from harness import Harness, Session

from triplane.data.clock import ManualClock
from triplane.errors import TriplaneError
from triplane.execution.bridge import SessionBridge
from triplane.execution.loop import ExecutionLoop
from triplane.kernel.codes import CommandKind, Leg, OrderType
from triplane.venues.errors import Refused, Unknown, Why


class RunningLoop:
    """An execution loop at work, on the test's own time."""

    def __init__(self, **more):
        self.clock = ManualClock(1_700_000_000_000, auto=False)
        self.venue = FakeVenue()
        self.session = Session()
        self.harness = Harness()
        self.bridge = SessionBridge(self.harness.manager, 0)
        self.loop = ExecutionLoop(self.bridge, self.venue, self.clock, **more)
        self.findings = []
        self.loop.on_finding = self.findings.append

    async def begin(self):
        await self.venue.open()
        self.task = asyncio.create_task(self.loop.run(self.session))
        await self.go(2.0)
        return self

    async def go(self, seconds):
        """Let time pass, and everything happen that is due."""
        await self.clock.advance(seconds)

    async def end(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)

    def enter(self, number=1, **more):
        self.harness.now = self.loop.now()
        order = self.harness.place(Leg.ENTRY, number, **more)
        self.loop.kick()
        return order

    def sent(self):
        return [order.client_id for order in self.venue.sent]


@pytest.fixture
async def running():
    made = await RunningLoop().begin()
    yield made
    await made.end()


async def test_an_intent_becomes_an_order_and_its_execution_a_report(running):
    running.enter()
    await running.go(1.0)
    assert running.sent() == ["s.0.1.e.1"]
    (fill,) = running.session.of(CommandKind.FILL)
    assert (fill["number"], fill["lots"], fill["done"]) == (1, 10, 1)
    assert running.loop.placing.count == 1


async def test_the_gate_opens_when_the_venue_was_seen(running):
    assert [fields["flag"] for fields in running.session.of(CommandKind.GATE)] == [1, 0]


@pytest.mark.parametrize("error", [RuntimeError("a bug"), KeyError("orderId"), Unknown("lost")])
async def test_what_an_adapter_did_not_foresee_leaves_the_fate_unknown(running, error):
    """The order was carried out all the same: it is found, not sent again."""
    running.venue.will("place", Carried(error))
    running.enter()
    await running.go(10.0)
    assert running.sent() == ["s.0.1.e.1"]
    assert ("order", "s.0.1.e.1") in running.venue.asked or len(running.session.of(CommandKind.FILL)) == 1
    assert [fill["lots"] for fill in running.session.of(CommandKind.FILL)] == [10]


async def test_an_adapter_that_fails_before_it_sends_is_not_asked_to_send_an_entry_again(running):
    running.venue.will("place", RuntimeError("a bug"))
    running.enter()
    await running.go(10.0)
    assert running.sent() == []
    assert [end["number"] for end in running.session.of(CommandKind.ORDER_END)] == [1]


async def test_a_request_without_an_answer_ends_in_a_time_out():
    running = await RunningLoop(timeout=0.01).begin()
    gate = Held(asyncio.Event(), asyncio.Event())
    running.venue.will("place", gate)
    order = running.enter()
    await asyncio.wait_for(gate.begun.wait(), 5)
    assert order.fate == "sent"
    (request,) = (task for task in running.loop._tasks if not task.done())
    await request
    assert order.fate in ("unknown", "open")
    await running.end()


async def test_a_refusal_reaches_the_core(running):
    running.venue.will("place", Refused("no", why=Why.FUNDS))
    running.enter()
    await running.go(1.0)
    assert [end["number"] for end in running.session.of(CommandKind.ORDER_END)] == [1]
    assert [finding.code for finding in running.findings] == ["order_refused"]


async def test_no_task_is_left_after_the_end():
    running = await RunningLoop(timeout=3600.0).begin()
    gate = Held(asyncio.Event(), asyncio.Event())
    running.venue.will("place", gate)
    running.enter()
    await asyncio.wait_for(gate.begun.wait(), 5)
    assert len(asyncio.all_tasks()) > 2
    await asyncio.wait_for(running.end(), 60)  # it does not wait for the answer
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_private_stream_that_ends_ends_the_run(running):
    await running.venue.close()
    await running.go(0.5)
    with pytest.raises(TriplaneError, match="private stream"):
        await running.task


async def test_time_never_goes_back(running):
    """Wall time jumps; what is waited for does not."""
    before = running.loop.now()
    running.clock.jump(-5_000)
    assert running.loop.now() == before
    await running.go(1.0)
    assert running.loop.now() == pytest.approx(before + 1_000, abs=1)


async def test_a_resting_entry_is_taken_out_when_the_core_wants(running):
    running.enter(kind=OrderType.LIMIT, price="49000")
    await running.go(0.5)
    running.harness.cancel(Leg.ENTRY, 1)
    await running.go(1.0)
    assert ("cancel", "s.0.1.e.1") in running.venue.asked
    assert len(running.session.of(CommandKind.ORDER_END)) == 1

"""How much a target takes, and what happens when its service does not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from triplane.alerts import target as module
from triplane.alerts.alert import Alert, Kind, Severity
from triplane.alerts.config import AlertTarget
from triplane.alerts.senders import NotSent, Sender
from triplane.alerts.target import Target

SETTINGS = {"url": "json://localhost/1", "severity": "debug", "per_minute": 3}


class Service(Sender):
    """Takes alerts, unless it has something to raise first."""

    def __init__(self) -> None:
        self.raises: list[Exception] = []
        self.asked = 0
        self.sent: list[str] = []
        self.hangs = False

    async def send(self, alert: Alert) -> str:
        self.asked += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.raises:
            raise self.raises.pop(0)
        self.sent.append(alert.title)
        return "ok"


class Bench:
    def __init__(self, **settings: Any) -> None:
        self.time = 5000.0
        self.slept: list[float] = []
        self.service = Service()
        self.target = Target(
            AlertTarget.model_validate(SETTINGS | settings), self.service, "mine", lambda: self.time, self.sleep
        )
        self.task = asyncio.create_task(self.target.run())

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)

    def offer(self, title: str, kind: Kind = "fill", severity: Severity = "info") -> None:
        assert self.target.offer(Alert(kind=kind, severity=severity, title=title))

    async def after(self, seconds: float) -> list[str]:
        """What was sent since the last call, when so much time has passed."""
        self.time += seconds
        self.target.look()
        await self.target.drain()
        sent, self.service.sent = self.service.sent, []
        return sent


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.task.cancel()


async def test_what_is_not_wanted_is_not_taken(bench: Bench) -> None:
    quiet = Bench(severity="warning")
    quiet.task.cancel()

    assert not quiet.target.offer(Alert(kind="fill", severity="info", title="x"))
    assert quiet.target.waiting == 0


async def test_the_first_are_sent_and_the_rest_is_one_summary_when_the_minute_is_over(bench: Bench) -> None:
    for number in range(3 + 9):
        bench.offer(f"fill {number}")
    for number in range(3):
        bench.offer(f"reject {number}", "rejected")

    assert await bench.after(0) == ["fill 0", "fill 1", "fill 2"]
    assert await bench.after(59.5) == []
    assert await bench.after(0.5) == ["12 more: 9 fills, 3 rejects"]
    assert await bench.after(600) == []


async def test_a_minute_that_is_not_full_needs_no_summary(bench: Bench) -> None:
    bench.offer("1")
    assert await bench.after(60) == ["1"]
    for number in range(3):
        bench.offer(f"again {number}")
    assert await bench.after(60) == ["again 0", "again 1", "again 2"]


async def test_repeats_are_counted_and_leave_room_for_others(bench: Bench) -> None:
    for _ in range(4):
        bench.offer("too many open positions", "risk")
    bench.offer("opened", "opened")

    assert await bench.after(0) == ["too many open positions", "opened"]
    assert await bench.after(60) == ["3 more: 3 risk alerts"]


async def test_while_a_storm_lasts_the_summaries_become_rare(bench: Bench) -> None:
    summaries = []
    for second in range(3600):
        bench.offer(f"fill {second}")
        summaries += [(second, title) for title in await bench.after(1) if "more" in title]

    assert [second + 1 for second, _ in summaries] == [60, 180, 420, 900, 1860, 2820]
    assert summaries[0][1] == "57 more: 57 fills"
    await bench.after(960)
    bench.offer("calm")
    await bench.after(960)  # a quiet window, and then they are short again
    for number in range(4):
        bench.offer(f"new {number}")
    assert await bench.after(60) == ["new 0", "new 1", "new 2", "1 more: 1 fill"]


async def test_what_is_critical_finds_room_in_a_storm(bench: Bench) -> None:
    for number in range(10):
        bench.offer(f"fill {number}")
    for number in range(5):
        bench.offer(f"halt {number}", "halted", "critical")

    assert await bench.after(0) == ["fill 0", "fill 1", "fill 2", "halt 0", "halt 1", "halt 2"]
    assert await bench.after(60) == ["9 more: 7 fills, 2 halts"]


async def test_details_leave_room_for_positions_and_for_sessions(bench: Bench) -> None:
    for number in range(10):
        bench.offer(f"refused {number}", "risk", "debug")
    bench.offer("opened", "opened")
    bench.offer("closed", "closed")
    bench.offer("runs", "session")

    assert await bench.after(0) == ["refused 0", "refused 1", "opened", "runs"]
    assert await bench.after(60) == ["9 more: 8 risk alerts, 1 position closed"]


async def test_a_service_that_fails_is_asked_again_with_growing_pauses(bench: Bench) -> None:
    bench.service.raises = [NotSent("500"), NotSent("500"), OSError("no"), NotSent("429", after=7.5), NotSent("500")]
    bench.offer("1")
    bench.offer("2")

    assert await bench.after(0) == ["1", "2"]
    assert bench.slept == [1, 2, 4, 8, 16]


async def test_a_service_that_says_how_long_to_wait_is_obeyed_within_reason(bench: Bench) -> None:
    bench.service.raises = [NotSent("429", after=30), NotSent("429", after=86400)]
    bench.offer("1")

    assert await bench.after(0) == ["1"]
    assert bench.slept == [30, 60]


async def test_a_service_that_says_never_is_not_asked_again(bench: Bench) -> None:
    bench.service.raises = [NotSent("404 Unknown Webhook", final=True)]
    bench.offer("1")
    bench.offer("2")
    with capture_logs() as logs:
        assert await bench.after(0) == ["2"]

    assert [(line["target"], line["title"], line["error"]) for line in logs] == [("mine", "1", "404 Unknown Webhook")]
    assert bench.slept == []


async def test_a_service_that_is_away_for_too_long_is_given_up(bench: Bench) -> None:
    bench.service.raises = [NotSent("500") for _ in range(1000)]
    bench.offer("1")
    with capture_logs() as logs:
        assert await bench.after(0) == []

    assert [line["title"] for line in logs] == ["1"]
    assert 900 <= sum(bench.slept) <= 960
    assert max(bench.slept) == 60


async def test_a_service_that_hangs_is_asked_again(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SEND_S", 0.001)
    bench.service.hangs = True
    bench.offer("1")
    with capture_logs() as logs:
        assert await bench.after(0) == []

    assert bench.service.asked > 10
    assert [line["error"] for line in logs] == ["no answer within 0.001 seconds"]


async def test_what_waits_for_a_service_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUEUED", 10)
    bench = Bench(per_minute=1000)
    bench.task.cancel()
    for number in range(25):
        bench.offer(f"fill {number}")

    assert bench.target.waiting == 10
    bench.task = asyncio.create_task(bench.target.run())
    assert await bench.after(60) == [*(f"fill {number}" for number in range(10)), "15 more: 15 fills"]
    bench.task.cancel()


async def test_the_end_tells_what_was_counted(bench: Bench) -> None:
    for number in range(5):
        bench.offer(f"fill {number}")
    bench.target.look(ends=True)

    assert await bench.after(0) == ["fill 0", "fill 1", "fill 2", "2 more: 2 fills"]

"""How it goes, told once; and when a supervisor may count on it."""

import asyncio
import time
from typing import Any

import httpx
import pytest

from triplane.api import health as healths
from triplane.api.health import Monitor
from triplane.store import StoreError

from .conftest import Page, Socket, Stored
from .streams import Stream, session_health


def monitor(page: Page) -> Monitor:
    found: Monitor = page.app.state.context.monitor
    return found


def test_all_is_well(page: Page) -> None:
    look = monitor(page).look()
    assert (look.ready, look.faults, look.engine.state) == (True, [], "ok")
    assert look.told is not None
    assert (look.store.behind, look.store.error) == (0, None)
    assert look.page.pid > 1
    assert 10 < look.page.memory_mb < 4000


@pytest.mark.parametrize(
    ("session", "more", "fault", "ready"),
    [
        ({"status": "failed", "error": "no"}, {}, "session_failed", False),
        ({"halted": True, "halt_reason": "drawdown"}, {}, "halted", True),
        ({}, {"kill_switch": True, "kill_reason": "a drill"}, "kill_switch", True),
    ],
)
def test_what_is_wrong_is_said(
    page: Page, session: dict[str, Any], more: dict[str, Any], fault: str, ready: bool
) -> None:
    page.hear(session_health("s", **session), **more)
    look = monitor(page).look()
    assert [one.name for one in look.faults] == [fault]
    assert look.ready == ready


def test_a_store_that_is_behind(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stored, "behind", 12_345)
    monkeypatch.setattr(Stored, "age", 42.04)
    look = monitor(page).look()
    assert (look.store.behind, look.store.age_s, [one.name for one in look.faults]) == (12_345, 42.0, ["store_behind"])
    monkeypatch.setattr(Stored, "error", "The database is locked.")
    (fault,) = monitor(page).look().faults
    assert (fault.name, fault.detail) == ("store_error", "The database is locked.")


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        (["running"], None),
        (["finished"], None),
        (["finished", "running"], None),
        (["loading"], "The session is still loading its history."),
        (["stopped"], "No session runs."),
        ([], "No session runs."),
        (["running", "failed"], "Session s1 has failed: the log of the engine says why"),
    ],
)
async def test_ready(page: Page, client: httpx.AsyncClient, statuses: list[str], why: str | None) -> None:
    page.hear(*(session_health(f"s{number}", status) for number, status in enumerate(statuses)))
    answer = await client.get("/readyz")
    assert answer.status_code == (200 if why is None else 503)
    if why is not None:
        assert answer.json()["message"] == why


async def test_nothing_is_believed_of_an_engine_that_is_not_heard(page: Page, client: httpx.AsyncClient) -> None:
    page.clock.now += 3.0
    answer = await client.get("/readyz")
    assert (answer.status_code, answer.json()["message"]) == (
        503, "The engine has said nothing for 3 seconds; it may be frozen.",
    )  # fmt: skip
    status = (await client.get("/system/status")).json()
    assert (status["state"], status["engine"]["state"]) == ("IN_POSITION", "silent")
    assert (await client.get("/healthz")).status_code == 200
    assert [one["name"] for one in (await client.get("/health")).json()["faults"]] == ["engine_silent"]


async def test_a_database_that_cannot_be_read_is_not_ready(page: Page, client: httpx.AsyncClient) -> None:
    with page.store._engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE sessions")
    assert (await client.get("/readyz")).status_code == 503


async def test_the_database_is_asked_once_in_a_while_whoever_wants_to_know(
    page: Page, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    monkeypatch.setattr(page.store, "sessions", lambda **_: asked.append(1))
    monkeypatch.setattr(monitor(page), "_clock", page.clock)
    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(20)))
    assert ({answer.status_code for answer in answers}, len(asked)) == ({200}, 1)
    page.clock.now += healths.FRESH_S
    page.hear(session_health("s"))

    def broken(**_: Any) -> None:
        asked.append(1)
        raise StoreError("The database is locked.")

    monkeypatch.setattr(page.store, "sessions", broken)
    answers = [await client.get("/readyz") for _ in range(5)]
    assert ({answer.status_code for answer in answers}, len(asked)) == ({503}, 2)


async def test_it_is_told_to_the_sockets_whatever_the_engine_does(
    page: Page, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(healths, "TICK", 0.001)
    monkeypatch.setattr(healths, "TELL", 0.002)
    page.clock.now += 9
    running = asyncio.create_task(monitor(page).run())
    async with Socket(page.app, "/ws") as socket:
        await socket.subscribe(topics=["health"], symbols=["ETHUSDT"], session=stream.session_id)
        for _ in range(2):
            message = await socket.next()
            assert (message["type"], message["session_id"], message["symbol"]) == ("health", None, None)
            assert message["data"]["engine"]["state"] == "silent"
            assert message["data"]["page"]["sockets"] == 1
    running.cancel()


async def test_a_loop_that_is_held_up_shows(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(healths, "TICK", 0.001)
    running = asyncio.create_task(monitor(page).run())
    await asyncio.sleep(0.01)
    time.sleep(0.05)  # noqa: ASYNC251 - that is what is looked for
    await asyncio.sleep(0.01)
    running.cancel()
    assert monitor(page).look().page.loop_s > 0.03

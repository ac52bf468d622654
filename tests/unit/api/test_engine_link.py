"""Commands: their answers, and what is done for a person when the engine gives none."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from triplane.api import engine_link
from triplane.api.engine_link import EngineLink
from triplane.api.errors import ApiError

from .conftest import Page
from .streams import Stream, session_health


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_link, "FROZEN_S", 0.01)
    monkeypatch.setattr(engine_link, "SILENT_S", 0.02)


async def never(*_: Any) -> tuple[str, str]:
    await asyncio.Event().wait()
    return "ok", ""


async def test_a_silent_engine_is_said_to_be_so_with_since_when(page: Page) -> None:
    page.engine.answer = lambda *_: never()
    page.clock.now += 7
    with pytest.raises(ApiError) as raised:
        await page.link.command("market", "s", 0.01, symbol="BTCUSDT")
    assert raised.value.status == 503
    assert raised.value.message == (
        "The engine did not answer within 0.01 seconds. The engine has said nothing for 7 seconds; it may be frozen."
    )
    assert page.engine.restarts == 0  # nobody asked for anything that must be possible now


async def test_closing_with_an_engine_that_is_frozen_restarts_it_and_asks_again(page: Page) -> None:
    page.clock.now += 10

    async def after_the_restart(*_: Any) -> tuple[str, str]:
        while not page.engine.restarts:
            await asyncio.sleep(0.001)
        return "ok", "The position is closed at market."

    page.engine.answer = lambda *_: after_the_restart()
    answer = await page.link.insist("close", "s", symbol="BTCUSDT")
    assert (answer.message, page.engine.restarts) == ("The position is closed at market.", 1)
    assert page.engine.commands == [("close", "s", {"symbol": "BTCUSDT"})]  # one command, under one id


async def test_an_engine_that_is_slow_but_heard_is_not_restarted(page: Page) -> None:
    async def slow(*_: Any) -> tuple[str, str]:
        await asyncio.sleep(0.04)
        return "ok", "Done."

    page.engine.answer = lambda *_: slow()
    assert (await page.link.insist("close", "s")).message == "Done."
    assert page.engine.restarts == 0


async def test_an_engine_that_falls_silent_while_it_is_asked(page: Page) -> None:
    async def freeze(*_: Any) -> tuple[str, str]:
        page.clock.now += 4
        while not page.engine.restarts:
            await asyncio.sleep(0.001)
        return "conflict", "The session has ended."

    page.engine.answer = lambda *_: freeze()
    with pytest.raises(ApiError) as raised:
        await page.link.insist("resume", "s", acknowledge=True)
    assert (raised.value.status, page.engine.restarts) == (409, 1)


@pytest.mark.parametrize("supervised", [True, False])
async def test_what_is_not_known_is_said(page: Page, supervised: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_link, "WITHIN", 0.03)
    monkeypatch.setattr(engine_link, "RESTART_S", 0.03)
    page.clock.now += 10
    page.alive = False
    page.engine.answer = lambda *_: never()
    link = page.link if supervised else EngineLink(page.engine, page.watch, page.sessions)  # type: ignore[arg-type]
    with pytest.raises(ApiError) as raised:
        await link.insist("close", "s", symbol="BTCUSDT")
    restarted = "It was restarted, and has not answered within 0 seconds. " if supervised else ""
    assert raised.value.message == (
        f"Whether this was carried out is not known: the engine did not answer. {restarted}"
        "The engine does not run; it was last heard 10 seconds ago."
    )


async def test_it_is_not_restarted_over_and_over(page: Page) -> None:
    assert await page.link.restart()
    assert await page.link.restart()
    assert page.engine.restarts == 1
    page.clock.now += engine_link.AGAIN_S
    await page.link.restart()
    assert page.engine.restarts == 2
    assert not await EngineLink(page.engine, page.watch, page.sessions).restart()  # type: ignore[arg-type]


async def test_who_reads_after_a_command_sees_what_it_did(make_page: Callable[..., Page]) -> None:
    page, stream = make_page(), Stream()
    page.take(stream)
    page.hear(session_health(stream))
    stream.position()

    def answer(*_: Any) -> tuple[str, str, dict[str, int]]:
        asyncio.get_running_loop().call_later(0.01, page.take, stream)  # the fact is behind its answer
        return "ok", "Done.", {"seq": len(stream.facts)}

    page.engine.answer = answer
    await page.link.command("market", "s")
    assert len(page.sessions.get("s").portfolio().open_positions) == 1

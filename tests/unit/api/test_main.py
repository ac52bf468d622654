"""The page's process: what it is told, and what ends it."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triplane.api import main
from triplane.api.kill import RouterAddress
from triplane.api.main import PageConfig
from triplane.errors import TriplaneError
from triplane.flow import child
from triplane.flow.listening import listen

TOLD: dict[str, Any] = {
    "secret": "s", "engine_port": 1, "data_dir": "/data", "database": "/data/x.sqlite", "fd": 3, "port": 8000,
    "token": "t", "config": {"symbols": []}, "wanted": [],
}  # fmt: skip


def test_what_it_is_told() -> None:
    config = PageConfig.of(TOLD | {"data_dir": Path("/data")})
    assert (config.data_dir, config.fd, config.static, config.router) == (Path("/data"), 3, None, None)
    config = PageConfig.of(TOLD | {"router_url": "http://127.0.0.1:1", "router_token": "r", "static": "/page"})
    assert (config.router, config.static) == (RouterAddress("http://127.0.0.1:1", "r"), Path("/page"))


async def test_it_asks_its_supervisor_for_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    monkeypatch.setattr(child, "tell", lambda message: os.write(writing, json.dumps(message).encode()))
    await main.ParentProcess().restart_engine()
    assert json.loads(os.read(reading, 100)) == {"restart": "engine"}
    os.close(reading)
    os.close(writing)


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Any]:
    async def starting(gone: asyncio.Event, serving: Callable[[], Any]) -> None:
        listener = listen(0)
        config = PageConfig.of(
            TOLD | {"data_dir": tmp_path, "database": str(tmp_path / "x.sqlite"), "port": listener.getsockname()[1],
                    "fd": listener.detach()}
        )  # fmt: skip
        await main.run(config, main.ParentProcess(), gone.wait(), serving)  # type: ignore[arg-type]

    return starting


async def test_it_ends_with_its_supervisor(start: Callable[..., Any]) -> None:
    gone = asyncio.Event()

    async def serving() -> None:
        gone.set()
        await asyncio.Event().wait()

    await asyncio.wait_for(start(gone, serving), 30)


@pytest.mark.parametrize("raises", [True, False])
async def test_a_part_that_ends_ends_it_with_an_error(start: Callable[..., Any], raises: bool) -> None:
    async def serving() -> None:
        if raises:
            raise ValueError("no")

    with pytest.raises(ValueError if raises else TriplaneError, match="no" if raises else "The page's beat has ended."):
        await asyncio.wait_for(start(asyncio.Event(), serving), 30)


async def test_without_an_engine_the_newest_session_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "QUIET_S", 0.0)
    asked: list[str] = []

    class Client:
        have: dict[str, int] = {}  # noqa: RUF012

        async def catch_up(self, session_id: str) -> None:
            asked.append(session_id)

    await main._past(Client(), tmp_path)  # type: ignore[arg-type]
    for number, name in enumerate(("old", "new")):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "facts.jsonl"
        path.touch()
        os.utime(path, (number, number))
    (tmp_path / "gone").mkdir()
    (tmp_path / "gone" / "facts.jsonl").symlink_to(tmp_path / "nowhere")
    await main._past(Client(), tmp_path)  # type: ignore[arg-type]
    Client.have = {"s": 1}
    await main._past(Client(), tmp_path)  # type: ignore[arg-type]
    assert asked == ["new"]

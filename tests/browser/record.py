"""Records what a real Triplane answers and says, for the tests of the page: ``python tests/browser/record.py``.

A session on generated data is traded by hand, halted, resumed and frozen; answers and messages are kept as they came,
except that of what comes often only the first are kept.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.asyncio.client import connect

FILE: Final = Path(__file__).parents[2] / "ui" / "tests" / "recorded.json"
MOST: Final = 12
"""Messages of a kind that are kept."""


class Recorder:
    """A client that keeps what it hears."""

    def __init__(self, url: str) -> None:
        address, _, token = url.partition("/?token=")
        self.http = httpx.AsyncClient(
            base_url=address, headers={"Authorization": f"Bearer {token}", "Origin": address}, timeout=60
        )
        self.socket = connect(
            address.replace("http", "ws") + "/ws",
            additional_headers={"Authorization": f"Bearer {token}"},
            origin=address,  # type: ignore[arg-type]
        )
        self.messages: list[dict[str, Any]] = []
        self._counts: Counter[str] = Counter()
        self._news = asyncio.Event()

    async def listen(self) -> None:
        async with self.socket as socket:
            await socket.send(json.dumps({"op": "subscribe"}))
            async for text in socket:
                message = json.loads(text)
                self._counts[message["type"]] += 1
                if self._counts[message["type"]] <= MOST:
                    self.messages.append(message)
                self._news.set()

    async def until(self, *kinds: str) -> None:
        """Wait until a message of each kind has come."""
        while not all(self._counts[kind] for kind in kinds):
            self._news.clear()
            await self._news.wait()

    async def get(self, path: str, **query: Any) -> Any:
        return (await self.http.get(path, params=query)).raise_for_status().json()

    async def post(self, path: str, **body: Any) -> Any:
        return (await self.http.post(path, json=body)).raise_for_status().json()

    async def health(self, until: Callable[[Any], bool]) -> Any:
        """What the server says of itself, once it is so."""
        while not until(found := await self.get("/health")):
            await asyncio.sleep(0.2)
        return found


async def record(recorder: Recorder, session: str) -> dict[str, Any]:
    """Trade, and keep what came."""
    listening = asyncio.create_task(recorder.listen())
    recorded: dict[str, Any] = {"health": {"ok": await recorder.health(lambda health: health["ready"])}}
    portfolio = await recorder.get("/trades/portfolio")
    for position in portfolio["open_positions"]:
        await recorder.post(f"/trades/close/{position['id']}")
    while (status := await recorder.get("/system/status"))["state"] != "SCANNING":
        await asyncio.sleep(0.5)
    await recorder.post("/trades/simulate", symbol=status["symbol"], side="buy")
    await recorder.until("order_created", "position_update", "market_data", "marker")
    for name, path in {
        "status": "/system/status", "portfolio": "/trades/portfolio", "performance": "/trades/performance",
        "settings": "/settings/trading", "check": "/system/debug/signal-check", "options": "/api/start-options",
    }.items():  # fmt: skip
        recorded[name] = await recorder.get(path)
    recorded["history"] = await recorder.get("/market-rest/history", limit=30)
    recorded["equity"] = await recorder.get("/trades/equity-curve", limit=60)
    recorded["decisions"] = await recorder.get("/api/decisions", limit=20)
    recorded["kill"] = await recorder.post("/api/kill-switch", flatten=True, reason="I saw something")
    await recorder.until("position_closed", "risk_alert", "error", "state_change")
    recorded["health"]["halted"] = await recorder.health(lambda health: health["faults"])
    recorded["trades"] = await recorder.get("/trades/history", limit=5)
    await recorder.post(f"/api/sessions/{session}/resume", acknowledge=True)
    recorded["sessions"] = await recorder.get("/api/sessions")
    os.kill(recorded["health"]["ok"]["told"]["pid"], signal.SIGSTOP)
    recorded["health"]["frozen"] = await recorder.health(lambda health: health["engine"]["state"] == "silent")
    listening.cancel()
    return recorded | {"messages": recorder.messages}


async def main() -> None:
    """Run a Triplane and record it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "triplane.cli.main", "up", "--json", "--port", "0", "--data-dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220 - nothing else runs yet
        try:
            assert process.stdout is not None
            ready = json.loads("".join(iter(process.stdout.readline, "}\n")) + "}")
            recorded = await record(Recorder(ready["url"]), ready["session"])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()
    lines = [f"{json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in recorded.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    asyncio.run(main())

"""The kill switch, thrown from the page: it must work with an engine that is frozen or dead, and with a full disk.

What acts on the venue goes first, and nothing waits for something that may hang: the router, where there is one, the
engine, then the file that an engine finds when it starts, then a restart of an engine that does not answer. What each
of them did is told as it was.
"""

import asyncio
import http.client
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog

from triplane.api.engine_link import RESTART_S, WITHIN, EngineLink
from triplane.api.errors import ApiError
from triplane.api.replica.views import View
from triplane.errors import TriplaneError
from triplane.model.killswitch import KillSwitch
from triplane.model.live import ENCODER, Answer

log = structlog.get_logger(__name__)

AHEAD_S: Final = 2.0
"""How long the router is waited for before the engine is told too."""
ROUTER_S: Final = 10.0
SILENT_S: Final = 1.0
"""How long a silent engine is waited for; it may come to itself and find the command."""
DISK_S: Final = 2.0


FAILURES: Final = (OSError, http.client.HTTPException, msgspec.DecodeError, TriplaneError)
"""What may go wrong between here and the router."""


class KillStep(View, frozen=True, kw_only=True):
    """What one part did."""

    name: str
    done: bool
    text: str


class KillReport(View, frozen=True, kw_only=True):
    """What was done, and what was not."""

    accepted: bool = True
    message: str
    steps: list[KillStep]


class RouterAddress(msgspec.Struct, frozen=True):
    """Where the router's service is, and its token."""

    url: str
    token: str


class KillPath:
    """Throws the kill switch.

    Parameters
    ----------
    link
        To the engine.
    data_dir
        Where the file of the kill switch lies.
    router
        None when there is none.
    """

    def __init__(self, link: EngineLink, data_dir: Path, router: RouterAddress | None = None) -> None:
        self._link, self._file, self._router = link, KillSwitch(data_dir), router
        self._asking: set[asyncio.Future[Answer]] = set()

    async def kill(self, reason: str, *, flatten: bool, time_ms: int) -> KillReport:
        """Stop all entries, and maybe close all positions; answers 503 when no part could be reached."""
        steps: list[KillStep] = []
        router = asyncio.ensure_future(_tell(self._router, reason, flatten)) if self._router is not None else None
        if router is not None:
            await asyncio.wait({router}, timeout=AHEAD_S)
        within = WITHIN if self._link.watch.well else SILENT_S
        asking = asyncio.ensure_future(self._link.ask("halt", None, WITHIN + RESTART_S, reason=reason, flatten=flatten))
        self._asking.add(asking)  # it goes on when nobody waits any more: a restarted engine is asked too
        asking.add_done_callback(self._asked)
        await asyncio.wait({asking}, timeout=within)
        engine = self._told(asking)
        if router is not None:
            steps.append(await router)
        steps.append(engine)
        if not engine.done:
            steps += await self._without_engine(reason, flatten, time_ms, asking)
        report = KillReport(message=" ".join(step.text for step in steps), steps=steps)
        log.warning("kill switch", reason=reason, flatten=flatten, steps=[(step.name, step.done) for step in steps])
        if not any(step.done for step in steps if step.name != "restart"):
            raise ApiError(503, report.message)
        return report

    async def release(self) -> str:
        """A person has resumed, so the router may take entries again; a sentence, empty when there is none."""
        if self._router is None:
            return ""
        try:
            await asyncio.to_thread(_post, self._router, {"active": False, "reason": "resumed"})
        except FAILURES as error:
            return f"But the router still refuses entries: {error}."
        return "The router takes entries again."

    async def _without_engine(
        self, reason: str, flatten: bool, time_ms: int, asking: "asyncio.Future[Answer]"
    ) -> list[KillStep]:
        """Leave word for the next engine, and have it started; where no word can be left, wait until it is told."""
        steps = [await self._write(reason, flatten, time_ms), await self._restart()]
        if not steps[0].done and steps[1].done:
            await asyncio.wait({asking})
            steps.append(self._told(asking))
        return steps

    def _asked(self, asking: "asyncio.Future[Answer]") -> None:
        self._asking.discard(asking)
        if not asking.cancelled() and asking.exception() is not None:
            log.warning("the engine was not told of the kill switch", error=str(asking.exception()))

    def _told(self, asking: "asyncio.Future[Answer]") -> KillStep:
        """What has become of the command so far."""
        if not asking.done() or asking.exception() is not None:
            text = self._link.watch.state().text or "The engine has not answered yet."
            return KillStep(name="engine", done=False, text=text)
        answer = asking.result()
        return KillStep(name="engine", done=answer.code == "ok", text=answer.message)

    async def _write(self, reason: str, flatten: bool, time_ms: int) -> KillStep:
        """Leave word for the next start of an engine."""
        writing = asyncio.to_thread(self._file.set, reason, flatten=flatten, time_ms=time_ms)
        try:
            await asyncio.wait_for(writing, DISK_S)
        except TimeoutError:
            return KillStep(name="file", done=False, text="The disk does not answer, so the kill switch is not on it.")
        except TriplaneError as error:
            return KillStep(name="file", done=False, text=str(error))
        text = "The kill switch is on the disk: an engine that starts halts before anything else."
        return KillStep(name="file", done=True, text=text)

    async def _restart(self) -> KillStep:
        done = await self._link.restart()
        text = "The engine is being restarted." if done else "Nobody here can restart the engine: do it by hand."
        return KillStep(name="restart", done=done, text=text)


async def _tell(router: RouterAddress, reason: str, flatten: bool) -> KillStep:
    """Have the router cancel entries, and maybe close positions."""
    try:
        found = await asyncio.to_thread(_post, router, {"reason": reason[:200], "flatten": flatten})
    except FAILURES as error:
        return KillStep(name="router", done=False, text=f"The router could not do it: {error}.")
    parts = [f"cancelled {len(found.get('cancelled', []))} orders"]
    if flatten:
        parts.append(f"is closing {len(found.get('closing', []))} positions")
    problems = "".join(f" But {problem}." for problem in found.get("problems", []))
    return KillStep(name="router", done=True, text=f"The router refuses entries, {' and '.join(parts)}.{problems}")


def _post(router: RouterAddress, body: dict[str, Any]) -> dict[str, Any]:
    """Ask the router; the standard library's client, for nothing else here speaks HTTP to others."""
    address = urlsplit(router.url)
    kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
    connection = kind(address.hostname or "", address.port, timeout=ROUTER_S)
    try:
        headers = {"Authorization": f"Bearer {router.token}", "Content-Type": "application/json"}
        connection.request("POST", address.path.rstrip("/") + "/api/v1/kill-switch", ENCODER.encode(body), headers)
        answer = connection.getresponse()
        found = msgspec.json.decode(answer.read())
    finally:
        connection.close()
    if answer.status != 200 or not isinstance(found, dict):
        raise TriplaneError(str(found.get("message", answer.status)).rstrip("."))
    return found

"""The process of the subscribers: alerts and a user's own processors, apart from everything that trades.

It reads the stream of facts like any other reader, so nothing here can hold up the engine, and it lives on when the
engine is dead, for that is when it is needed.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import structlog

from triplane.alerts.config import AlertTarget
from triplane.alerts.memory import OLD_MS, Memory, wall_ms
from triplane.alerts.service import Alerts, open_sender
from triplane.alerts.target import Target
from triplane.errors import TriplaneError
from triplane.flow.bus import EventBus
from triplane.flow.client import FlowClient
from triplane.flow.processors import Processors, load
from triplane.model.facts import Fact, Session
from triplane.model.live import Forming, Health
from triplane.venues.keys import protect_logs

log = structlog.get_logger(__name__)


class News:
    """Publishes what is new; the past of a session that is read again from its beginning is not."""

    def __init__(self, bus: EventBus) -> None:
        self._bus = bus
        self._past: set[str] = set()

    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Facts of one session, in order."""
        first = facts[0]
        if isinstance(first, Session) and wall_ms() - first.started_at > OLD_MS:
            self._past.add(first.session_id)
        if first.session_id not in self._past:
            for fact in facts:
                self._bus.publish(fact)

    def on_message(self, message: Health | Forming) -> None:
        """Health tells that a session has come to its present: what came before it is its past."""
        if isinstance(message, Health):
            self._past -= {session.session_id for session in message.sessions if session.status != "loading"}
        self._bus.publish(message)


def open_targets(settings: Sequence[AlertTarget]) -> list[Target]:
    """The targets that can be used; the others are logged and left out."""
    found = []
    for one in settings:
        try:
            sender = open_sender(one)
        except TriplaneError as error:
            log.error("an alert target is left out", error=str(error))  # noqa: TRY400 - told in one sentence
        else:
            found.append(Target(one, sender, one.called()))
    return found


async def serve(config: Mapping[str, Any]) -> None:
    """Run until SIGTERM or SIGINT.

    Parameters
    ----------
    config
        ``secret`` and ``engine_port`` of the engine, ``data_dir``, ``alerts`` as :meth:`AlertTarget.plain` gives them,
        and ``processors``, names or files.
    """
    protect_logs()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    data_dir = Path(config["data_dir"])
    memory = Memory.load(data_dir, wall_ms())
    bus = EventBus()
    settings = [AlertTarget.model_validate(one) for one in config.get("alerts", [])]
    alerts = Alerts(open_targets(settings), memory, data_dir)
    group = Processors(bus).add(alerts, *load(config.get("processors", [])))
    client = FlowClient(int(config["engine_port"]), config["secret"], data_dir / "sessions", News(bus), memory.have)
    memory.have = client.have
    await bus.start()
    await group.start()
    reading = asyncio.create_task(client.run())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if reading.done():
            reading.result()  # it never ends but by an error, which is for whoever started this process
    finally:
        alerts.orderly = stop.is_set()
        for task in (reading, stopping):
            task.cancel()
        await bus.stop()
        await group.stop()


def main() -> None:
    """Entry point of the process: its settings are one line of JSON on standard input."""
    config = json.loads(sys.stdin.readline())
    asyncio.new_event_loop().run_until_complete(serve(config))
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)  # a request or a look-up that hangs in a thread holds nothing up


if __name__ == "__main__":
    main()

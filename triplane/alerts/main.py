"""The process of the subscribers: alerts and a user's own processors, apart from everything that trades.

It reads the stream of facts like any other reader, so nothing here can hold up the engine, and it lives on when the
engine is dead, for that is when it is needed.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import structlog

from triplane.alerts.config import AlertTarget
from triplane.alerts.memory import OLD_MS, Memory, wall_ms
from triplane.alerts.service import Alerts, open_sender
from triplane.alerts.target import Target
from triplane.errors import TriplaneError
from triplane.flow import child
from triplane.flow.bus import EventBus
from triplane.flow.client import FlowClient
from triplane.flow.lifetime import stop_signal, work_until
from triplane.flow.processors import Processors, load
from triplane.model.facts import Fact, Session
from triplane.model.live import Forming, Health

log = structlog.get_logger(__name__)

DRAIN_S: Final = 3.0
"""Seconds that handlers have to take what waits when all ends; the supervisor has little patience."""


class News:
    """Publishes what is new: each fact once, also when a session is read again from its beginning.

    Parameters
    ----------
    bus
        Where it is published.
    have
        Number of the newest fact of each session that was published or is history; kept here.
    """

    def __init__(self, bus: EventBus, have: dict[str, int]) -> None:
        self._bus, self._have = bus, have
        self._past: set[str] = set()

    def on_facts(self, facts: Sequence[Fact]) -> None:
        """Facts of one session, in order."""
        first = facts[0]
        known = self._have.get(first.session_id, 0)
        if not known and isinstance(first, Session) and wall_ms() - first.started_at > OLD_MS:
            self._past.add(first.session_id)
        self._have[first.session_id] = max(known, facts[-1].seq)
        if first.session_id not in self._past:
            for fact in facts:
                if fact.seq > known:
                    self._bus.publish(fact)

    def on_message(self, message: Health | Forming) -> None:
        """Health tells that a session has come to its present: what came before it is its past."""
        if isinstance(message, Health):
            for session in message.sessions:
                if session.status != "loading":
                    self._past.discard(session.session_id)
                    if session.seq < self._have.get(session.session_id, 0):  # the end of its journal was lost
                        self._have[session.session_id] = session.seq
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


async def serve_child(told: Mapping[str, Any]) -> None:
    """Run as a process of ``triplane up``, until its supervisor is gone."""
    await work_until(child.parent_gone(), serve(told), child.beat())


async def serve(config: Mapping[str, Any]) -> None:
    """Run until cancelled, SIGTERM or SIGINT.

    Parameters
    ----------
    config
        ``secret`` and ``engine_port`` of the engine, ``data_dir``, ``alerts`` as :meth:`AlertTarget.plain` gives them,
        and ``processors``, names or files.
    """
    data_dir = Path(config["data_dir"])
    memory = Memory.load(data_dir, wall_ms())
    bus = EventBus()
    settings = [AlertTarget.model_validate(one) for one in config.get("alerts", [])]
    alerts = Alerts(open_targets(settings), memory, data_dir)
    group = Processors(bus).add(alerts, *load(config.get("processors", [])))
    news = News(bus, memory.have)
    client = FlowClient(int(config["engine_port"]), config["secret"], data_dir / "sessions", news, memory.have)
    await bus.start()
    await group.start()
    try:
        await work_until(stop_signal().wait(), client.run())
    except Exception:  # for whoever started this process
        alerts.orderly = False
        raise
    finally:
        await bus.stop(DRAIN_S)
        await group.stop()

"""The page's way to the engine: commands, and what is known of it when it does not answer.

An engine that is frozen or dead is said to be so, with since when. What a person must be able to do all the same,
closing a position and resuming, is asked for again after the engine was restarted.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated, Any, Final, Protocol

from msgspec import Meta

from triplane.api.errors import ApiError
from triplane.api.replica.registry import Replicas
from triplane.api.replica.views import View
from triplane.api.replica.watch import SILENT_S, EngineWatch
from triplane.flow.client import FlowClient, NoAnswer
from triplane.model import facts
from triplane.model.live import Answer

WITHIN: Final = 5.0
FROZEN_S: Final = 0.5
"""How long an engine that is silent already is waited for before it is restarted."""
RESTART_S: Final = 15.0
AGAIN_S: Final = 10.0
"""Seconds between two restarts that are asked for."""
STATUS: Final = {"not_found": 404, "invalid": 422, "conflict": 409}


class Accepted(View, frozen=True, kw_only=True):
    """A command was journaled and carried out."""

    accepted: bool = True
    message: str


class Executed(Accepted, frozen=True, kw_only=True):
    """What became of a signal that was executed: it may have been refused by the risk checks."""

    signal: facts.Signal
    order: Annotated[facts.Order | None, Meta(description="The entry order; null when the signal was refused.")]


class Supervisor(Protocol):
    """Who keeps the engine running."""

    async def restart_engine(self) -> None:
        """End the engine, however it is, and start it again; returns when this is under way."""
        ...


class EngineLink:
    """Commands for the engine.

    Parameters
    ----------
    client
        The connection.
    watch
        How the engine is, as heard here.
    sessions
        Where the facts that a command led to are waited for.
    supervisor
        Restarts an engine that is silent; None when nobody does.
    clock
        Seconds.
    """

    def __init__(
        self,
        client: FlowClient,
        watch: EngineWatch,
        sessions: Replicas,
        supervisor: Supervisor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.watch = watch
        self._client, self._sessions, self._supervisor, self._clock = client, sessions, supervisor, clock
        self._asked: float | None = None

    async def restart(self) -> bool:
        """Have the engine restarted; False when nobody can do it."""
        if self._supervisor is None:
            return False
        now = self._clock()
        if self._asked is None or now - self._asked >= AGAIN_S:
            self._asked = now
            await self._supervisor.restart_engine()
        return True

    async def ask(self, kind: str, session_id: str | None = None, within: float = WITHIN, **fields: Any) -> Answer:
        """Give a command, and wait until what it did is known here too; an answer may be a refusal.

        Raises
        ------
        NoAnswer
            There was none within ``within`` seconds.
        """
        return await self._known(await self._client.command(kind, session_id, within, **fields), session_id)

    async def command(self, kind: str, session_id: str | None = None, within: float = WITHIN, **fields: Any) -> Answer:
        """Give a command; answers 404, 409, 422 or 503 when it was not carried out."""
        try:
            return self._checked(await self.ask(kind, session_id, within, **fields))
        except NoAnswer as error:
            raise ApiError(503, f"{error} {self.watch.state().text}".rstrip()) from None

    async def insist(self, kind: str, session_id: str, **fields: Any) -> Answer:
        """Give a command that must be possible with a silent engine too: then it is restarted, and asked once more."""
        asking = asyncio.ensure_future(self.ask(kind, session_id, WITHIN + RESTART_S, **fields))
        silent = not self.watch.well
        if not (await asyncio.wait({asking}, timeout=FROZEN_S if silent else SILENT_S))[0]:
            silent = silent or not self.watch.well
            restarted = silent and await self.restart()
        else:
            restarted = False
        try:
            return self._checked(await asking)
        except NoAnswer:
            done = f"It was restarted, and has not answered within {RESTART_S:.0f} seconds." if restarted else ""
            text = "Whether this was carried out is not known: the engine did not answer."
            raise ApiError(503, " ".join(f"{text} {done} {self.watch.state().text}".split())) from None

    async def _known(self, answer: Answer, session_id: str | None) -> Answer:
        """Wait for the facts that a command led to, so that who reads next sees them."""
        seq = answer.data.get("seq")
        if session_id is not None and isinstance(seq, int):
            await self._sessions.reach(session_id, seq, 1.0)
        return answer

    @staticmethod
    def _checked(answer: Answer) -> Answer:
        if answer.code == "ok":
            return answer
        raise ApiError(STATUS.get(answer.code, 503), answer.message)


def accepted(answer: Answer) -> Accepted:
    """An answer as the API gives it."""
    return Accepted(message=answer.message)

"""What every route works with, and the few questions that many of them ask."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Query
from starlette.requests import HTTPConnection

from triplane.api.auth import Access
from triplane.api.engine_link import EngineLink
from triplane.api.facts_file import FactFiles
from triplane.api.health import Monitor
from triplane.api.kill import KillPath
from triplane.api.messages import MessageLog
from triplane.api.replica.registry import Replicas
from triplane.api.routing import PROBLEM
from triplane.api.storing import Storing
from triplane.store import Store
from triplane.store.store import MAX_LIMIT

if TYPE_CHECKING:
    from triplane.api.stream import Clients


@dataclass(frozen=True, slots=True)
class Context:
    """The sessions as they are known here, the way to the engine, the store, and who may see them.

    Attributes
    ----------
    sessions, messages, clients
        The sessions, what is told of them, and who listens.
    link, kill
        The ways to the engine.
    storing, facts
        The database that the history is read from, and the files of facts.
    monitor, access
        How it goes, and who may use the API.
    """

    sessions: Replicas
    messages: MessageLog
    clients: "Clients"
    link: EngineLink
    kill: KillPath
    storing: Storing
    facts: FactFiles
    monitor: Monitor
    access: Access

    @property
    def store(self) -> Store:
        """The database; while it cannot be used the answer is 503."""
        return self.storing.store


def find(connection: HTTPConnection) -> Context:
    """Give the application's context."""
    context: Context = connection.app.state.context
    return context


def signed_in(connection: HTTPConnection) -> None:
    """Refuse who does not hold the token."""
    find(connection).access.require(connection)


Here = Annotated[Context, Depends(find)]
Symbol = Annotated[
    str | None,
    Query(
        max_length=100, description="Only of this symbol; of a portfolio also of a row, BTCUSDT:sleeve.",
        examples=["BTCUSDT"],
    ),
]  # fmt: skip
SessionId = Annotated[
    str | None, Query(max_length=100, description="Of this session; by default the one that is shown.")
]
OfSession = Annotated[str | None, Query(max_length=100, description="Only of this session.")]
PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="Number of the page, from 1.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Length of the page.")]
From = Annotated[int | None, Query(alias="from", ge=0, description="Not before this time, ms.")]
To = Annotated[int | None, Query(ge=0, description="Before this time, ms.")]

_WHEN = {
    400: "The body is not JSON.",
    401: "The token is missing or wrong.",
    403: "The host or the origin is not allowed.",
    404: "There is no such thing.",
    409: "It is not possible in the present state.",
    422: "A field is not allowed to have this value.",
    429: "Too many wrong tokens.",
    503: "The engine or the database cannot answer now.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, object]]:
    """Describe the errors of a route for OpenAPI."""
    return {status: {"description": _WHEN[status], "content": PROBLEM} for status in statuses}


COMMON = problems(401, 403, 422, 503)
"""The errors that any protected route may answer."""

COMMAND = problems(400, 404, 409)
"""Those of a route that gives a command."""

"""What every route works with, and the few questions that many of them ask."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query
from starlette.requests import HTTPConnection

from triplane.api.auth import Access
from triplane.api.errors import ApiError
from triplane.api.ports import EngineView, Payload
from triplane.api.schemas.base import Problem
from triplane.store import Store
from triplane.store.store import MAX_LIMIT


@dataclass(frozen=True, slots=True)
class Context:
    """The engine's replica, the store, and who may see them."""

    engine: EngineView
    store: Store
    access: Access
    version: str

    def symbol(self, symbol: str | None) -> str:
        """Give ``symbol`` when the session trades it, the first one when it is None, else answer 404."""
        symbols: list[str] = self.engine.status()["symbols"]
        if symbol is None:
            return symbols[0]
        if symbol not in symbols:
            raise ApiError(404, f"The symbol {symbol!r} is not traded here; the session has {', '.join(symbols)}.")
        return symbol

    def session(self, session_id: str) -> Payload:
        """Give the status of the running session when it has this id, else answer 404."""
        status = self.engine.status()
        if status["session_id"] != session_id:
            raise ApiError(
                404, f"The session {session_id!r} is not running; the one that runs is {status['session_id']}."
            )
        return status


def find(connection: HTTPConnection) -> Context:
    """Give the application's context."""
    context: Context = connection.app.state.context
    return context


def signed_in(connection: HTTPConnection) -> None:
    """Refuse who does not hold the token."""
    find(connection).access.require(connection)


Here = Annotated[Context, Depends(find)]
Symbol = Annotated[str | None, Query(max_length=40, description="Only of this symbol.", examples=["BTCUSDT"])]
SessionId = Annotated[str | None, Query(max_length=100, description="Only of this session.")]
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


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the errors of a route for OpenAPI."""
    return {status: {"model": Problem, "description": _WHEN[status]} for status in statuses}


COMMON = problems(401, 403, 422, 503)
"""The errors that any protected route may answer."""

COMMAND = problems(400, 404, 409)
"""Those of a route that gives a command."""

"""Puts the application together: routes, the guard around them, the WebSockets, the page, and what describes it all."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import Response

from triplane.api import errors, stream
from triplane.api.auth import COOKIE, SAFE_METHODS, Access, Guard
from triplane.api.bodies import Login
from triplane.api.context import COMMON, Context, Here, problems, signed_in
from triplane.api.engine_link import EngineLink
from triplane.api.facts_file import FactFiles
from triplane.api.health import Monitor
from triplane.api.kill import KillPath
from triplane.api.messages import MessageLog
from triplane.api.pages import API_GROUPS, STATIC, docs, page_router
from triplane.api.replica.registry import Replicas
from triplane.api.replica.views import SocketData, View
from triplane.api.routes import facts, market, sessions, settings, signals, system, trades
from triplane.api.routing import StructRoute, answer_with, describe
from triplane.api.storing import Storing
from triplane.version import __version__

DESCRIPTION = """Everything that Triplane's page shows and does.

Times are milliseconds since 1970, UTC. Prices, quantities and amounts of orders, positions and balances are exact
decimals in text; market data and signals are numbers. Every error is `{"code", "message"}`. Several sessions may run:
`session` names one, and without it the newest that runs is meant.

Sign in with the token that is printed at the start: as `Authorization: Bearer …`, or as a cookie by opening
`/?token=…`.

Live events: `/stream/{symbol}` for one symbol, `/ws` for topics and symbols; after connecting to `/ws` send
`{"op": "subscribe", "topics": [], "symbols": [], "session": null, "last_event_id": null}`. A message is
`{"id", "type", "session_id", "symbol", "timestamp", "data"}`, its data by type those of the schema `SocketData`; the
topic `facts` is sent only when it is named. Connect again with the last id and nothing is missed, unless a `resync`
says to read again over REST. `/events` gives every fact of a session, by number, for ever."""

OPEN = frozenset({"/healthz", "/readyz", "/api/login", "/api/logout"})


class SignedIn(View, frozen=True, kw_only=True):
    """Whether the browser now holds the token."""

    signed_in: bool


def create_app(
    sessions_: Replicas,
    messages: MessageLog,
    link: EngineLink,
    storing: Storing,
    data_dir: Path,
    token: str,
    static: Path | None = None,
    *,
    kill: KillPath | None = None,
    monitor: Monitor | None = None,
    port: int = 8000,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
    heartbeat_s: float = 15.0,
    patience_s: float = 10.0,
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    sessions_, messages
        The sessions as they are known here, and what is told of them.
    link
        To the engine.
    storing
        The database that the history is read from.
    data_dir
        Where sessions and the kill switch are kept.
    token
        What a caller must hold, see :func:`triplane.api.auth.load_token`.
    static
        Folder of the built page; None for the one inside the package.
    kill, monitor
        How the kill switch is thrown, and how it goes; None for plain ones.
    port, hosts, origins
        Where it listens, and under which further ``name:port`` and from which further origins it may be called.
    heartbeat_s, patience_s
        See :class:`triplane.api.stream.Clients`.
    """
    access = Access(token, port, hosts, origins)
    clients = stream.Clients(messages, heartbeat_s, patience_s)
    monitor = monitor or Monitor(link.watch, sessions_, messages, storing)
    monitor.sockets = clients.__len__
    app = FastAPI(
        title="Triplane", version=__version__, description=DESCRIPTION, openapi_url=None, docs_url=None, redoc_url=None
    )
    app.state.context = Context(
        sessions=sessions_,
        messages=messages,
        clients=clients,
        link=link,
        kill=kill or KillPath(link, data_dir),
        storing=storing,
        facts=FactFiles(data_dir / "sessions"),
        monitor=monitor,
        access=access,
        version=__version__,
    )
    errors.install(app)
    app.add_middleware(Guard, access=access, public=_public)
    add_routes(app)
    app.include_router(page_router(static or STATIC))
    return app


def add_routes(app: FastAPI) -> None:
    """Add all that the description tells of."""
    modules = (system, market, trades, signals, settings, sessions, facts)
    for group in [*(module.router for module in modules), trades.desk]:
        app.include_router(group, dependencies=[Depends(signed_in)], responses=COMMON)
    app.include_router(system.public)
    app.include_router(_login())
    app.include_router(docs, dependencies=[Depends(signed_in)])
    app.add_api_websocket_route("/ws", stream.workspace)
    app.add_api_websocket_route("/stream/{symbol}", stream.stream)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]


def _public(method: str, path: str) -> bool:
    """Tell what is answered without the token: health, signing in, and the page, which shows nothing before that."""
    if path in OPEN:
        return True
    group = path[1:].partition("/")[0]
    return method in SAFE_METHODS and group not in API_GROUPS and group not in ("docs", "openapi.json")


def _login() -> APIRouter:
    router = APIRouter(prefix="/api", tags=["ops"], route_class=StructRoute)

    @router.post("/login", responses=problems(400, 401, 403, 422, 429))
    async def login(here: Here, body: Login) -> Annotated[Response, SignedIn]:
        """Exchange the token for a cookie."""
        here.access.sign_in(body.token)
        response = answer_with(SignedIn(signed_in=True))
        here.access.set_cookie(response, body.token)
        return response

    @router.post("/logout", responses=problems(403))
    async def logout() -> Annotated[Response, SignedIn]:
        """Forget the cookie."""
        response = answer_with(SignedIn(signed_in=False))
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return router


def _describe(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document once."""
    if app.openapi_schema is None:
        made = describe(app, [SocketData])
        made["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        }
        made["security"] = [{"bearer": []}, {"cookie": []}]
        for path in OPEN:
            for operation in made["paths"][path].values():
                operation["security"] = []
        app.openapi_schema = made
    return app.openapi_schema

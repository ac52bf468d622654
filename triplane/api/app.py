"""Puts the application together: routes, the guard around them, the WebSockets, the page, and what describes it all."""

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.responses import Response

from triplane.api import errors, stream
from triplane.api.auth import COOKIE, SAFE_METHODS, Guard
from triplane.api.bodies import Login
from triplane.api.context import COMMON, Context, Here, problems, signed_in
from triplane.api.pages import API_GROUPS, STATIC, docs, page_router
from triplane.api.replica.views import SocketData, View
from triplane.api.routes import facts, market, sessions, settings, signals, system, trades
from triplane.api.routing import StructRoute, answer_with, describe
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


def create_app(context: Context, static: Path = STATIC) -> FastAPI:
    """Make the application that works with what is in ``context``; ``static`` is the folder of the built page."""
    app = described_app()
    app.state.context = context
    errors.install(app)
    app.add_middleware(Guard, access=context.access, public=_public)
    app.include_router(page_router(static))
    return app


def described_app() -> FastAPI:
    """An application with all that the description tells of, and nothing that it works with."""
    app = FastAPI(
        title="Triplane", version=__version__, description=DESCRIPTION, openapi_url=None, docs_url=None, redoc_url=None
    )
    modules = (system, market, trades, signals, settings, sessions, facts)
    for group in [*(module.router for module in modules), trades.desk]:
        app.include_router(group, dependencies=[Depends(signed_in)], responses=COMMON)
    app.include_router(system.public)
    app.include_router(_login())
    app.include_router(docs, dependencies=[Depends(signed_in)])
    app.add_api_websocket_route("/ws", stream.workspace)
    app.add_api_websocket_route("/stream/{symbol}", stream.stream)
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


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

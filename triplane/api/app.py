"""Puts the application together: routes, the guard around them, the WebSockets, the page, and what describes it all."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import JSONResponse

from triplane.api import errors, stream
from triplane.api.auth import COOKIE, SAFE_METHODS, Access, Guard
from triplane.api.context import COMMON, Context, Here, problems, signed_in
from triplane.api.pages import API_GROUPS, STATIC, docs, page_router
from triplane.api.ports import EngineView
from triplane.api.routes import market, sessions, settings, signals, system, trades
from triplane.api.schemas.base import Login, SignedIn
from triplane.store import Store
from triplane.version import __version__

DESCRIPTION = """Everything that Triplane's page shows and does.

Times are milliseconds since 1970, UTC. Prices, quantities and amounts of orders, positions and balances are exact
decimals in text; market data and signals are numbers. Every error is `{"code", "message"}`.

Sign in with the token that is printed at the start: as `Authorization: Bearer …`, or as a cookie by opening
`/?token=…`.

Live events: `/stream/{symbol}` for one symbol, `/ws` for topics and symbols; after connecting to `/ws` send
`{"op": "subscribe", "topics": [], "symbols": [], "last_event_id": null}`. A message has the id of its event; connect
again with the last one and nothing is missed, unless a `resync` says to read again over REST."""

OPEN = frozenset({"/healthz", "/readyz", "/api/login", "/api/logout"})


def create_app(
    engine: EngineView,
    store: Store,
    token: str,
    static: Path | None = None,
    *,
    port: int = 8000,
    hosts: Iterable[str] = (),
    origins: Iterable[str] = (),
    heartbeat_s: float = 15.0,
    patience_s: float = 10.0,
) -> FastAPI:
    """Make the application.

    Parameters
    ----------
    engine
        The running engine's replica and commands.
    store
        The database that the history is read from.
    token
        What a caller must hold, see :func:`triplane.api.auth.load_token`.
    static
        Folder of the built page; None for the one inside the package.
    port, hosts, origins
        Where it listens, and under which further ``name:port`` and from which further origins it may be called.
    heartbeat_s, patience_s
        See :class:`triplane.api.stream.Clients`.
    """
    version = __version__
    access = Access(token, port, hosts, origins)
    app = FastAPI(
        title="Triplane", version=version, description=DESCRIPTION, openapi_url=None, docs_url=None, redoc_url=None
    )
    app.state.context = Context(engine, store, access, version)
    app.state.clients = stream.Clients(heartbeat_s, patience_s)
    errors.install(app)
    app.add_middleware(Guard, access=access, public=_public)
    groups = (
        system.router,
        market.router,
        trades.router,
        signals.router,
        settings.router,
        sessions.router,
        trades.desk,
    )
    for group in groups:
        app.include_router(group, dependencies=[Depends(signed_in)], responses=COMMON)
    app.include_router(system.public)
    app.include_router(_login())
    app.include_router(docs, dependencies=[Depends(signed_in)])
    app.add_api_websocket_route("/ws", stream.workspace)
    app.add_api_websocket_route("/stream/{symbol}", stream.stream)
    app.include_router(page_router(static or STATIC))
    app.openapi = lambda: _describe(app)  # type: ignore[method-assign]
    return app


def _public(method: str, path: str) -> bool:
    """Tell what is answered without the token: health, signing in, and the page, which shows nothing before that."""
    if path in OPEN:
        return True
    group = path[1:].partition("/")[0]
    return method in SAFE_METHODS and group not in API_GROUPS and group not in ("docs", "openapi.json")


def _login() -> APIRouter:
    router = APIRouter(prefix="/api", tags=["ops"])

    @router.post("/login", response_model=SignedIn, responses=problems(400, 401, 403, 422, 429))
    async def login(here: Here, body: Login) -> JSONResponse:
        """Exchange the token for a cookie."""
        here.access.sign_in(body.token)
        response = JSONResponse({"signed_in": True})
        here.access.set_cookie(response, body.token)
        return response

    @router.post("/logout", response_model=SignedIn, responses=problems(403))
    async def logout() -> JSONResponse:
        """Forget the cookie."""
        response = JSONResponse({"signed_in": False})
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return response

    return router


def _describe(app: FastAPI) -> dict[str, Any]:
    """Make the OpenAPI document once, with an example for every body that has one on its model."""
    if app.openapi_schema is None:
        made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
        models = made["components"]["schemas"]
        made["components"]["securitySchemes"] = {
            "bearer": {"type": "http", "scheme": "bearer"},
            "cookie": {"type": "apiKey", "in": "cookie", "name": COOKIE},
        }
        made["security"] = [{"bearer": []}, {"cookie": []}]
        for path, methods in made["paths"].items():
            for operation in methods.values():
                if path in OPEN:
                    operation["security"] = []
                for part in [*operation["responses"].values(), operation.get("requestBody", {})]:
                    _add_example(part.get("content", {}).get("application/json"), models)
        app.openapi_schema = made
    return app.openapi_schema


def _add_example(content: dict[str, Any] | None, models: dict[str, Any]) -> None:
    if content is None or "example" in content:
        return
    choices = [content["schema"], *content["schema"].get("anyOf", [])]
    for choice in choices:
        model = models.get(choice.get("$ref", "").rpartition("/")[2], {})
        if "example" in model:
            content["example"] = model["example"]

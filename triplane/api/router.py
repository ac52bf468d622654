"""The router as a service: the same promises as :class:`triplane.execution.router.Router`, over HTTP.

A placed order answers 200, and the same under the same id for ever; 409 is another order under a known id, 400 what
the venue's rules, the bounds or the venue itself do not allow. **504** means that what became of the request is not
known: it may have been carried out. Asking for the order tells later, and placing it again is always safe. Any other
error says that nothing was carried out.

``/api/v1/events`` sends the venue's private stream, one JSON object a message, to every client. The first message says
whether that stream is up; from then on a client gets everything, or is cut off when it does not read.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final, TypeVar

import orjson
import structlog
from fastapi import APIRouter, Depends, FastAPI, Query, Request, WebSocket
from fastapi.exceptions import RequestValidationError, WebSocketRequestValidationError
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from triplane.api import errors
from triplane.api.auth import Access, Guard
from triplane.api.errors import ApiError, answer
from triplane.api.routing import JSON, REFERENCE, StructRoute, describe
from triplane.api.schemas.router import Alive, KillBody, OrderBody, PrepareBody, RouterProblem
from triplane.data.instruments import Instrument
from triplane.errors import BadInput, TriplaneError
from triplane.execution.records import KillSwitchState
from triplane.execution.risk import Bounds
from triplane.execution.router import KillResult, Router
from triplane.execution.wire import (
    SIDES,
    Cancelled,
    KeysChecked,
    Prepared,
    VenueInfo,
    encode,
    encode_error,
    encode_event,
)
from triplane.venues.base import (
    ZERO,
    Execution,
    Funding,
    OrderReport,
    PositionReport,
    Snapshot,
    StreamState,
    StreamStatus,
    VenueEvent,
)
from triplane.venues.errors import Refused, VenueError, Why
from triplane.version import __version__

T = TypeVar("T")
log = structlog.get_logger("triplane.api.router")
BEHIND: Final = 10_000
"""Events that a client may be behind before it is cut off."""
MAX_CLIENTS: Final = 32
AGAIN: Final = 1.0
"""Seconds until a stream that failed is read again."""
BEGIN: Final = "The private stream of the venue has not been up yet."


class Hub:
    """Reads the private stream once and gives every event to every client."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self.clients: set[asyncio.Queue[str | None]] = set()
        self._state = StreamState(StreamStatus.DOWN, BEGIN, 0)

    async def run(self) -> None:
        """Read until the venue is closed."""
        while True:
            try:
                async for event in self.router.events():
                    self._tell(event)
            except Exception as error:
                log.exception("the private stream cannot be read")
                self._tell(StreamState(StreamStatus.DOWN, type(error).__name__, self.router.now_ms()))
                await asyncio.sleep(AGAIN)
            else:
                return

    def _tell(self, event: VenueEvent) -> None:
        if isinstance(event, StreamState):
            self._state = event
        text = encode_event(event)
        for queue in list(self.clients):
            if queue.qsize() < BEHIND:
                queue.put_nowait(text)
            else:  # better cut off, and told to look again, than left without one event
                self.clients.discard(queue)
                queue.put_nowait(None)

    def join(self) -> asyncio.Queue[str | None]:
        """A new client's events; None is the end."""
        queue: asyncio.Queue[str | None] = asyncio.Queue()
        state = StreamState(self._state.state, self._state.text, self.router.now_ms())
        queue.put_nowait(encode_event(state))
        self.clients.add(queue)
        return queue

    async def serve(self, socket: WebSocket) -> None:
        """One client, until it goes."""
        queue = self.join()  # before the client hears that it is connected, so that nothing after that is missed
        tasks: list[asyncio.Task[None]] = []
        try:
            await socket.accept()
            tasks += [asyncio.create_task(job) for job in (_until_gone(socket), _write(socket, queue))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.clients.discard(queue)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _until_gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _write(socket: WebSocket, queue: asyncio.Queue[str | None]) -> None:
    while (text := await queue.get()) is not None:
        await socket.send_text(text)
    await socket.close(1013, "too slow")


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What one entry may be worth at most, whatever whoever sends it believes; 0 switches a bound off.

    Parameters
    ----------
    notional
        Quote currency.
    share
        Fraction of the wallet.
    """

    notional: Decimal = ZERO
    share: Decimal = ZERO

    def of(self, wallet: Decimal | None) -> Decimal:
        """The bound for a wallet; 0 = none."""
        share = self.share * (wallet or ZERO)
        return min((bound for bound in (self.notional, share) if bound), default=ZERO)


class Service:
    """What the routes work with."""

    def __init__(self, router: Router, access: Access, ceiling: Ceiling) -> None:
        self.router, self.access, self.ceiling = router, access, ceiling
        self.hub = Hub(router)

    def bounds(self, body: OrderBody) -> Bounds:
        """What an order must respect."""
        return Bounds(self.ceiling.of(self.router.wallet), Decimal(body.reference or 0))

    def check(self, body: OrderBody) -> None:
        """Refuse an entry whose worth nobody can tell."""
        new = body.order()
        known = new.price or new.trigger or body.reference
        if self.router.reduces(new):
            return
        if self.ceiling.share and self.router.wallet is None:
            raise Refused("the venue has not said yet what the wallet holds: no entries until it has", why=Why.DOWN)
        most = self.ceiling.of(self.router.wallet)
        if most and not known:
            text = "referencePrice is missing; a market entry needs it, for at most {} may be ordered at once"
            raise Refused(text.format(most), why=Why.FILTER)

    def symbols(self, asked: str | None) -> list[str]:
        """Those asked for, or all that are traded."""
        return sorted(self.router.symbols) if asked is None else _split(asked)


def _split(names: str) -> list[str]:
    return [name for name in names.split(",") if name]


def _here(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _signed_in(request: Request) -> None:
    _here(request).access.require(request)


Here = Annotated[Service, Depends(_here)]
Symbols = Annotated[str | None, Query(max_length=2000, description="Separated by commas; none = all that are traded.")]
OneSymbol = Annotated[str, Query(max_length=40, description="Only needed for an order that was not placed here.")]
Conditional = Annotated[bool, Query(description="The same.")]
Since = Annotated[int, Query(ge=0, description="Not before this time, ms.")]
_WHEN: Final = {
    400: "The venue, its rules or the bounds do not allow it.",
    401: "The token is missing or wrong.",
    404: "The venue does not know the order.",
    409: "Another order is known under this id.",
    422: "The request is malformed.",
    429: "The venue's limits are used up; see Retry-After.",
    503: "Not sent: breaker open, kill switch on, or the venue cannot be reached.",
    504: "It is not known whether it was carried out.",
}


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    content = {JSON: {"schema": {"$ref": REFERENCE.format(name=RouterProblem.__name__)}}}
    return {status: {"description": _WHEN[status], "content": content} for status in statuses}


def _shown(answer: object) -> Response:
    return Response(encode(answer), media_type=JSON)


routes = APIRouter(prefix="/api/v1", route_class=StructRoute)


@routes.post("/order", tags=["orders"], responses=_problems(400, 409, 504))
async def place(request: Request, here: Here, body: OrderBody) -> Annotated[Response, OrderReport]:
    """Place an order; the same body under the same clientOrderId is answered the same, for ever, and sent once."""
    request.state.client_id = body.client_id
    if here.router.records.get(body.client_id) is None:
        here.check(body)
    return _shown(await _settled(here.router.submit(body.order(), here.bounds(body))))


@routes.get("/order/{client_id:path}", tags=["orders"], responses=_problems(404))
async def find(
    here: Here, client_id: str, symbol: OneSymbol = "", conditional: Conditional = False
) -> Annotated[Response, OrderReport]:
    """Ask the venue for the present state of an order."""
    symbol, conditional = _known(here, client_id, symbol, conditional)
    return _shown(await here.router.order(symbol, client_id, conditional=conditional))


@routes.delete("/order/{client_id:path}", tags=["orders"], responses=_problems(404, 504))
async def cancel(
    here: Here, client_id: str, symbol: OneSymbol = "", conditional: Conditional = False
) -> Annotated[Response, Cancelled]:
    """Take an order out; 404 when the venue has none open under this id."""
    symbol, conditional = _known(here, client_id, symbol, conditional)
    await _settled(here.router.cancel(symbol, client_id, conditional=conditional))
    return _shown(Cancelled(client_id, symbol))


def _known(here: Service, client_id: str, symbol: str, conditional: bool) -> tuple[str, bool]:
    """Symbol and kind of an order, as asked for or as it was placed here."""
    record = here.router.records.get(client_id)
    if symbol:
        return symbol, conditional
    if record is None:
        raise ApiError(404, f"No order {client_id[:40]!r} was placed here; say its symbol to ask the venue.")
    return record.order.symbol, record.order.type.conditional


async def _settled(request: Awaitable[T]) -> T:
    """What fails in a way that nobody foresaw leaves open whether it was carried out."""
    try:
        return await request
    except TriplaneError:
        raise
    except Exception as error:
        log.exception("an order request failed")
        raise ApiError(504, "What became of the order is not known; the log says more.", code="unknown") from error


@routes.get("/positions", tags=["account"])
async def positions(here: Here, symbols: Symbols = None) -> Annotated[Response, list[PositionReport]]:
    """Give the open positions."""
    return _shown((await here.router.snapshot(here.symbols(symbols))).positions)


@routes.get("/snapshot", tags=["account"])
async def snapshot(here: Here, symbols: Symbols = None) -> Annotated[Response, Snapshot]:
    """Give positions, working orders and balance of one moment; complete or not at all."""
    return _shown(await here.router.snapshot(here.symbols(symbols)))


@routes.get("/fills", tags=["account"])
async def fills(here: Here, symbol: str, since: Since = 0, order: str = "") -> Annotated[Response, list[Execution]]:
    """Give own executions, oldest first; maybe of one order, by the venue's id."""
    return _shown(await here.router.fills(symbol, since=since, venue_order_id=order))


@routes.get("/funding", tags=["account"])
async def funding(here: Here, symbol: str, since: Since = 0) -> Annotated[Response, list[Funding]]:
    """Give funding payments, oldest first."""
    return _shown(await here.router.funding(symbol, since=since))


@routes.get("/exchange-info", tags=["venue"])
async def instruments(
    here: Here, symbols: Annotated[str, Query(max_length=2000)]
) -> Annotated[Response, list[Instrument]]:
    """Give trading rules, in the order asked for."""
    return _shown(await here.router.instruments(_split(symbols)))


@routes.get("/exchange-info/{symbol}", tags=["venue"], responses=_problems(404))
async def instrument(here: Here, symbol: str) -> Annotated[Response, Instrument]:
    """Give the trading rules of one symbol."""
    try:
        (row,) = await here.router.instruments([symbol])
    except BadInput as error:
        raise ApiError(404, str(error)) from None
    return _shown(row)


@routes.get("/venue", tags=["venue"])
async def venue(here: Here) -> Annotated[Response, VenueInfo]:
    """Give the venue's name, its time (ms) and what it can do."""
    return _shown(VenueInfo(here.router.name, here.router.now_ms(), here.router.capabilities))


@routes.get("/keys", tags=["venue"])
async def check_keys(here: Here) -> Annotated[Response, KeysChecked]:
    """Tell whether the keys may trade, and may not withdraw; 422 says what is wrong with them."""
    await here.router.check_keys()
    return _shown(KeysChecked())


@routes.post("/prepare", tags=["venue"])
async def prepare(here: Here, body: PrepareBody) -> Annotated[Response, Prepared]:
    """Set position mode, margin mode and leverage; tells what stands in the way."""
    return _shown(Prepared(await here.router.prepare(body.symbols, body.leverage, resume=body.resume)))


@routes.get("/kill-switch", tags=["safety"])
async def switch(here: Here) -> Annotated[Response, KillSwitchState]:
    """Tell whether entries are refused."""
    return _shown(here.router.records.kill)


@routes.post("/kill-switch", tags=["safety"])
async def kill(here: Here, body: KillBody | None = None) -> Annotated[Response, KillResult]:
    """Refuse entries and cancel working ones, or take that back; with flatten, close all positions at market."""
    body = body or KillBody()
    if not body.active:
        return _shown(KillResult(here.router.revive()))
    return _shown(await here.router.kill(body.reason, flatten=body.flatten))


async def events(socket: WebSocket) -> None:
    """Serve ``/api/v1/events``."""
    service: Service = socket.app.state.service
    if not service.access.allows(socket):
        await socket.send_denial_response(answer(401, "The token is missing or wrong."))
        return
    if len(service.hub.clients) >= MAX_CLIENTS:
        await socket.send_denial_response(answer(503, f"There are {MAX_CLIENTS} connections already; close one."))
        return
    await service.hub.serve(socket)


ops = APIRouter(tags=["ops"], route_class=StructRoute)


@ops.get("/metrics", dependencies=[Depends(_signed_in)])
async def metrics(here: Here) -> Response:
    """Give everything that Prometheus wants to know."""
    return Response(here.router.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@ops.get("/healthz")
async def healthz() -> Alive:
    """Answer as long as the process lives."""
    return Alive(status="ok", version=__version__)


def _described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document; on the wire a side is a word."""
    if app.openapi_schema is None:
        app.openapi_schema = describe(app, [RouterProblem])
        for component in app.openapi_schema["components"]["schemas"].values():
            if "side" in component.get("properties", {}):
                component["properties"]["side"] = {"type": "string", "enum": list(SIDES)}
    return app.openapi_schema


def create_router_app(
    router: Router, token: str, *, port: int = 8001, ceiling: Ceiling | None = None, hosts: Iterable[str] = ()
) -> FastAPI:
    """Make the service of a router that is open.

    Parameters
    ----------
    token
        What a client must hold, see :func:`triplane.api.auth.load_token`.
    port, hosts
        Where it listens, and under which further ``name:port`` it may be called.
    ceiling
        Of one entry; None = no bound.
    """
    access = Access(token, port, hosts)
    service = Service(router, access, ceiling or Ceiling())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        reading = asyncio.create_task(service.hub.run())
        yield
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    said = __doc__ or ""
    app = FastAPI(
        title="Triplane router", version=__version__, description=said, lifespan=lifespan, docs_url=None, redoc_url=None
    )
    app.state.service = service
    _install(app)
    app.add_middleware(Guard, access=access, public=_public, refusal=_stranger)
    app.include_router(routes, dependencies=[Depends(_signed_in)], responses=_problems(401, 422, 429, 503))
    app.include_router(ops)
    app.add_api_websocket_route("/api/v1/events", events)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def _public(_method: str, path: str) -> bool:
    return path in ("/healthz", "/openapi.json")


def _stranger(error: ApiError) -> Response:
    body = {"code": error.code, "message": error.message, "clientOrderId": None}
    return JSONResponse(body, error.status, error.headers)


def _install(app: FastAPI) -> None:
    """Make every error ``{code, message, clientOrderId}``."""
    errors.install(app)

    async def refused(_: Request, error: Any) -> JSONResponse:
        status, body = encode_error(error)
        until = body.get("retryAt", 0) - app.state.service.router.now_ms()
        headers = {"Retry-After": str(max(1, -(-until // 1000)))} if body.get("retryAt") else {}
        return JSONResponse(body, status, headers)

    handlers: dict[Any, Callable[..., Any]] = {**app.exception_handlers, VenueError: refused, BadInput: refused}
    for kind, handler in handlers.items():
        if isinstance(kind, type) and kind is not WebSocketRequestValidationError:
            app.add_exception_handler(kind, _named(handler))


def _named(handler: Callable[..., Any]) -> Callable[..., Any]:
    """The same answer with the client id that it is about."""

    async def named(request: Request, error: Exception) -> Response:
        reply: Response = await handler(request, error)
        sent = error.body if isinstance(error, RequestValidationError) else None
        client_id = request.path_params.get("client_id") or getattr(request.state, "client_id", None)
        client_id = client_id or (sent.get("clientOrderId") if isinstance(sent, dict) else None)
        body = {**orjson.loads(reply.body), "clientOrderId": client_id if isinstance(client_id, str) else None}
        headers = {
            name: value for name, value in reply.headers.items() if name not in ("content-length", "content-type")
        }
        return JSONResponse(body, reply.status_code, headers)

    return named

"""Who may use the API: whoever holds the token that was made at the first start.

The page gets the token as a cookie that scripts cannot read; programs send it as ``Authorization: Bearer …``; a
WebSocket may also carry it in its address. Two more checks keep other web pages out of a browser that is signed in:
the ``Host`` must be this machine (a foreign name that resolves to 127.0.0.1 is refused), and an ``Origin``, where
there is one, must be this very server.

All of it is asked before anything of a request but its head has been read: who holds no token cannot make this server
read or parse a body.
"""

import hmac
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final

from fastapi.responses import Response
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from triplane.api.errors import ApiError, unexpected
from triplane.api.limits import BodyLimit, Gone, read_body
from triplane.errors import BadInput

COOKIE: Final = "triplane_token"
MONTH_S: Final = 30 * 24 * 3600
LOCAL_NAMES: Final = ("127.0.0.1", "localhost", "[::1]")
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
CONNECTION: Final = "triplane.connection"
"""Extension of the server: ``trust()`` says that a connection has shown the token, see ``triplane.api.connections``."""


class Limiter:
    """Allows ``limit`` failures in ``window_s`` seconds, whoever makes them."""

    def __init__(self, limit: int = 10, window_s: float = 60.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._times: deque[float] = deque(maxlen=limit)
        self._window = window_s
        self._clock = clock

    def wait_s(self) -> float:
        """Give how long nothing may be tried, seconds; 0 when it may."""
        if len(self._times) < (self._times.maxlen or 0):
            return 0.0
        return max(0.0, self._times[0] + self._window - self._clock())

    def failed(self) -> None:
        """Note a failure."""
        self._times.append(self._clock())


class Access:
    """The token, and the names under which this server may be called.

    Parameters
    ----------
    token
        What a caller must hold.
    port
        The port that the server listens on.
    hosts
        Further ``name:port`` under which it may be called, as behind a proxy.
    origins
        Further origins that may call it, as a development server of the page.
    """

    def __init__(
        self,
        token: str,
        port: int,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if not token:
            raise BadInput("The token is empty; it must have at least one character.")
        self._token = token.encode()
        local = [f"{name}:{port}" for name in LOCAL_NAMES] + (list(LOCAL_NAMES) if port == 80 else [])
        self.hosts = frozenset([*local, *hosts])
        self.origins = frozenset(
            [f"{scheme}://{host}" for host in self.hosts for scheme in ("http", "https")] + [*origins]
        )
        self.limiter = Limiter(clock=clock)

    def knows(self, token: str | None) -> bool:
        """Compare in constant time."""
        return token is not None and hmac.compare_digest(token.encode(), self._token)

    def allows(self, caller: HTTPConnection) -> bool:
        """Tell whether a request or a WebSocket holds the token."""
        scheme, _, bearer = caller.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self.knows(bearer.strip())
        if self.knows(caller.cookies.get(COOKIE)):
            return True
        return caller.scope["type"] == "websocket" and self.knows(caller.query_params.get("token"))

    def require(self, caller: HTTPConnection) -> None:
        """Refuse a caller without the token (401)."""
        if not self.allows(caller):
            raise ApiError(
                401,
                "Sign in first: open the address with ?token=… from the start, or send the token as Bearer.",
                headers={"WWW-Authenticate": "Bearer"},
            )

    def sign_in(self, token: str) -> None:
        """Check a token that was typed in: the right one always does; after too many wrong ones in a minute, 429."""
        if self.knows(token):
            return
        wait = self.limiter.wait_s()
        if wait > 0:
            raise ApiError(
                429,
                f"Too many wrong tokens; try again in {wait:.0f} seconds.",
                headers={"Retry-After": f"{wait:.0f}"},
            )
        self.limiter.failed()
        raise ApiError(401, "That is not the token; it is in the file named token in the data folder.")

    def set_cookie(self, response: Response, token: str) -> None:
        """Let the browser hold the token."""
        response.set_cookie(COOKIE, token, max_age=MONTH_S, httponly=True, samesite="strict", path="/")

    def refusal(self, method: str, headers: Headers) -> str | None:
        """Say why a request may not come from where it comes from, else None."""
        host = headers.get("host", "").lower()
        if host not in self.hosts:
            return f"The host {host[:80]!r} is not allowed; call {', '.join(sorted(self.hosts))}."
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self.origins:
            return f"The origin {origin[:80]!r} is not allowed; only this server's own page may call it."
        if origin is None and foreign(headers) and method not in SAFE_METHODS:
            return "A request from another site is not allowed; only this server's own page may call it."
        return None


def foreign(headers: Headers) -> bool:
    """Tell whether a browser says that another site made it ask."""
    return headers.get("sec-fetch-site", "none") not in ("same-origin", "none")


Public = Callable[[str, str], bool]
"""Tells by method and path whether a request needs no token."""


class Guard:
    """Outermost layer: refuses who may not come in and what is too large, adds careful headers, hides what went wrong.

    Parameters
    ----------
    public
        What is answered without the token; a WebSocket never is.
    refusal
        Makes the answers of this layer.
    """

    def __init__(
        self,
        app: ASGIApp,
        access: Access,
        public: Public,
        refusal: Callable[[ApiError], Response] = ApiError.answer,
    ) -> None:
        self.app = app
        self.access = access
        self._public, self._refusal = public, refusal
        sockets = " ".join(f"ws://{host}" for host in sorted(access.hosts) if not host.startswith("["))
        policy = (
            "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; "
            f"connect-src 'self' {sockets}; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; "
            "object-src 'none'"
        )
        self._headers = [
            (b"content-security-policy", policy.encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
            (b"x-frame-options", b"DENY"),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request or WebSocket."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                message["headers"] = [*message.get("headers", []), *self._headers]
            started = True
            await send(message)

        try:
            self._admit(scope)
            body = None
            if scope["type"] == "http":
                body = await read_body(Headers(scope=scope), receive, BodyLimit())
            await self.app(scope, body or receive, sending)
        except Gone:
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets a sentence and the log the trace
            response = self._refusal(error) if isinstance(error, ApiError) else unexpected(scope["path"], error)
            if not started:
                await response(scope, receive, sending)

    def _admit(self, scope: Scope) -> None:
        """Let in who comes from here and holds the token, or wants what is public."""
        caller = HTTPConnection(scope)
        method = scope.get("method", "GET")
        why = self.access.refusal(method, caller.headers)
        if why is not None:
            raise ApiError(403, why)
        if self.access.allows(caller):
            connection: dict[str, Any] = scope.get("extensions", {}).get(CONNECTION, {})
            if "trust" in connection:
                connection["trust"]()
        elif scope["type"] == "websocket" or not self._public(method, scope["path"]):
            self.access.require(caller)

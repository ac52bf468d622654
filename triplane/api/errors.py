"""Every answer that is not a success is ``{"code", "message"}``, and its message is a sentence.

What a person sent wrongly is named with its field, its value and what is allowed. What nobody foresaw is logged with
its trace under a reference, and the answer (503) holds only that reference.
"""

import secrets
import traceback
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from triplane.errors import BadInput, TriplaneError
from triplane.problems import allowed, short
from triplane.store import StoreError

log = structlog.get_logger("triplane.api")

CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    422: "invalid",
    429: "too_many_requests",
    503: "unavailable",
}

SECRETS: Final = frozenset({"token"})
"""Fields whose value is never repeated in an answer."""

WHOLE: Final = "the body"


class ApiError(Exception):
    """An answer other than success; ``message`` is a sentence for the caller."""

    def __init__(self, status: int, message: str, *, code: str | None = None, headers: Mapping[str, str] | None = None):
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or CODES[status]
        self.headers = dict(headers or {})

    def answer(self) -> JSONResponse:
        """What stands for it."""
        return answer(self.status, self.message, self.code, self.headers)


def answer(
    status: int, message: str, code: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Make the answer that stands for an error."""
    return JSONResponse({"code": code or CODES.get(status, "error"), "message": message}, status, dict(headers or {}))


def unexpected(path: str, error: Exception) -> JSONResponse:
    """Log an exception with its trace and make the answer for it."""
    reference = secrets.token_hex(4)
    trace = "".join(traceback.format_exception(error))  # as text, so that no renderer adds the values of variables
    log.error("request failed", path=path, reference=reference, trace=trace)
    return answer(503, f"Something went wrong here; the log says what under the reference {reference}.", "unexpected")


def install(app: FastAPI) -> None:
    """Make ``app`` answer every error in this way."""

    @app.exception_handler(ApiError)
    async def _api(_: Request, error: ApiError) -> JSONResponse:
        return error.answer()

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        message = {
            404: f"There is nothing at {request.url.path}.",
            405: f"{request.method} is not possible at {request.url.path}.",
        }.get(error.status_code, str(error.detail))
        return answer(error.status_code, message, None, error.headers)

    @app.exception_handler(RequestValidationError)
    async def _validation(_: Request, error: RequestValidationError) -> JSONResponse:
        problems = error.errors()
        if any(problem["type"] == "json_invalid" for problem in problems):
            return answer(400, "The body is not valid JSON.")
        return answer(422, " ".join(sentence(problem) for problem in problems[:5]))

    @app.exception_handler(LookupError)
    async def _lookup(request: Request, error: LookupError) -> JSONResponse:
        if isinstance(error, KeyError | IndexError):  # a mistake in the program, not an answer of the engine
            return unexpected(request.url.path, error)
        return answer(404, str(error))

    @app.exception_handler(TriplaneError)
    async def _known(_: Request, error: TriplaneError) -> JSONResponse:
        return answer(503 if isinstance(error, StoreError) else 422 if isinstance(error, BadInput) else 409, str(error))


def sentence(problem: Mapping[str, Any]) -> str:
    """Say what is wrong with one field.

    Parameters
    ----------
    problem
        One of pydantic's errors: ``type``, ``loc``, ``input``, ``ctx``, ``msg``.
    """
    field = _field(problem["loc"])
    kind = str(problem["type"])
    if kind == "missing":
        return f"{field} is missing; it is required."
    if kind == "extra_forbidden":
        return f"{field} is not known here; check its spelling."
    if field == WHOLE:  # it may hold anything, also a secret
        return f"{WHOLE} must be a JSON object, sent as application/json."
    value = "…" if field in SECRETS else short(problem.get("input"))
    return f"{field} is {value}; it {allowed(problem)}."


def _field(place: Sequence[str | int]) -> str:
    parts = [str(part) for part in place if part not in ("query", "body", "path", "header", "cookie")]
    return ".".join(parts) or WHOLE

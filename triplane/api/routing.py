"""Routes that answer with what they return: structs of the model, encoded once, and described from their declaration.

A handler says what it returns; nothing is validated or copied on the way out, and OpenAPI derives from the same class.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from functools import wraps
from typing import Annotated, Any, Final, Generic, TypeVar, get_args, get_origin

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import Response
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import BaseModel

from triplane.api.replica.views import View
from triplane.model.live import ENCODER

JSON: Final = "application/json"
REFERENCE: Final = "#/components/schemas/{name}"
T = TypeVar("T")


class Problem(View, frozen=True, kw_only=True):
    """Why a request was not carried out."""

    code: str
    message: str


class Paged(View, Generic[T], frozen=True, kw_only=True):
    """One page of a list, the latest first."""

    items: list[T]
    page: int
    limit: int
    total: int


class StructRoute(APIRoute):
    """A route whose handler returns a struct, or a list of them.

    One that makes its response itself says so as ``Annotated[Response, Struct]``; pydantic models are FastAPI's.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **given: Any) -> None:
        returns = inspect.signature(endpoint).return_annotation
        self.returns = get_args(returns)[1] if get_origin(returns) is Annotated else returns
        if not _known(self.returns):
            given["response_model"] = None
            endpoint = _encoding(endpoint)
        super().__init__(path, endpoint, **given)


def _known(annotation: Any) -> bool:
    """Whether FastAPI can answer with it, and describe it."""
    return inspect.isclass(annotation) and issubclass(annotation, Response | BaseModel)


def _encoding(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The handler with its answer as JSON; a plain function stays one, and runs in a thread."""
    if inspect.iscoroutinefunction(endpoint):

        @wraps(endpoint)
        async def answering(*args: Any, **named: Any) -> Response:
            return answer_with(await endpoint(*args, **named))

        return answering

    @wraps(endpoint)
    def answering_plainly(*args: Any, **named: Any) -> Response:
        return answer_with(endpoint(*args, **named))

    return answering_plainly


def answer_with(result: Any) -> Response:
    """An answer of structs; a response stays what it is."""
    return result if isinstance(result, Response) else Response(ENCODER.encode(result), media_type=JSON)


PROBLEM: Final = {JSON: {"schema": {"$ref": REFERENCE.format(name="Problem")}}}
"""What an error answers with, for OpenAPI."""


def struct_routes(app: FastAPI) -> Iterator[tuple[str, set[str], Any]]:
    """Path, methods and shape of every route that answers with structs."""
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if isinstance(route, StructRoute) and not _known(route.returns):
            yield str(context.path_format), context.methods or set(), route.returns


def describe(app: FastAPI, extra: Iterable[type[msgspec.Struct]] = ()) -> dict[str, Any]:
    """Make the OpenAPI document of an application whose routes are :class:`StructRoute`.

    Parameters
    ----------
    extra
        Structs that are described although no route returns them, such as the messages of the sockets.
    """
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    found = list(struct_routes(app))
    kinds = [returns for _, _, returns in found]
    schemas, components = msgspec.json.schema_components([*kinds, Problem, *extra], ref_template=REFERENCE)
    for component in components.values():
        if "properties" in component:  # what is answered is always whole
            component["required"] = list(component["properties"])
    made.setdefault("components", {}).setdefault("schemas", {}).update(components)
    for (path, methods, _), schema in zip(found, schemas, strict=False):
        for method in methods:
            made["paths"][path][method.lower()]["responses"]["200"]["content"] = {JSON: {"schema": schema}}
    return made

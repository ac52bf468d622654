"""Routes answer with the structs that they declare; whoever makes the response itself says what is in it."""

from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Query
from fastapi.responses import Response
from pydantic import BaseModel

from triplane.api.replica.views import View
from triplane.api.routing import Paged, StructRoute, answer_with, describe


class Thing(View, frozen=True, kw_only=True):
    """A thing."""

    name: str
    amount: float | None = None


class Model(BaseModel):
    """A model of pydantic's."""

    size: int


@pytest.fixture
def app() -> FastAPI:
    router = APIRouter(prefix="/api", route_class=StructRoute)

    @router.get("/one")
    async def one(name: Annotated[str, Query(max_length=5)] = "x") -> Thing:
        """Give one."""
        return Thing(name=name, amount=float("nan"))

    @router.get("/many")
    def many() -> Paged[Thing]:
        """Give many; a plain function runs in a thread."""
        return Paged(items=[Thing(name="a"), Thing(name="b")], page=1, limit=2, total=2)

    @router.get("/own")
    async def own() -> Annotated[Response, Thing]:
        """Give one with a header."""
        response = answer_with(Thing(name="own"))
        response.headers["x-own"] = "1"
        return response

    @router.get("/model")
    async def model() -> Model:
        """Give a model."""
        return Model(size=3)

    app = FastAPI()
    app.include_router(router)
    return app


async def get(app: FastAPI, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return await client.get(path)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/one?name=y", {"name": "y", "amount": None}),
        (
            "/api/many",
            {
                "items": [{"name": "a", "amount": None}, {"name": "b", "amount": None}],
                "page": 1,
                "limit": 2,
                "total": 2,
            },
        ),
        ("/api/own", {"name": "own", "amount": None}),
        ("/api/model", {"size": 3}),
    ],
)
async def test_answers(app: FastAPI, path: str, expected: Any) -> None:
    answer = await get(app, path)
    assert (answer.status_code, answer.json()) == (200, expected)
    assert answer.headers["content-type"] == "application/json"
    assert ("x-own" in answer.headers) == (path == "/api/own")


async def test_what_is_asked_is_still_checked(app: FastAPI) -> None:
    assert (await get(app, "/api/one?name=too-long")).status_code == 422


def test_the_description_derives_from_the_declaration(app: FastAPI) -> None:
    made = describe(app)

    def schema(path: str) -> Any:
        return made["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    thing = {"$ref": "#/components/schemas/Thing"}
    assert (schema("/api/one"), schema("/api/own")) == (thing, thing)
    assert made["components"]["schemas"][schema("/api/many")["$ref"].rpartition("/")[2]]["properties"]["items"] == {
        "type": "array", "items": thing,
    }  # fmt: skip
    assert schema("/api/model") == {"$ref": "#/components/schemas/Model"}
    assert made["components"]["schemas"]["Thing"]["required"] == ["name", "amount"]
    assert made["components"]["schemas"]["Thing"]["description"] == "A thing."

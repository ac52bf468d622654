"""OpenAPI tells everything: each body has an example, and the example fits its own schema."""

import inspect
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from triplane.api.schemas import base, control, market, trading

from .conftest import Engine


def models(module: ModuleType) -> list[type[BaseModel]]:
    found = [value for _, value in inspect.getmembers(module, inspect.isclass) if issubclass(value, BaseModel)]
    return [model for model in found if model.__module__ == module.__name__ and model.__name__ != "Paged"]


MODELS = [model for module in (base, control, market, trading) for model in models(module)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_the_example_of_a_model_fits_it(model: type[BaseModel]) -> None:
    example = model.model_json_schema()["example"]
    shown = model.model_validate(example).model_dump(mode="json", exclude_unset=True)
    assert shown == example


def test_every_body_has_an_example_and_every_operation_a_sentence(app: FastAPI) -> None:
    bodies = 0
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"].endswith("."), where
            assert operation["tags"], where
            for part in [*operation["responses"].values(), *filter(None, [operation.get("requestBody")])]:
                assert part["content"]["application/json"]["example"], where
                bodies += 1
    assert bodies > 150


def test_the_errors_that_the_routes_may_answer_are_described(app: FastAPI) -> None:
    for path, methods in app.openapi()["paths"].items():
        for method, operation in methods.items():
            statuses = set(operation["responses"])
            assert "500" not in statuses
            if operation.get("security", True):
                assert {"200", "401", "403", "422", "503"} <= statuses, path
            if method in ("post", "put") and path not in ("/api/login", "/api/logout"):
                assert {"400", "404", "409"} <= statuses, path


def test_every_path_of_the_contract_is_there(app: FastAPI) -> None:
    expected = {
        "get": "/system/status /system/debug/signal-check /market-rest/history /market-rest/websocket-status "
        "/market-rest/connections /trades/history /trades/performance /trades/portfolio /trades/equity-curve "
        "/signals/history /signals/pending /signals/{signal_id} /signals/order/{order_id} /settings/trading "
        "/api/sessions /api/sessions/{session_id} /api/decisions /healthz /readyz",
        "post": "/trades/close/{position_id} /trades/execute/{position_id} /trades/simulate /trades/reset "
        "/api/trading/orders/{order_id}/cancel "
        "/signals/{signal_id}/execute /signals/{signal_id}/mark-pending /signals/{signal_id}/expire "
        "/signals/expire-stale /api/sessions/start /api/sessions/{session_id}/stop "
        "/api/sessions/{session_id}/resume /api/kill-switch /api/login /api/logout",
        "put": "/settings/trading",
    }
    found: dict[str, set[str]] = {}
    for path, methods in app.openapi()["paths"].items():
        for method in methods:
            found.setdefault(method, set()).add(path)
    assert found == {method: set(paths.split()) for method, paths in expected.items()}


async def test_the_page_of_documentation_loads_nothing_from_elsewhere(
    client: httpx.AsyncClient, engine: Engine
) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "://" not in page.text.replace("http://127.0.0.1", "")
    assert "POST /api/kill-switch" in page.text
    described: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert described["info"]["title"] == "Triplane"
    assert "security" in described

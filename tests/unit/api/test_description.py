"""OpenAPI tells everything, and what is answered fits what it tells."""

import json
import subprocess
import sys
from typing import Any

import httpx
import msgspec
from fastapi import FastAPI

from triplane.api.describe import openapi
from triplane.api.messages import TOPICS
from triplane.api.replica import views
from triplane.api.routing import struct_routes
from triplane.model.facts import FACTS, Trade

from .conftest import Page
from .streams import Stream, recorded, session_health


def refs(found: Any) -> set[str]:
    """Every shape that something refers to."""
    if isinstance(found, dict):
        own = {found["$ref"].rpartition("/")[2]} if "$ref" in found else set()
        return own.union(*map(refs, found.values()))
    return set[str]().union(*map(refs, found)) if isinstance(found, list) else set()


def test_every_operation_has_a_sentence_a_group_and_shapes(app: FastAPI) -> None:
    described = app.openapi()
    shapes = described["components"]["schemas"]
    seen = 0
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            where = f"{method} {path}"
            assert operation["description"].endswith("."), where
            assert operation["tags"], where
            for part in [*operation["responses"].values(), *filter(None, [operation.get("requestBody")])]:
                assert part["content"]["application/json"]["schema"], where
                seen += 1
    assert seen > 150
    assert refs(described) <= shapes.keys()
    assert all(shape.get("description") for shape in shapes.values())


def test_what_is_answered_is_always_whole(app: FastAPI) -> None:
    shapes = app.openapi()["components"]["schemas"]
    for name in ("Portfolio", "PositionView", "Order", "Trade", "StatusView", "PageHealth", "CandleView"):
        assert set(shapes[name]["required"]) == set(shapes[name]["properties"]), name
    assert "required" not in shapes["StartSession"]


def test_every_fact_and_every_topic_is_described(app: FastAPI) -> None:
    shapes = app.openapi()["components"]["schemas"]
    assert {kind.__name__ for kind in FACTS} <= shapes.keys()
    assert set(shapes["SocketData"]["properties"]) == TOPICS | {"resync", "heartbeat"}
    for kind in FACTS:
        assert set(shapes[kind.__name__]["properties"]) == {"event", *kind.__struct_fields__}


async def test_answers_of_a_session_that_traded_fit_their_shapes(page: Page, client: httpx.AsyncClient) -> None:
    """Decoded strictly as what the route declares: nothing is declared beside what is made."""
    stream = Stream("real")
    stream.facts = list(recorded())
    stream.session_id = stream.facts[0].session_id
    replica = page.take(stream)
    page.hear(session_health(stream, "finished"))
    page.keep(stream.facts)
    page.write(stream)
    checked = 0
    for path, methods, returns in struct_routes(page.app):
        if "GET" not in methods or "{" in path:
            continue
        answer = await client.get(path, params={"session": replica.id})
        assert answer.status_code == 200, (path, answer.text)
        msgspec.json.decode(answer.content, type=returns, strict=True)
        checked += 1
    assert checked > 15
    assert len(replica.performance().reasons) > 0


def test_a_view_of_a_fact_has_its_fields_without_declaring_them() -> None:
    inherited = set(views.Position.__struct_fields__)
    assert inherited < set(views.PositionView.__struct_fields__)
    assert not inherited & set(views.PositionView.__annotations__)


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
        "/api/sessions /api/sessions/{session_id} /api/start-options /api/decisions /healthz /readyz /health /events",
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


def test_the_description_is_printed_without_starting_anything(app: FastAPI) -> None:
    told = subprocess.run([sys.executable, "-m", "triplane.api.describe"], check=True, capture_output=True, text=True)
    assert json.loads(told.stdout) == openapi() == app.openapi()


HEAVY = ("numba", "llvmlite", "pandas", "pyarrow", "ccxt", "triplane.kernel", "triplane.strategies", "triplane.engine",
         "triplane.venues", "triplane.execution", "triplane.exchange", "triplane.data", "triplane.cli")  # fmt: skip


def test_the_page_loads_no_compiler_no_strategy_and_no_key() -> None:
    code = "import sys, triplane.api.main; print('\\n'.join(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    loaded = told.stdout.split()
    assert "triplane.api.app" in loaded
    assert [name for name in loaded if name.startswith(HEAVY)] == []


async def test_the_page_of_documentation_loads_nothing_from_elsewhere(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    assert "<script" not in page.text
    assert "://" not in page.text.replace("http://127.0.0.1", "")
    assert "POST /api/kill-switch" in page.text
    assert '<h3 id="Trade">Trade</h3>' in page.text
    assert all(f"<code>{name}</code>" in page.text for name in Trade.__struct_fields__)
    described: dict[str, Any] = (await client.get("/openapi.json")).json()
    assert described["info"]["title"] == "Triplane"
    assert "security" in described

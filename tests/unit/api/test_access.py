"""Who comes in, and from where."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute

from triplane.api.auth import COOKIE, Access
from triplane.errors import BadInput
from triplane.flow.token import load_token

from .conftest import TOKEN, Engine

PUBLIC = {"/healthz", "/readyz", "/api/login", "/api/logout", "/{path:path}"}


def routes(app: FastAPI) -> list[tuple[str, str]]:
    """Every address and method that the description of the API knows, and the two for documentation."""
    described = [(path, method) for path, methods in app.openapi()["paths"].items() for method in methods]
    return [*described, ("/docs", "get"), ("/openapi.json", "get")]


async def test_every_route_but_the_public_ones_needs_the_token(app: FastAPI, anybody: httpx.AsyncClient) -> None:
    seen = 0
    for path, method in routes(app):
        if path in PUBLIC:
            continue
        answer = await anybody.request(method, path.replace("{", "").replace("}", ""), json={})
        assert answer.status_code == 401, path
        assert answer.json()["code"] == "unauthorized"
        assert answer.headers["www-authenticate"] == "Bearer"
        seen += 1
    assert seen > 30


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": f"Bearer {TOKEN}"}, 200),
        ({"Authorization": f"bearer {TOKEN}"}, 200),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Cookie": f"{COOKIE}={TOKEN}"}, 200),
        ({"Cookie": f"{COOKIE}=wrong"}, 401),
        ({"Cookie": f"other={TOKEN}"}, 401),
        ({"Cookie": f"{COOKIE}={TOKEN}", "Authorization": "Bearer wrong"}, 401),
    ],
)
async def test_the_token(anybody: httpx.AsyncClient, headers: dict[str, str], status: int) -> None:
    assert (await anybody.get("/system/status", headers=headers)).status_code == status


async def test_a_token_in_the_address_is_not_for_the_api(anybody: httpx.AsyncClient) -> None:
    assert (await anybody.get("/system/status", params={"token": TOKEN})).status_code == 401


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost:8000", 200),
        ("LOCALHOST:8000", 200),
        ("[::1]:8000", 200),
        ("127.0.0.1:8001", 403),
        ("127.0.0.1", 403),
        ("evil.example:8000", 403),
        ("127.0.0.1.evil.example:8000", 403),
        ("", 403),
    ],
)
async def test_the_host(client: httpx.AsyncClient, host: str, status: int) -> None:
    for path in ("/system/status", "/healthz"):
        answer = await client.get(path, headers={"Host": host})
        assert answer.status_code == status
    if status == 403:
        assert answer.json()["code"] == "forbidden"


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:8000", 200),
        ("http://localhost:8000", 200),
        ("http://localhost:5173", 403),
        ("http://evil.example", 403),
        ("null", 403),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_origin(client: httpx.AsyncClient, engine: Engine, origin: str, status: int, method: str) -> None:
    path = "/system/status" if method == "GET" else "/api/kill-switch"
    answer = await client.request(method, path, headers={"Origin": origin})
    assert answer.status_code == status
    assert len(engine.commands) == (method == "POST" and status == 200)


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403)]
)
async def test_a_form_of_another_site(anybody: httpx.AsyncClient, engine: Engine, site: str, status: int) -> None:
    headers = {"Cookie": f"{COOKIE}={TOKEN}", "Sec-Fetch-Site": site}
    assert (await anybody.post("/api/kill-switch", headers=headers)).status_code == status
    assert len(engine.commands) == (status == 200)


async def test_signing_in_and_out(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.post("/api/login", json={"token": TOKEN})
    assert answer.json() == {"signed_in": True}
    assert {"httponly", "samesite=strict", "path=/"} <= set(answer.headers["set-cookie"].lower().split("; "))
    assert (await anybody.get("/system/status")).status_code == 200
    assert (await anybody.post("/api/logout")).json() == {"signed_in": False}
    assert (await anybody.get("/system/status")).status_code == 401


async def test_the_address_from_the_start(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert {"httponly", "samesite=strict"} <= set(answer.headers["set-cookie"].lower().split("; "))
    assert (await anybody.get("/system/status")).status_code == 200


async def test_a_wrong_token_in_the_address_leads_to_the_form(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/", params={"token": "wrong"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("token", ["wrong", "ü", "\ud83d\ude00" * 3])
async def test_a_wrong_token(anybody: httpx.AsyncClient, token: str) -> None:
    answer = await anybody.post(
        "/api/login",
        content=b'{"token": "' + token.encode("utf-8", "surrogatepass") + b'"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == (401 if token.isprintable() else 422)
    assert token not in answer.text


async def test_too_many_wrong_tokens(anybody: httpx.AsyncClient) -> None:
    answers = [(await anybody.post("/api/login", json={"token": "wrong"})).status_code for _ in range(11)]
    assert answers == [401] * 10 + [429]
    wrong = await anybody.get("/", params={"token": "wrong"})
    assert wrong.status_code == 429
    assert 0 < int(wrong.headers["retry-after"]) <= 60
    assert (await anybody.post("/api/login", json={"token": TOKEN})).status_code == 200
    assert (await anybody.get("/system/status", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_neither_uses_up_the_tries_nor_signs_in(anybody: httpx.AsyncClient, site: str) -> None:
    for token in [*["wrong"] * 20, TOKEN]:
        answer = await anybody.get("/", params={"token": token}, headers={"Sec-Fetch-Site": site})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert "set-cookie" not in answer.headers
    assert (await anybody.post("/api/login", json={"token": "wrong"})).status_code == 401
    right = await anybody.get("/", params={"token": TOKEN}, headers={"Sec-Fetch-Site": "none"})
    assert (right.status_code, "set-cookie" in right.headers) == (303, True)


def test_after_a_minute_it_may_be_tried_again() -> None:
    now = 0.0
    access = Access(TOKEN, 8000, clock=lambda: now)
    for _ in range(10):
        access.limiter.failed()
    assert access.limiter.wait_s() == 60.0
    now = 59.0
    assert access.limiter.wait_s() == 1.0
    now = 60.0
    access.sign_in(TOKEN)


async def test_the_headers_of_a_careful_server(anybody: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/", "/system/status"):
        headers = (await anybody.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers


def test_the_token_is_made_once_and_is_its_owner_s_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    token = load_token(folder)
    assert len(token) >= 32
    assert load_token(folder) == token
    assert load_token(tmp_path / "other") != token
    if os.name == "posix":
        assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600
        (folder / "token").chmod(0o644)
        load_token(folder)
        assert stat.S_IMODE((folder / "token").stat().st_mode) == 0o600


def test_the_data_folder_is_its_owner_s_alone_when_it_is_made_here(tmp_path: Path) -> None:
    load_token(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    (tmp_path / "mine").mkdir(mode=0o755)
    load_token(tmp_path / "mine")
    assert stat.S_IMODE((tmp_path / "mine").stat().st_mode) == 0o755


def test_a_token_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for content in ("", "a-token-of-somebody-else"):
        other = tmp_path / "other"
        other.write_text(content)
        other.chmod(0o644)
        path = tmp_path / "data" / "token"
        path.unlink(missing_ok=True)
        path.symlink_to(other)
        with pytest.raises(BadInput, match="is a link or no file; take it away"):
            load_token(tmp_path / "data")
        assert (other.read_text(), stat.S_IMODE(other.stat().st_mode)) == (content, 0o644)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(BadInput, match="is a link or no file"):
        load_token(tmp_path / "data")
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(BadInput, match="is a link or no file"):
        load_token(tmp_path / "data")


@pytest.mark.parametrize("token", ["x", "x" * 15, "x" * 16 + "\r\nSet-Cookie: a", "x" * 20 + ";", "ü" * 20, "x" * 1001])
def test_a_token_that_is_no_token_is_refused(tmp_path: Path, token: str) -> None:
    (tmp_path / "token").write_text(token)
    with pytest.raises(BadInput, match="must be 16 letters, digits, '-' or '_' or more"):
        load_token(tmp_path)
    (tmp_path / "token").write_text("of-my_own-choice-1\n")
    assert load_token(tmp_path) == "of-my_own-choice-1"


def test_an_empty_token_file_is_filled(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("\n")
    assert load_token(tmp_path) == (tmp_path / "token").read_text().strip() != ""


def test_a_token_that_cannot_be_stored(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"^The token file .* use another data folder\.$"):
        load_token(tmp_path / "file")


def test_an_empty_token_lets_nobody_in() -> None:
    with pytest.raises(BadInput, match="token is empty"):
        Access("", 8000)


def test_no_route_is_left_out_of_the_description(app: FastAPI) -> None:
    """So that the test above meets each of them."""
    described = {path for path, _ in routes(app)}
    found = set(paths(app.routes))
    assert len(found) > 30
    assert found - described - PUBLIC == {"/ws", "/stream/{symbol}"}


def paths(found: Iterable[BaseRoute]) -> Iterator[str]:
    for route in found:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from paths(inner.routes)
        else:
            yield str(vars(route)["path"])

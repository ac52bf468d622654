"""The built page is served, and nothing beside it."""

from pathlib import Path

import httpx
import pytest


@pytest.fixture
def static(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>the page")
    (folder / "assets" / "app-1a2b.js").write_text("start()")
    (tmp_path / "token").write_text("a secret")
    (folder / "link.txt").symlink_to(tmp_path / "token")
    return folder


@pytest.mark.usefixtures("static")
@pytest.mark.parametrize("path", ["/", "/trades-of-today", "/deep/inside/the/page"])
async def test_an_address_inside_the_page(anybody: httpx.AsyncClient, path: str) -> None:
    answer = await anybody.get(path)
    assert (answer.status_code, answer.text) == (200, "<p>the page")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.usefixtures("static")
async def test_a_file_of_the_page(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/assets/app-1a2b.js")
    assert answer.text == "start()"
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]
    assert (await anybody.head("/assets/app-1a2b.js")).status_code == 200


@pytest.mark.usefixtures("static")
@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js", "/../token", "/%2e%2e/token", "/..%2ftoken", "/assets/..%2f..%2ftoken", "/link.txt",
        "/%00", "/index.html%00.js", "/" + "x" * 5000, "/" + "x/" * 3000,
    ],
)  # fmt: skip
async def test_what_is_not_of_the_page_is_not_served(anybody: httpx.AsyncClient, path: str) -> None:
    answer = await anybody.get(path)
    assert "a secret" not in answer.text
    assert answer.status_code == 404 or answer.text == "<p>the page"


async def test_a_page_that_is_not_built(anybody: httpx.AsyncClient) -> None:
    answer = await anybody.get("/")
    assert answer.status_code == 200
    assert "make setup" in answer.text


async def test_posting_to_the_page(client: httpx.AsyncClient) -> None:
    answer = await client.post("/anything")
    assert answer.status_code == 405
    assert answer.json()["message"] == "POST is not possible at /anything."

"""What a browser sees: the built page, or how to build it; and the documentation of the API.

The documentation is made here from OpenAPI, without a script and without anything from elsewhere: a page of this server
may act for its user, so nothing foreign is ever loaded into one.
"""

from html import escape
from pathlib import Path
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from triplane.api.auth import foreign
from triplane.api.context import find
from triplane.api.errors import ApiError, answer
from triplane.version import __version__

STATIC: Final = Path(__file__).parent / "static"

KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
"""Written down, because what the operating system says about suffixes is wrong on some machines."""

API_GROUPS: Final = frozenset(
    {"system", "market-rest", "trades", "signals", "settings", "api", "ws", "stream", "metrics", "health", "events"}
)

STYLE: Final = (
    "body{font:16px/1.6 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
    "code,pre{font-family:ui-monospace,monospace;font-size:14px}"
    "pre{overflow:auto;padding:.75rem;border:1px solid #8884}"
    "h2{margin-top:2.5rem}h3{margin-bottom:0}summary{cursor:pointer}"
)

NOT_BUILT: Final = f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Triplane</title>
<style>{STYLE}</style><h1>Triplane is running, but its page is not built yet</h1>
<p>Build it once with <code>make setup</code> (needs Node.js), then load this page again.
The API works without it: <a href="/docs">its documentation</a>.</p></html>"""


def page_router(static: Path) -> APIRouter:
    """Make the routes that serve the page; they come last, because they take every address."""
    router = APIRouter(include_in_schema=False)
    root = static.resolve()

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    def page(request: Request, path: str, token: str | None = None) -> Response:
        if path.partition("/")[0] in API_GROUPS:
            return answer(404, f"There is nothing at /{path}.")
        if token is not None and path == "":
            return _sign_in(request, token)
        file = _file(root, path)
        if file is not None:
            keep = "public, max-age=31536000, immutable" if path.startswith("assets/") else "no-cache"
            kind = KINDS.get(file.suffix, "application/octet-stream")
            return FileResponse(file, media_type=kind, headers={"Cache-Control": keep})
        if "." in path.rpartition("/")[2]:  # a file that is not there; anything else is an address inside the page
            return answer(404, f"There is nothing at /{path}.")
        if not (root / "index.html").is_file():
            return HTMLResponse(NOT_BUILT)
        return FileResponse(root / "index.html", media_type=KINDS[".html"], headers={"Cache-Control": "no-cache"})

    return router


def _file(root: Path, path: str) -> Path | None:
    """The file of the page that is at a path, if there is one."""
    try:
        file = (root / path).resolve()
        return file if path and file.is_relative_to(root) and file.is_file() else None
    except (OSError, ValueError):  # too long, or with a null byte
        return None


def _sign_in(request: Request, token: str) -> Response:
    """Turn the address that was printed at the start into a cookie; a wrong token leads to the sign-in form."""
    access = find(request).access
    response = RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})
    if foreign(request.headers):  # no site may use up the tries, or sign anybody in
        return response
    try:
        access.sign_in(token)
    except ApiError as error:
        if error.status != 401:
            raise
        return response
    access.set_cookie(response, token)
    return response


docs = APIRouter(include_in_schema=False)


@docs.get("/openapi.json")
async def openapi(request: Request) -> dict[str, Any]:
    """Give the description of the API for programs."""
    described: dict[str, Any] = request.app.openapi()
    return described


@docs.get("/docs")
async def documentation(request: Request) -> HTMLResponse:
    """Give the description of the API for people."""
    described = request.app.openapi()
    groups: dict[str, list[str]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    groups["shapes"] = [_shape(name, shape) for name, shape in sorted(described["components"]["schemas"].items())]
    body = "".join(f"<h2>{escape(name)}</h2>{''.join(parts)}" for name, parts in groups.items())
    intro = escape(described["info"]["description"]).replace("\n\n", "<p>")
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Triplane API</title>'
        f"<style>{STYLE}</style><h1>Triplane API {escape(__version__)}</h1><p>{intro}"
        f'<p><a href="/openapi.json">openapi.json</a>{body}</html>'
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<h3><code>{method.upper()} {escape(path)}</code></h3><p>{escape(operation.get('description', ''))}</p>"]
    parameters = [
        f"<li><code>{escape(one['name'])}</code> {'' if one.get('required') else '(optional) '}"
        f"{escape(one.get('description', ''))}</li>"
        for one in operation.get("parameters", [])
    ]
    if parameters:
        parts.append(f"<ul>{''.join(parameters)}</ul>")
    if "requestBody" in operation:
        parts.append(f"<p>Body: {_kind(_schema(operation['requestBody']))}</p>")
    answers = [
        f"<li>{status} {escape(response['description'])} {_kind(_schema(response))}</li>"
        for status, response in operation["responses"].items()
    ]
    return "".join([*parts, f"<details><summary>Answers</summary><ul>{''.join(answers)}</ul></details>"])


def _shape(name: str, shape: dict[str, Any]) -> str:
    fields = "".join(
        f"<li><code>{escape(field)}</code> {_kind(kind)} {escape(kind.get('description', ''))}</li>"
        for field, kind in shape.get("properties", {}).items()
    )
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{escape(shape.get("description", ""))}</p><ul>{fields}</ul>'


def _schema(content: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = content.get("content", {}).get("application/json", {}).get("schema", {})
    return found


def _kind(schema: dict[str, Any]) -> str:
    """What a schema allows, in a few words, with links to shapes."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"<code>{escape(str(one))}</code>" for one in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {}))}"
    return escape(str(schema.get("type", "")))

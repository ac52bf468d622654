"""How an alert reaches a service: Discord by its webhook with embeds, everything else by Apprise.

Apprise knows a hundred services by their address. For Discord it sends text; a coloured embed with fields needs its own
request. A package can offer further services in the entry point group ``triplane.alerts``: the name of the entry point
is the scheme of the address, and what it loads is called with the address and gives a :class:`Sender`.
"""

import logging
import re
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Any, Final

import aiohttp

from triplane.alerts.alert import Alert
from triplane.errors import BadInput, TriplaneError
from triplane.flow.bus import Caller
from triplane.venues.keys import redact

GROUP: Final = "triplane.alerts"
DISCORD: Final = "https://discord.com"
COLOURS: Final = {"good": 0x2ECC71, "bad": 0xE74C3C, "neutral": 0x95A5A6, "warning": 0xF1C40F}
REQUEST_S: Final = 10.0
WAIT_CODES: Final = (408, 425, 429)
"""Refusals below 500 that pass."""
_WEBHOOK: Final = re.compile(
    r"(?:discord://(?:[^@/]*@)?|https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api/(?:v\d+/)?webhooks/)"
    r"(?P<path>\w+/[\w-]+)/?(?:\?(?:.*&)?thread(?:_id)?=(?P<thread>\d+).*|\?.*)?"
)


class NotSent(TriplaneError):  # noqa: N818 - reads as what it is
    """A service did not take an alert; the text holds nothing secret.

    Parameters
    ----------
    after
        Seconds to wait before the next try, when the service said so.
    final
        It will not take it later either.
    """

    def __init__(self, text: str, *, after: float | None = None, final: bool = False) -> None:
        super().__init__(redact(text))
        self.after, self.final = after, final


class Sender:
    """A service that takes alerts."""

    async def send(self, alert: Alert) -> str:
        """Send it; returns what the service answered.

        Raises
        ------
        NotSent
            The service did not take it.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Let go of connections."""


class Discord(Sender):
    """A Discord webhook."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http: aiohttp.ClientSession | None = None

    async def send(self, alert: Alert) -> str:
        if self._http is None:
            self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(REQUEST_S))
        try:
            async with self._http.post(self._url, json=message(alert), allow_redirects=False) as response:
                said = (await response.text())[:300].strip()
                answer = f"{response.status} {response.reason or ''} {said}".strip()
                if response.status < 300:
                    return redact(answer)
                after = response.headers.get("Retry-After", "")
                raise NotSent(
                    answer,
                    after=float(after) if re.fullmatch(r"\d+(\.\d+)?", after) else None,
                    final=refused(response.status),
                )
        except (aiohttp.ClientError, OSError) as error:
            raise NotSent(f"{type(error).__name__}: {error}") from None

    async def close(self) -> None:
        if self._http is not None:
            await self._http.close()


def refused(status: int) -> bool:
    """Whether an HTTP status is an answer for good: the same request would get it again."""
    return status < 500 and status not in WAIT_CODES


def message(alert: Alert) -> dict[str, Any]:
    """The body of a request to a Discord webhook, within Discord's limits."""
    embed: dict[str, Any] = {
        "title": _cut(alert.title, 256),
        "description": _cut(alert.text, 1024),
        "color": COLOURS[alert.tone],
        "fields": [
            {"name": _cut(name, 64), "value": _cut(value, 400) or "–", "inline": len(value) <= 24}
            for name, value in alert.fields[:9]
        ],
        "footer": {"text": _cut(alert.where, 256)},
        "timestamp": datetime.fromtimestamp(alert.time / 1000, tz=UTC).isoformat(),
    }
    embed = {name: value for name, value in embed.items() if value not in ("", {"text": ""})}
    return {"username": "Triplane", "allowed_mentions": {"parse": []}, "embeds": [embed]}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


class ByApprise(Sender):
    """Any service that Apprise knows; its calls block, so they are made in a thread."""

    def __init__(self, url: str) -> None:
        import apprise  # noqa: PLC0415 - a quarter of a second and 40 MB, for those who use it

        logging.getLogger("apprise").propagate = False  # what it says is told with the alert and its target
        logging.getLogger("apprise").addHandler(logging.NullHandler())
        # called in this thread alone: the workers of a pool would be waited for at the end of the process
        asset = apprise.AppriseAsset(async_mode=False, service_timeout=0, app_id="Triplane")
        self._service = apprise.Apprise(asset=asset)
        if not self._service.add(url):
            raise BadInput("It is not the address of a service that Apprise knows.")
        self._types = {"good": "success", "bad": "failure", "warning": "warning", "neutral": "info"}
        self._call = Caller(self._notify)

    async def send(self, alert: Alert) -> str:
        return str(await self._call(alert))

    async def close(self) -> None:
        self._call.close()

    def _notify(self, alert: Alert) -> str:
        result = self._service.notify(
            title=alert.title, body=alert.body or alert.title, notify_type=self._types[alert.tone], body_format="text"
        )
        said = " ".join(str(entry.message) for entry in result.logs())
        if not result:
            code = re.search(r"\berror[= ](\d{3})\b", said)
            raise NotSent(said or "The service did not take it.", final=code is not None and refused(int(code[1])))
        return "sent"


def make_sender(url: str) -> Sender:
    """The sender for an address.

    Raises
    ------
    TriplaneError
        Nothing knows such an address, or what knows it cannot be used.
    """
    webhook = _WEBHOOK.fullmatch(url)
    if webhook is not None:
        thread = f"?thread_id={webhook['thread']}" if webhook["thread"] else ""
        return Discord(f"{DISCORD}/api/webhooks/{webhook['path']}{thread}")
    scheme = url.partition("://")[0].lower()
    offered = entry_points(group=GROUP, name=scheme)
    if not offered:
        return ByApprise(url)
    make: Callable[[str], Sender] = next(iter(offered)).load()
    return make(url)

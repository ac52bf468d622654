"""Where alerts go: a target's settings, and how its address, which holds tokens, stays out of everything that is shown.

An address is that of Apprise (https://github.com/caronc/apprise), such as ``discord://id/token`` or
``tgram://token/chat``, or ``env:NAME``, which is read from the environment.
"""

import os
import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from triplane.alerts.alert import SEVERITIES, Alert, Kind, Severity
from triplane.errors import BadInput
from triplane.venues.keys import hide

_PLACEHOLDER: Final = re.compile(
    r"your[_-].*|.*[_-]here|<.*>|\{.*\}|x{3,}|\*{3,}|\.{3,}|…|placeholder.*|change[_-]?me|todo"
    r"|(webhook|bot|auth|api|chat)?[_-]?(id|token|key|secret)",
    re.IGNORECASE,
)
_SHOW_HOST: Final = ("http", "https", "json", "jsons", "xml", "xmls", "form", "forms", "mailto", "mailtos")
"""Schemes whose host is a host; elsewhere a token may stand in its place."""


class AlertTarget(BaseModel):
    """One place that alerts go to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: SecretStr = Field(description="address, such as discord://id/token, or env:NAME of a variable that holds it")
    name: str = Field("", description="how it is called in logs; by default its service")
    severity: Severity = Field("info", description="least severity: debug, info, warning or critical")
    kinds: list[Kind] = Field(default=[], description="what is told; empty = everything")
    symbols: list[str] = Field(default=[], description="markets that are told of; empty = all")
    per_minute: int = Field(20, ge=1, le=1000, description="alerts a minute; what is more comes as one summary")

    @model_validator(mode="before")
    @classmethod
    def _sealed(cls, value: Any) -> Any:
        """An address alone will do; and nothing that may hold a token is repeated in an error."""
        if isinstance(value, str):
            return {"url": SecretStr(value)}
        if isinstance(value, dict):
            plain = set(cls.model_fields) - {"url"}
            return {k: SecretStr(v) if isinstance(v, str) and k not in plain else v for k, v in value.items()}
        return value

    def address(self, environment: Mapping[str, str] = os.environ) -> str:
        """The address itself.

        Raises
        ------
        BadInput
            It is missing, a placeholder, or no address.
        """
        url = self.url.get_secret_value().strip()
        what = f"The url of alert target {self.name}" if self.name else "The url of an alert target"
        if url.startswith("env:"):
            what = url.removeprefix("env:").strip()
            url = environment.get(what, "").strip()
            if not url:
                raise BadInput(f"{what} is not set; put the address of the alert target into the environment")
        values = re.sub(r"[?&][^=&]*=", "/", unquote(url))  # without the names of parameters
        if any(_PLACEHOLDER.fullmatch(part) for part in re.split(r"[/:@,]+", values) if part):
            raise BadInput(f"{what} still holds a placeholder; put the address that the service gave you there")
        if not re.fullmatch(r"[a-zA-Z][\w+.-]*://\S+", url):
            raise BadInput(f"{what} must be an address such as discord://id/token")
        _hide(url)
        return url

    def called(self, environment: Mapping[str, str] = os.environ) -> str:
        """How it is called in logs and tables."""
        return self.name or service_of(self.address(environment))

    def wants(self, alert: Alert) -> bool:
        """Whether this target is to hear of it."""
        return (
            SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.severity)
            and (not self.kinds or alert.kind in self.kinds)
            and (not self.symbols or not alert.symbol or alert.symbol in self.symbols)
        )

    def plain(self, environment: Mapping[str, str] = os.environ) -> dict[str, Any]:
        """The settings with the address itself, for the process that sends; never to be shown or kept."""
        return self.model_dump() | {"url": self.address(environment)}


def _hide(url: str) -> None:
    """Keep an address and its tokens out of all logs."""
    parts = urlsplit(url)
    host = "" if parts.scheme in _SHOW_HOST else parts.netloc.rpartition("@")[2]
    pieces = [*parts.path.split("/"), host, parts.username or "", *(value for _, value in parse_qsl(parts.query))]
    # whole words and names of channels may well stand in other sentences
    tokens = [piece for piece in pieces if len(piece) >= 16 or (len(piece) >= 8 and re.search(r"\d", piece))]
    for secret in (url, parts.password or "", *tokens):
        hide(secret)
        hide(unquote(secret))


def service_of(url: str) -> str:
    """The service behind an address: its scheme, or for a webhook of a service the name of its host."""
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https"):
        return scheme
    name = (urlsplit(url).hostname or "").rpartition(".")[0].rpartition(".")[2].replace("discordapp", "discord")
    return name if name.isalpha() else scheme


def shown(url: str) -> str:
    """An address without anything secret."""
    scheme, _, rest = url.partition("://")
    host = re.split(r"[/?#]", rest)[0].rpartition("@")[2] if scheme.lower() in _SHOW_HOST else ""
    return f"{scheme}://{host}/…" if host else f"{scheme}://…"

"""API keys: where they come from, and how they are kept out of logs and errors.

Keys come from the environment only. Every secret that is read or made (listen keys too) is registered here, and
:func:`redact` removes it from a text, together with whatever looks like a signature. :func:`protect_logs` does that to
every record of the standard library's logging, including those of libraries, and :func:`redact_event` does it for
structlog.
"""

import logging
import re
import traceback
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from triplane.errors import BadInput

HIDDEN: Final = "…"
_PLACEHOLDERS: Final = re.compile(
    r"your[_-].*|.*[_-]here|<.*>|x+|\*+|\.+|placeholder.*|change[_-]?me|todo|none|null|(api[_-]?)?(key|secret)|test|example.*",
    re.IGNORECASE,
)
_SHAPES: Final = re.compile(
    r"(?i)((?:signature|listen_?key|api_?key|x-mbx-apikey|secret)['\"]?\s*[=:]\s*['\"]?)[\w%+/.-]+"
)
_KEYS: Final = re.compile(r"API_?(KEY|SECRET|PASSPHRASE)|ROUTER_TOKEN|^TRIPLANE_ALERTS", re.IGNORECASE)
"""Names in the environment; :func:`credentials` reads no others. Addresses of alerts hold tokens too."""
_secrets: set[str] = set()


def hide(secret: str) -> str:
    """Register a text that must never be shown, and return it. Shorter than six letters it is ignored."""
    if len(secret) >= 6:
        _secrets.add(secret)
    return secret


def redact(text: str) -> str:
    """A text without secrets."""
    for secret in sorted(_secrets, key=len, reverse=True):  # one may begin like another
        if secret in text:
            text = text.replace(secret, HIDDEN)
    return _SHAPES.sub(rf"\1{HIDDEN}", text)


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and its secret, which neither ``repr`` nor a log shows."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        """Keep both out of all texts."""
        hide(self.key)
        hide(self.secret)


def credentials(prefix: str, environment: Mapping[str, str]) -> Credentials:
    """The keys of ``<prefix>_API_KEY`` and ``<prefix>_API_SECRET``, as ``BINANCE_TESTNET_API_KEY``.

    Raises
    ------
    BadInput
        Naming the variable that is missing or still holds a placeholder.
    """
    return Credentials(*(_read(f"{prefix}_API_{part}", environment) for part in ("KEY", "SECRET")))


def _read(name: str, environment: Mapping[str, str]) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise BadInput(f"{name} is not set; put the API key of the venue into the environment")
    if _PLACEHOLDERS.fullmatch(value):
        raise BadInput(f"{name} still holds a placeholder; put the API key of the venue there")
    if not value.isascii() or not value.isprintable() or " " in value:
        raise BadInput(f"{name} must be one word of letters and digits")
    return value


def without_keys(environment: Mapping[str, str]) -> dict[str, str]:
    """An environment for a process that needs no keys: without any venue's, and without the router's token."""
    return {name: value for name, value in environment.items() if not _KEYS.search(name)}


def redact_event(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor; put it behind those that format errors."""
    for name, value in event.items():
        event[name] = redact(value) if isinstance(value, str) else _deep(value)
    return event


def _deep(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = repr(value)
    clean = redact(text)
    return value if clean == text else clean


def protect_logs() -> None:
    """Take secrets out of every record of the standard library's logging from now on; may be called twice."""
    make = logging.getLogRecordFactory()
    if getattr(make, "redacts", False):
        return

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = make(*args, **kwargs)
        try:
            text = redact(record.getMessage())
        except Exception:  # noqa: BLE001 - its arguments do not fit or cannot be shown; they could hold anything
            text = f"a record of {record.name} that cannot be shown"
        record.msg, record.args = text, ()
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = redact("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return record

    factory.redacts = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)

"""Faults by script: what goes wrong, when, and how often.

A fault is ``{"when": …, "what": …, "times": n}`` and more fields where its kind has some. ``when`` is

* a request, ``"POST /fapi/v1/order"``, or an event of the user stream, ``"ORDER_TRADE_UPDATE"``; with conditions as an
  object: ``{"request": "* /fapi/v1/*order", "symbol": "BTCUSDT", "newClientOrderId": "t-*"}``,
  ``{"event": "ORDER_TRADE_UPDATE", "x": "TRADE"}`` — each further field is a parameter or a field of the event, and all
  texts may hold ``*``;
* or ``"now"``.

``times`` 0 is for ever, ``skip`` lets so many pass first, ``chance`` is a probability. ``docs/exchange-in-a-box.md``
lists the kinds.
"""

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

from triplane.errors import BadInput

STATUS: Final = ("500", "502", "503", "504")
CODES: Final = ("-1000", "-1006", "-1007", "-1008", "-1021", "-2013", "-4192")
MEXC_CODES: Final = ("510", "602", "1002", "2005", "2009", "2011", "7002")
ANSWERS: Final = ("timeout", "reset", "delay", "429", "418", *STATUS, *CODES, *MEXC_CODES)
ORDER_KINDS: Final = ("hide", "partial")
EVENT_KINDS: Final = ("drop", "duplicate", "reorder", "delay")
ANYWHERE: Final = ("drop_sockets", "mute", "expire_listen_key", "skew")
NEVER_ACCEPTED: Final = ("429", "418", "-1008", "-1021", "-2013", "-4192", *MEXC_CODES)
"""These say that the request was rejected, and it was."""
_ALLOWED: Final = {
    "request": (*ANSWERS, *ORDER_KINDS, *ANYWHERE), "event": (*EVENT_KINDS, *ANYWHERE), "now": ANYWHERE,
}  # fmt: skip


@dataclass(slots=True)
class Fault:
    """One line of the script."""

    target: str  # request, event, now
    pattern: str
    fields: dict[str, str]
    what: str
    source: dict[str, Any]
    times: int = 1
    skip: int = 0
    chance: float = 1.0
    accepted: bool = True
    seconds: float = 60.0
    milliseconds: int = 0
    parts: list[float] = field(default_factory=lambda: [0.5])
    route: str = ""
    code: int = 1001


_FIELDS: Final = {"when", "what", *Fault.__slots__[5:]}


def parse(rows: object) -> list[Fault]:
    """Check a script; raises BadInput in one sentence."""
    if not isinstance(rows, list):
        raise BadInput("faults must be a list of {when, what, times}")
    return [_parse(row) for row in rows]


def _parse(row: object) -> Fault:
    if not isinstance(row, dict) or "when" not in row or "what" not in row:
        raise BadInput(f"a fault must be an object with when and what, not {row!r}")
    unknown = set(row) - _FIELDS
    if unknown:
        raise BadInput(f"a fault has no field {min(unknown)!r}; there is {', '.join(sorted(_FIELDS))}")
    target, pattern, fields = _when(row["when"])
    what = str(row["what"])
    if what not in _ALLOWED[target]:
        raise BadInput(f"what is {what!r}; for {target} it must be one of {', '.join(_ALLOWED[target])}")
    fault = Fault(target, pattern, fields, what, dict(row), accepted=what not in NEVER_ACCEPTED)
    for name, value in row.items():
        if name in ("when", "what"):
            continue
        kind = type(getattr(fault, name))
        if not isinstance(value, int if kind is bool else (int, float) if kind is float else kind):
            raise BadInput(f"{name} of a fault is {value!r}; it must be {kind.__name__}")
        setattr(fault, name, value)
    return fault


def _when(when: object) -> tuple[str, str, dict[str, str]]:
    if isinstance(when, str):
        if when == "now":
            return "now", "", {}
        return ("request", when, {}) if " " in when else ("event", when, {})
    if isinstance(when, dict) and len({"request", "event"} & set(when)) == 1:
        target = "request" if "request" in when else "event"
        return target, str(when[target]), {str(k): str(v) for k, v in when.items() if k != target}
    raise BadInput(f'when is {when!r}; it must be "now", "METHOD /path", an event, or an object with request or event')


class Faults:
    """The script as it is carried out."""

    def __init__(self, seed: int = 0) -> None:
        self.waiting: list[Fault] = []
        self._random = random.Random(seed)  # noqa: S311 - a script must be repeatable

    def request(self, method: str, path: str, params: Mapping[str, str]) -> Fault | None:
        """The fault of a request, if any."""
        return self._next("request", f"{method} {path}", params) if self.waiting else None

    def event(self, event: Mapping[str, Any]) -> Fault | None:
        """The fault of an event, if any."""
        if not self.waiting:
            return None
        body = event.get("o") or event.get("a")
        return self._next("event", str(event["e"]), {**event, **(body if isinstance(body, dict) else {})})

    def _next(self, target: str, name: str, fields: Mapping[str, Any]) -> Fault | None:
        for fault in self.waiting:
            if fault.target != target or not fnmatchcase(name, fault.pattern):
                continue
            if not all(fnmatchcase(str(fields.get(key, "")), text) for key, text in fault.fields.items()):
                continue
            if fault.chance < 1.0 and self._random.random() >= fault.chance:
                continue
            if fault.skip > 0:
                fault.skip -= 1
                continue
            if fault.times > 0:
                fault.times -= 1
                if fault.times == 0:
                    self.waiting.remove(fault)
            return fault
        return None

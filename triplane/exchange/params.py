"""Parameters of a request to Binance, spot or futures, and who signed it."""

import hashlib
import hmac
import re
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import unquote_plus

import orjson

from triplane.exchange.errors import Rejected, found, reject_if

WINDOW: Final = 5000
AHEAD: Final = 1000
"""How far a timestamp may be ahead of the server, milliseconds."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
T = TypeVar("T")


def read_json(text: str | bytes) -> Any:
    """What a JSON text says; None if it is none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


class Params(dict[str, str]):
    """Parameters of a request; each method raises Rejected for what it cannot take."""

    @classmethod
    def of(cls, query: str, body: str) -> "Params":
        """Those of a request, whether in its query or in its form."""
        out = cls()
        for text in (query, body):
            for pair in text.split("&") if text else ():
                name, _, value = pair.partition("=")
                quoted = "%" in pair or "+" in pair
                out[unquote_plus(name) if quoted else name] = unquote_plus(value) if quoted else value
        return out

    @classmethod
    def of_json(cls, row: Mapping[str, Any]) -> "Params":
        """Those of a JSON object."""
        return cls({k: str(v).lower() if isinstance(v, bool) else str(v) for k, v in row.items()})

    def required(self, name: str) -> str:
        """A text that must be there."""
        value = self.get(name, "")
        reject_if(not value, -1102, name)
        return value

    def number(self, name: str) -> Decimal | None:
        """A number, None when it was not sent."""
        text = self.get(name, "")
        reject_if(text and not _NUMBER.fullmatch(text), -1100, name)
        return Decimal(text) if text else None

    def needed(self, name: str) -> Decimal:
        """A number that must be there."""
        return found(self.number(name), -1102, name)

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number."""
        text = self.get(name, "")
        reject_if(text and not text.lstrip("-").isdecimal(), -1102, name)
        return int(text) if text else default

    def flag(self, name: str) -> bool:
        """A truth value, false when it was not sent."""
        text = self.get(name, "").lower()
        reject_if(text not in ("", "true", "false"), -1130, name)
        return text == "true"

    def choice(self, name: str, allowed: tuple[str, ...], code: int = -1130) -> str:
        """One of the allowed texts, the first one when it was not sent."""
        value = self.get(name) or allowed[0]
        reject_if(value not in allowed, code, name)
        return value

    def limit(self, default: int, most: int) -> int:
        """The parameter ``limit``."""
        limit = self.integer("limit", default) or default
        reject_if(not 0 < limit <= most, -1130, "limit")
        return limit

    def of_symbol(self, table: Mapping[str, T]) -> T:
        """What the parameter ``symbol`` names."""
        return found(table.get(self.required("symbol")), -1121)

    def side_and_type(self, types: Collection[str]) -> tuple[int, str]:
        """Side (+1 or −1) and type of an order."""
        side, kind = self.required("side"), self.required("type")
        reject_if(side not in ("BUY", "SELL"), -1117)
        reject_if(kind not in types, -1116)
        return 1 if side == "BUY" else -1, kind


# ------------------------------------------------------------------------------------------------ who asks
def account_of(accounts: Mapping[str, T], key: str) -> T:
    """The account of an API key; raises Rejected."""
    if not key:
        raise Rejected(-2014, status=401)
    account = accounts.get(key)
    if account is None:
        raise Rejected(-2015, status=401)
    return account


def _without_signature(text: str) -> str:
    """A query or a form without its signature, which may stand anywhere."""
    if "signature=" not in text:
        return text
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def verify(account: Any, query: str, body: str, p: Params, now: int) -> None:
    """Check signature and time of a signed request with the account's ``secret``; raises Rejected."""
    signature = p.required("signature")
    payload = (_without_signature(query) + _without_signature(body)).encode()
    wanted = hmac.new(account.secret.encode(), payload, hashlib.sha256).hexdigest()
    reject_if(not hmac.compare_digest(wanted, signature.lower()), -1022)
    timestamp = found(p.integer("timestamp"), -1102, "timestamp")
    reject_if(not now - (p.integer("recvWindow", WINDOW) or WINDOW) <= timestamp <= now + AHEAD, -1021)

"""Who asks: API key, HMAC signature and time window of a request."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from triplane.exchange.errors import Rejected
from triplane.exchange.filters import Params

WINDOW: Final = 5000
AHEAD: Final = 1000
"""How far a timestamp may be ahead of the server, milliseconds."""
T = TypeVar("T")


def account_of(accounts: Mapping[str, T], key: str) -> T:
    """The account of an API key; raises Refused."""
    if not key:
        raise Rejected(-2014, status=401)
    account = accounts.get(key)
    if account is None:
        raise Rejected(-2015, status=401)
    return account


def without_signature(text: str) -> str:
    """A query or a form without its signature, which may stand anywhere."""
    if "signature=" not in text:
        return text
    return "&".join(part for part in text.split("&") if not part.startswith("signature="))


def verify(account: Any, query: str, body: str, p: Params, now: int) -> None:
    """Check signature and time of a signed request with the account's ``secret``; raises Refused."""
    signature = p.required("signature")
    payload = (without_signature(query) + without_signature(body)).encode()
    wanted = hmac.new(account.secret.encode(), payload, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, signature.lower()):
        raise Rejected(-1022)
    timestamp = p.integer("timestamp")
    if timestamp is None:
        raise Rejected(-1102, "timestamp")
    window = p.integer("recvWindow", WINDOW) or WINDOW
    if timestamp > now + AHEAD or timestamp < now - window:
        raise Rejected(-1021)

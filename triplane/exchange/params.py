"""What requests to Binance have in common: parameters, who signed them, and which orders they ask for."""

import hashlib
import hmac
import re
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar
from urllib.parse import parse_qsl

import orjson

from triplane.exchange.account import OrderState
from triplane.exchange.errors import Rejected, found, reject_if

WINDOW: Final = 5000
AHEAD: Final = 1000
"""How far a timestamp may be ahead of the server, milliseconds."""
_NUMBER: Final = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
ORDER_IDS: Final = ("orderId", "origClientOrderId")
T = TypeVar("T")
T_state = TypeVar("T_state", bound=OrderState)


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
        return cls(parse_qsl(f"{query}&{body}" if body else query, keep_blank_values=True))

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


# ------------------------------------------------------------------------------------------------ which orders
def visible(rows: Iterable[T_state], now: int) -> list[T_state]:
    """Those that no fault hides at a wall time."""
    return [row for row in rows if row.hidden_until <= now]


def find(a: Any, p: Params, symbol: str, now: int, code: int, names: tuple[str, str] = ORDER_IDS) -> Any:
    """The order of an id or a client id; raises Rejected with ``code``, also while a fault hides it."""
    number, text = p.integer(names[0]), p.get(names[1])
    if number is None and not text:
        raise Rejected(-1102, names[0])
    order = a.orders.get(number) if number is not None else a.by_client.get((symbol, text or ""))
    if order is None or order.symbol != symbol or not visible([order], now):
        raise Rejected(code)
    return order


def own_trades(a: Any, p: Params, symbol: str) -> list[Any]:
    """Fills of a symbol from an id on, maybe of one order alone."""
    first, number = p.integer("fromId", 0) or 0, p.integer("orderId")
    rows = [f for f in a.fills if f.order.symbol == symbol and f.id >= first]
    return [f for f in rows if number is None or f.order.id == number]


def hide(accounts: Iterable[Any], order_id: object, algo_id: object, until: int) -> None:
    """Keep an order from being found until a wall time; the ids are as an answer shows them."""
    order, algo = (int(text) if (text := str(number)).isdecimal() else -1 for number in (order_id, algo_id))
    for account in accounts:
        found = account.orders.get(order) or account.algos.get(algo)
        if found is not None:
            found.hidden_until = until


def between(rows: list[Any], first: int | None, last: int | None) -> list[Any]:
    """Rows of a span of time; None for an open end."""
    return [r for r in rows if (first is None or r.time >= first) and (last is None or r.time <= last)]

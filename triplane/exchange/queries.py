"""What asking for orders has in common on futures and spot: finding one, leaving out hidden ones, giving out pages."""

from collections.abc import Iterable
from typing import Any, Final, Protocol, TypeVar

from triplane.exchange.errors import Rejected
from triplane.exchange.params import Params

ORDER_IDS: Final = ("orderId", "origClientOrderId")


class Hideable(Protocol):
    """Something that a fault can hide from queries."""

    hidden_until: int


H = TypeVar("H", bound=Hideable)


def visible(rows: Iterable[H], now: int) -> list[H]:
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

"""The identity of an order at a venue: derived from the intent, so that a retry or a restart repeats the same id."""

from typing import Final, NamedTuple

LEG_LETTERS: Final = ("e", "s", "1", "2", "3", "x")
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


class OrderName(NamedTuple):
    """The content of a client order id."""

    symbol: int
    decision: int
    leg: int
    number: int
    revision: int


def base36(number: int) -> str:
    """A non-negative number in base 36."""
    out = _DIGITS[number % 36]
    while number := number // 36:
        out = _DIGITS[number % 36] + out
    return out


def client_order_id(session_id: str, symbol: int, decision: int, leg: int, order: int, revision: int = 0) -> str:
    """Id under which a venue knows an order: session, symbol, decision, leg, order, revision; at most 36 characters.

    Venues allow ``^[.A-Z:/a-z0-9_-]{1,36}$``. With a session id of 18 characters there is room for 36 symbols, 1.6
    million decisions and orders, and 46,000 revisions of each order.
    """
    moved = f".{base36(revision)}" if revision else ""
    return f"{session_id}.{base36(symbol)}.{base36(decision)}.{LEG_LETTERS[leg]}.{base36(order)}{moved}"


def parse_client_id(session_id: str, client_id: str) -> OrderName | None:
    """Reverse of :func:`client_order_id`; None for an id that is not of this session."""
    head, _, rest = client_id.partition(".")
    parts = rest.split(".")
    if head != session_id or len(parts) not in (4, 5) or parts[2] not in LEG_LETTERS:
        return None
    try:
        symbol, decision, number, revision = (int(p, 36) for p in (parts[0], parts[1], parts[3], (*parts, "0")[4]))
    except ValueError:
        return None
    return OrderName(symbol, decision, LEG_LETTERS.index(parts[2]), number, revision)

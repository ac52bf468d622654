"""Exact decimals that mean the same on SQLite and on PostgreSQL.

SQLite has no exact decimal: its ``NUMERIC`` turns ``0.1`` into a binary float. :class:`Money` is therefore written as
text there, digit for digit, and as ``NUMERIC`` without a limit on PostgreSQL; both give back the text that went in, so
that a row has the shape that its fact has in JSON.
"""

from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import Dialect, Numeric, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from triplane.errors import BadInput


class Money(TypeDecorator[str]):
    """An exact decimal: price, quantity, fee or balance; decimal text in Python.

    A ``float`` is refused, because it has lost digits already, and so are NaN and infinity.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Text on SQLite, an unlimited ``NUMERIC`` elsewhere."""
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else Numeric(asdecimal=True))

    def process_bind_param(self, value: Decimal | int | str | None, dialect: Dialect) -> Any:
        """Check ``value`` and write it without an exponent."""
        if value is None:
            return None
        if isinstance(value, float):
            raise BadInput(f"An amount of {value!r} is a float; give a decimal's text, so that no digit is lost.")
        try:
            exact = Decimal(value)
        except InvalidOperation:
            raise BadInput(f"An amount of {value!r} is not a number.") from None
        if not exact.is_finite():
            raise BadInput(f"An amount of {value} cannot be stored; it must be a finite number.")
        return format(exact, "f") if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ARG002 - SQLAlchemy's hook
        """Give the stored digits back."""
        return None if value is None else format(Decimal(value), "f")

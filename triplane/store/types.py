"""Column types that mean the same on SQLite and on PostgreSQL.

SQLite has no exact decimal: its ``NUMERIC`` turns ``0.1`` into a binary float. :class:`Money` is therefore written as
text there, digit for digit, and as ``NUMERIC`` without a limit on PostgreSQL; both give back the same ``Decimal``.
"""

from decimal import Decimal
from typing import Any

from sqlalchemy import JSON, BigInteger, Dialect, Double, Numeric, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

from triplane.errors import BadInput


class Money(TypeDecorator[Decimal]):
    """An exact decimal: price, quantity, fee or balance.

    Accepts ``Decimal``, ``int`` and decimal text. A ``float`` is refused, because it has lost digits already, and so
    are NaN and infinity.
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
            raise BadInput(f"An amount of {value!r} is a float; give a Decimal or its text, so that no digit is lost.")
        exact = value if isinstance(value, Decimal) else Decimal(value)
        if not exact.is_finite():
            raise BadInput(f"An amount of {value} cannot be stored; it must be a finite number.")
        return format(exact, "f") if dialect.name == "sqlite" else exact

    def process_result_value(self, value: Any, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's hook
        """Give the stored digits back as a ``Decimal``."""
        return None if value is None else Decimal(value)


Time = BigInteger
"""Milliseconds since 1970, UTC, as everywhere in Triplane."""

Real = Double
"""A float64 that is only computed with: market data, indicators, confidence."""

Name = String
"""Short text: a symbol, a status, an id."""

Json = JSON
"""A small structure that is read as a whole and never searched in."""

__all__ = ["Json", "Money", "Name", "Real", "Text", "Time"]

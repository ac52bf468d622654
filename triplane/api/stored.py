"""Rows of the store as the facts that they were made from: what was stored and what is live have one shape."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeVar

import msgspec

from triplane.api.routing import Paged
from triplane.model.money import text
from triplane.store.store import Page

S = TypeVar("S", bound=msgspec.Struct)


def as_struct(kind: type[S], row: Mapping[str, Any]) -> S:
    """The fact, or the view, that a row holds."""
    fields = kind.__struct_fields__
    return kind(**{name: _plain(value) for name, value in row.items() if name in fields})


def as_page(kind: type[S], found: Page) -> Paged[S]:
    """A page of the store as a page of facts."""
    items = [as_struct(kind, row) for row in found.items]
    return Paged(items=items, page=found.page, limit=found.limit, total=found.total)


def _plain(value: Any) -> Any:
    return text(value) if isinstance(value, Decimal) else value

"""Rows become the facts that they were made from."""

from decimal import Decimal

from triplane.api.stored import as_page, as_struct
from triplane.model.facts import Trade
from triplane.store.store import Page

from .streams import Stream


def test_a_row_is_the_fact_again() -> None:
    trade = Stream().trade()
    row = {name: getattr(trade, name) for name in trade.__struct_fields__}
    assert as_struct(Trade, row) == trade
    assert as_struct(Trade, row | {"acknowledged": True, "pnl": Decimal("1E-8")}).pnl == "0.00000001"
    page = as_page(Trade, Page([row, row], 2, 2, 9))
    assert (page.items, page.page, page.limit, page.total) == ([trade, trade], 2, 2, 9)

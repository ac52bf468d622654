"""The messages of the order manager."""

import pytest

from triplane.execution.messages import trade_number


@pytest.mark.parametrize("trade", ["7", "00123", "a1b2", str(2**63), "-4", ""])
def test_every_trade_id_is_a_number_of_its_own(trade):
    number = trade_number(trade)
    assert 0 < number < 2**63
    assert number == trade_number(trade)
    assert number != trade_number(trade + "1")

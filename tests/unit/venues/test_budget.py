"""How much may be asked, and what is kept for exits."""

import pytest

from triplane.venues.budget import Budget
from triplane.venues.errors import Refused, Unknown, Why

MINUTE = 1_700_000_040_000 // 60_000 * 60_000


def refused(budget, weight, now, **kinds):
    with pytest.raises(Refused) as error:
        budget.spend(weight, now, **kinds)
    return error.value


def test_the_reserve_is_for_exits():
    budget = Budget()
    for _ in range(400):
        budget.spend(5, MINUTE)
    error = refused(budget, 1, MINUTE + 10)
    assert (error.why, error.retry_at) == (Why.RATE, MINUTE + 60_000)
    for _ in range(400):
        budget.spend(1, MINUTE + 20, urgent=True)
    assert refused(budget, 1, MINUTE + 30, urgent=True).retry_at == MINUTE + 60_000
    budget.spend(5, MINUTE + 60_000)


def test_the_venues_count_includes_others():
    budget = Budget()
    budget.spend(1, MINUTE)
    budget.on_answer({"x-mbx-used-weight-1m": "2001"}, None, MINUTE, MINUTE + 50)
    assert refused(budget, 1, MINUTE + 60).why is Why.RATE
    budget.spend(1, MINUTE + 60, urgent=True)
    budget.on_answer({"x-mbx-used-weight-1m": "7"}, None, MINUTE, MINUTE + 70)  # an older answer that came late
    assert refused(budget, 1, MINUTE + 80).why is Why.RATE


def test_a_count_of_the_last_minute_says_nothing_of_this_one():
    budget = Budget()
    budget.on_answer({"x-mbx-used-weight-1m": "2399"}, None, MINUTE - 5, MINUTE + 5)
    budget.spend(50, MINUTE + 6)


def test_orders_have_limits_of_their_own():
    budget = Budget()
    for _ in range(240):
        budget.spend(0, MINUTE, order=True)
    assert refused(budget, 0, MINUTE + 1, order=True).retry_at == MINUTE + 10_000
    budget.spend(0, MINUTE + 1, order=True, urgent=True)
    budget.spend(1, MINUTE + 1)
    budget.on_answer({"x-mbx-order-count-1m": "960"}, None, MINUTE, MINUTE + 2)
    assert refused(budget, 0, MINUTE + 10_000, order=True).retry_at == MINUTE + 60_000


def test_told_to_slow_down_nothing_is_sent():
    budget = Budget()
    budget.on_answer({}, Refused("", "-1003", Why.RATE, MINUTE + 500), MINUTE, MINUTE)
    for kinds in ({}, {"urgent": True}, {"urgent": True, "order": True}):
        assert refused(budget, 1, MINUTE + 499, **kinds).retry_at == MINUTE + 500
    budget.spend(1, MINUTE + 500)


def test_too_many_orders_stop_orders_alone():
    budget = Budget()
    budget.on_answer({}, Refused("", "-1015", Why.RATE, MINUTE + 500), MINUTE, MINUTE)
    budget.spend(1, MINUTE + 1)
    assert refused(budget, 0, MINUTE + 1, order=True, urgent=True).retry_at == MINUTE + 500
    budget.spend(0, MINUTE + 500, order=True)


def test_banned_means_silence():
    budget = Budget()
    budget.on_answer({}, Refused("", "-1003", Why.BANNED, MINUTE + 120_000), MINUTE, MINUTE)
    budget.on_answer({}, Refused("", "-1003", Why.RATE, MINUTE + 1), MINUTE, MINUTE)
    error = refused(budget, 0, MINUTE + 119_999, urgent=True)
    assert (error.why, error.retry_at) == (Why.BANNED, MINUTE + 120_000)
    budget.spend(0, MINUTE + 120_000)


def test_other_errors_change_nothing():
    budget = Budget()
    for error in (Unknown("x"), Refused("x", why=Why.FUNDS), Refused("x", why=Why.RATE)):
        budget.on_answer({"x-mbx-used-weight-1m": "many"}, error, MINUTE, MINUTE)
    budget.spend(2000, MINUTE)

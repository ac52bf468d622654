"""Requests to MEXC."""

import pytest

from triplane.data.clock import ManualClock
from triplane.venues.client import HttpAnswer
from triplane.venues.errors import Refused, Unknown, Why
from triplane.venues.keys import Credentials
from triplane.venues.mexc.rest import MexcRest, mexc_budget


@pytest.fixture
def rest():
    return MexcRest(Credentials("k", "s"), "https://contract", ManualClock(0), mexc_budget(), 10.0)


def test_addresses(rest):
    assert rest.address("/api/v1/private/order/create") == ("contract.private", "order/create")
    assert rest.address("/api/v1/contract/detail") == ("contract.public", "detail")


def test_an_answer_carries_its_content_under_data(rest):
    body = {"success": True, "code": 0, "data": [1]}
    assert rest.failure(HttpAnswer(200, body, {}), changing=True, now=0) is None
    assert rest.content(body) == [1]
    assert rest.content({"success": True, "code": 0}) is None
    assert isinstance(rest.failure(HttpAnswer(502, "", {}), changing=True, now=0), Unknown)


def test_the_last_order_of_two_seconds_is_for_exits():
    budget = mexc_budget()
    for _ in range(3):
        budget.spend(1, 0, order=True)
    with pytest.raises(Refused) as error:
        budget.spend(1, 0, order=True)
    assert (error.value.why, error.value.retry_at) == (Why.RATE, 2_000)
    budget.spend(1, 0, order=True, urgent=True)
    budget.spend(1, 2_000, order=True)

"""The circuit breaker: five failures, a minute, one attempt; exits always."""

import pytest

from triplane.execution.breaker import Breaker, BreakerState

NOW = 1_000_000


@pytest.fixture
def opened():
    breaker = Breaker()
    for _ in range(5):
        breaker.failed(NOW)
    return breaker


def test_it_opens_after_five_failures_in_a_row():
    breaker = Breaker()
    for _ in range(4):
        breaker.failed(NOW)
        assert breaker.state(NOW) is BreakerState.CLOSED
    breaker.succeeded()
    for _ in range(4):
        breaker.failed(NOW)
    assert breaker.refuses(NOW) == 0
    breaker.failed(NOW)
    assert breaker.state(NOW) is BreakerState.OPEN
    assert breaker.refuses(NOW + 1) == NOW + 60_000


def test_after_a_minute_one_may_try(opened):
    assert opened.refuses(NOW + 59_999) == NOW + 60_000
    assert opened.state(NOW + 60_000) is BreakerState.HALF_OPEN
    assert opened.refuses(NOW + 60_000) == 0
    assert opened.refuses(NOW + 60_000) > NOW + 60_000  # another one waits for its outcome


def test_a_good_attempt_closes_it(opened):
    opened.refuses(NOW + 60_000)
    opened.succeeded()
    assert opened.state(NOW + 60_000) is BreakerState.CLOSED
    assert opened.refuses(NOW + 60_000) == 0


def test_a_bad_attempt_opens_it_for_another_minute(opened):
    opened.refuses(NOW + 60_000)
    opened.failed(NOW + 61_000)
    assert opened.state(NOW + 120_999) is BreakerState.OPEN
    assert opened.refuses(NOW + 121_000) == 0


def test_an_attempt_that_says_nothing_gives_way_to_the_next(opened):
    opened.refuses(NOW + 60_000)
    opened.undecided()
    assert opened.refuses(NOW + 60_000) == 0
    assert opened.state(NOW + 60_000) is BreakerState.HALF_OPEN


def test_exits_are_never_held_back(opened):
    assert opened.refuses(NOW, reduces=True) == 0
    opened.succeeded()  # it went through: the venue is back
    assert opened.refuses(NOW) == 0

"""What an answer that is no success means."""

import pytest

from triplane.venues.binance.failures import code_of, failure
from triplane.venues.errors import NotFound, Refused, Unknown, Why

NOW = 1_700_000_000_000


def of(status, code=None, words="words", headers=None, changing=True):
    body = words if code is None else {"code": code, "msg": words}
    return failure(status, body, headers or {}, changing=changing, now=NOW)


@pytest.mark.parametrize("body", [{}, [], {"code": 200, "msg": "success"}, {"code": "200"}, {"orderId": 1}])
def test_successes(body):
    assert failure(200, body, {}, changing=True, now=NOW) is None


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (0, None), (200, None), (302, None), (408, None), (500, None), (502, None), (503, None), (504, None),
        (400, -1000), (400, -1001), (400, -1006), (408, -1007), (503, -1007), (500, -9999), (503, -1000),
    ],
)  # fmt: skip
def test_unknown_is_what_may_have_been_carried_out(status, code):
    assert type(of(status, code)) is Unknown
    read = of(status, code, changing=False)
    assert (type(read), read.why) == (Refused, Why.DOWN)


@pytest.mark.parametrize(
    ("status", "code", "why"),
    [
        (503, -1008, Why.OVERLOAD), (400, -4116, Why.DUPLICATE), (400, -2021, Why.WOULD_TRIGGER),
        (400, -2022, Why.REDUCE_ONLY), (400, -2019, Why.FUNDS), (400, -1111, Why.FILTER), (400, -4014, Why.FILTER),
        (400, -4164, Why.FILTER), (400, -4131, Why.PRICE_BAND), (400, -4016, Why.PRICE_BAND),
        (400, -4024, Why.PRICE_BAND), (400, -4061, Why.MODE), (400, -2027, Why.MODE), (400, -4045, Why.TOO_MANY),
        (400, -5022, Why.POST_ONLY), (400, -1021, Why.CLOCK), (400, -5028, Why.CLOCK), (401, -2015, Why.KEYS),
        (400, -1022, Why.KEYS), (400, -4192, Why.COOLING_OFF), (400, -4400, Why.RULES), (400, -9999, Why.OTHER),
        (404, None, Why.OTHER), (401, None, Why.KEYS),
    ],
)  # fmt: skip
@pytest.mark.parametrize("changing", [True, False])
def test_refusals_and_why(status, code, why, changing):
    error = of(status, code, changing=changing)
    assert (type(error), error.why, error.code) == (Refused, why, "" if code is None else str(code))
    assert error.retry_at == 0


@pytest.mark.parametrize("code", [-2011, -2013])
def test_not_found_is_not_refused(code):
    assert type(of(400, code)) is NotFound


@pytest.mark.parametrize(
    ("status", "code", "words", "headers", "why", "after"),
    [
        (429, -1003, "", {"retry-after": "7"}, Why.RATE, 7000),
        (429, -1015, "", {}, Why.RATE, 60_000),
        (400, -1003, "", {}, Why.RATE, 60_000),
        (429, None, "<html>", {"retry-after": "soon"}, Why.RATE, 60_000),
        (418, -1003, f"IP banned until {NOW + 5000}.", {}, Why.BANNED, 5000),
        (418, -1003, f"IP banned until {NOW + 5000}.", {"retry-after": "9"}, Why.BANNED, 9000),
        (429, -1003, f"IP banned until {NOW + 5000}.", {}, Why.BANNED, 5000),
        (418, None, "", {}, Why.BANNED, 60_000),
        (403, None, "firewall", {}, Why.RATE, 60_000),
    ],
)
def test_when_it_may_be_tried_again(status, code, words, headers, why, after):
    error = of(status, code, words, headers)
    assert (error.why, error.retry_at - NOW) == (why, after)


def test_its_text_says_what_the_venue_said():
    assert str(of(400, -2019, "Margin is insufficient.")) == "the venue answered 400 -2019: Margin is insufficient."
    assert str(of(0, None, "")) == "the venue answered nothing"
    assert len(str(of(502, None, "<html>" * 1000))) <= 200


def test_codes():
    assert [code_of(body) for body in ({"code": -1}, {"code": "-2"}, {"code": 200}, [], "x", None)] == [
        "-1", "-2", "", "", "", "",
    ]  # fmt: skip

"""What an answer of MEXC that is no success means."""

import pytest

from triplane.venues.errors import NotFound, Refused, Unknown, Why
from triplane.venues.mexc.failures import failure


@pytest.mark.parametrize(
    ("status", "body", "changing", "kind", "why"),
    [
        (200, {"success": False, "code": 2005}, True, Refused, Why.FUNDS),
        (200, {"success": False, "code": 602}, True, Refused, Why.KEYS),
        (200, {"success": False, "code": 7002}, True, Refused, Why.MODE),
        (200, {"success": False, "code": 510}, True, Refused, Why.RATE),
        (429, "", True, Refused, Why.RATE),
        (200, {"success": False, "code": 513}, True, Refused, Why.CLOCK),
        (200, {"success": False, "code": 1002}, True, Refused, Why.OTHER),
        (200, {"success": False, "code": 2040}, True, NotFound, None),
        (200, {"success": False, "code": 500}, True, Unknown, None),
        (200, {"success": False, "code": 501}, False, Refused, Why.DOWN),
        (200, {"success": False, "code": 0}, True, Unknown, None),
        (200, "<html>", True, Unknown, None),
        (502, {}, True, Unknown, None),
        (503, {"success": False, "code": 77777}, True, Unknown, None),
        (200, {"success": False, "code": 77777}, True, Refused, Why.OTHER),
    ],
)
def test_failures(status, body, changing, kind, why):
    error = failure(status, body, changing=changing, now=1000)
    assert type(error) is kind
    assert getattr(error, "why", None) is why
    if why is Why.RATE:
        assert error.retry_at > 1000


def test_successes():
    assert failure(200, {"success": True, "code": 0}, changing=True, now=0) is None
    assert failure(200, {"success": True, "code": 200, "data": []}, changing=True, now=0) is None

"""What the formats of venues have in common."""

import asyncio

import pytest

from triplane.errors import DataError
from triplane.venues.wire import number, positive, together


def test_the_first_number_that_is_there():
    row = {"a": "", "b": None, "c": "0.10", "d": "7", "none": "None"}
    assert str(number(row, "a", "b", "none", "c", "d")) == "0.10"
    assert number(row, "a", "x") == 0
    assert positive({"a": "0.000"}, "a") is None
    assert positive(row, "d") == 7


@pytest.mark.parametrize("value", ["many", "1,5", "NaN", "Infinity", 0.1, True])
def test_what_is_no_number(value):
    with pytest.raises(DataError, match="bad number"):
        number({"price": value}, "price")


async def test_all_have_ended_before_an_error_is_raised():
    ended = []

    async def job(n, error=None):
        await asyncio.sleep(0)
        ended.append(n)
        if error:
            raise error
        return n

    assert await together([job(1), job(2)]) == [1, 2]
    with pytest.raises(KeyError):
        await together([job(3, KeyError("x")), job(4), job(5, ValueError())])
    assert ended == [1, 2, 3, 4, 5]

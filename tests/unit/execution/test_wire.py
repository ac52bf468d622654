"""The service's wire format: whatever is encoded is decoded to the same, and errors keep what they mean."""

from decimal import Decimal
from types import UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.instruments import Instrument
from triplane.errors import BadInput
from triplane.execution.wire import (
    Conflict,
    decode,
    decode_error,
    decode_event,
    encode,
    encode_error,
    encode_event,
    read,
)
from triplane.venues import base
from triplane.venues.errors import NotFound, Refused, Unknown, Why

EVENTS = [base.OrderReport, base.Execution, base.Funding, base.BalanceChange, base.MarginCall, base.StreamState]
SHAPES = [*EVENTS, base.NewOrder, base.PositionReport, base.Balance, base.Snapshot, base.Capabilities]


def values(hint, name):
    """Any value of a field."""
    if name == "side":
        return st.sampled_from((1, -1))
    if hint is Decimal:
        return st.decimals(-(10**9), 10**9, allow_nan=False, allow_infinity=False, places=8)
    if get_origin(hint) is tuple:
        return st.lists(values(get_args(hint)[0], ""), max_size=2).map(tuple)
    if get_origin(hint) is frozenset:
        return st.frozensets(values(get_args(hint)[0], ""))
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if get_origin(hint) in (UnionType, Union):
        return st.one_of(values(one, name) if one is not type(None) else st.none() for one in get_args(hint))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return instances(hint)
    if hint is float:
        return st.floats(-1e9, 1e9)
    return st.from_type(hint) if hint is not int else st.integers(0, 2**53)


def instances(cls):
    hints = get_type_hints(cls, vars(base))
    return st.builds(cls, **{name: values(hints[name], name) for name in cls.__struct_fields__})


@pytest.mark.parametrize("cls", SHAPES)
def test_what_is_encoded_is_decoded_to_the_same(cls):
    @given(instances(cls))
    def check(value):
        text = encode(value)
        assert decode(cls, read(text)) == value
        assert b"E+" not in text
        if cls in EVENTS:
            assert decode_event(read(encode_event(value))) == value

    check()


@pytest.mark.parametrize(
    "error",
    [
        *(Refused("no.", "-1", why, 5) for why in Why),
        NotFound("there is none", "-2013"),
        Unknown("no answer came", "-1007"),
        Conflict("another order"),
    ],
)
def test_an_error_means_the_same_on_the_other_side(error):
    status, body = encode_error(error)
    back = decode_error(status, orjson.loads(orjson.dumps(body)), changing=True)
    assert type(back) is type(error)
    assert (str(back), back.code) == (str(error), error.code)
    if isinstance(error, Refused):
        assert (back.why, back.retry_at) == (error.why, error.retry_at)


def test_an_instrument_comes_back_exactly():
    rules = Instrument("BTCUSDT", Decimal("0.10"), Decimal("0.001"), min_notional=Decimal(5), can_short=False)
    assert decode(Instrument, read(encode(rules))) == rules
    assert b'"tickSize":"0.1"' in encode(rules)


def test_names_are_those_of_the_description():
    order = base.NewOrder("a", "BTCUSDT", -1, base.OrderType.STOP_MARKET, Decimal("1E-8"), trigger=Decimal("1E+3"))
    body = orjson.loads(encode(order))
    assert (body["side"], body["quantity"], body["stopPrice"]) == ("SELL", "0.00000001", "1000")


@pytest.mark.parametrize(
    "message", [{}, {"type": "nonsense", "data": {}}, {"type": "funding"}, {"type": "funding", "data": {}}]
)
def test_a_message_that_cannot_be_read(message):
    with pytest.raises((KeyError, msgspec.ValidationError)):
        decode_event(message)


def test_what_the_service_did_not_say_leaves_the_fate_open():
    for body in (None, "no", {}, {"code": "unexpected"}):
        assert isinstance(decode_error(502, body, changing=True), Unknown)
        assert isinstance(decode_error(502, body, changing=False), Refused)
    assert not isinstance(decode_error(404, "no", changing=False), NotFound)
    assert isinstance(decode_error(422, {"code": "invalid", "message": "x"}, changing=True), BadInput)
    assert decode_error(401, None, changing=True).why is Why.KEYS

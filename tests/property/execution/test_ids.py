"""Client order ids say what they are made of, fit the venues, and never mean two things."""

import re

from hypothesis import given
from hypothesis import strategies as st

from triplane.execution.ids import OrderName, client_order_id, parse_client_id
from triplane.kernel.codes import Leg

WIRE = re.compile(r"^[.A-Z:/a-z0-9_-]{1,36}$")
SESSIONS = st.from_regex(r"[0-9]{6}-[0-9]{6}-[0-9a-z]{4}", fullmatch=True)
NAMES = st.builds(
    OrderName,
    st.integers(0, 35),
    st.integers(0, 36**4 - 1),
    st.integers(0, len(Leg.labels) - 1),
    st.integers(0, 36**4 - 1),
    st.integers(0, 36**3 - 1),
)


def named(session, name):
    return client_order_id(session, name.symbol, name.decision, name.leg, name.number, name.revision)


@given(SESSIONS, NAMES)
def test_an_id_says_what_it_is_made_of(session, name):
    assert parse_client_id(session, named(session, name)) == name


@given(SESSIONS, NAMES)
def test_every_id_fits_the_venues(session, name):
    assert WIRE.fullmatch(named(session, name))


@given(SESSIONS, NAMES, NAMES)
def test_two_orders_never_share_an_id(session, one, other):
    assert (named(session, one) == named(session, other)) == (one == other)


@given(SESSIONS, SESSIONS, NAMES)
def test_the_id_of_another_session_is_not_ours(session, other, name):
    assert (parse_client_id(other, named(session, name)) is None) == (session != other)


@given(SESSIONS, st.text(alphabet=".-_:/azAZ059esx ", max_size=36))
def test_whatever_else_is_found_at_a_venue_is_read_without_an_error(session, text):
    for client_id in (text, f"{session}.{text}"):
        name = parse_client_id(session, client_id)
        assert name is None or name.leg < len(Leg.labels)

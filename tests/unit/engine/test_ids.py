"""Identities are derived from what they name, unique, and allowed at every venue."""

import re
import uuid

from hypothesis import given
from hypothesis import strategies as st

from triplane.engine import ids
from triplane.engine.setup import new_id
from triplane.execution.ids import client_order_id

VENUE_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")


@given(
    st.integers(0, 2**41), st.integers(0, 1295), st.integers(0, 36**4 - 1), st.integers(0, 5), st.integers(1, 36**5 - 1)
)
def test_client_order_ids_are_what_venues_allow(now: int, symbol: int, decision: int, leg: int, order: int) -> None:
    assert VENUE_ID.fullmatch(client_order_id(new_id(now), symbol, decision, leg, order))


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2000), st.integers(0, 5), st.integers(0, 5000)), unique=True)
)
def test_ids_are_derived_and_differ(keys: list[tuple[int, int, int, int]]) -> None:
    made = [client_order_id("260131-235959-k3fx", *key) for key in keys]

    assert len(set(made)) == len(keys)
    assert made == [client_order_id("260131-235959-k3fx", *key) for key in keys]


def test_uuids_name_one_thing_each() -> None:
    found = {
        ids.signal_id("s", 1),
        ids.signal_id("s", 1, "close"),
        ids.signal_id("s", 2),
        ids.signal_id("t", 1),
        ids.position_id("s", 1),
        ids.alert_id("s", 1),
    }
    assert len(found) == 6
    assert all(str(uuid.UUID(text)) == text and uuid.UUID(text).version == 5 for text in found)
    assert ids.position_id("s", 1) == str(uuid.uuid5(ids.NAMESPACE, "s/position/1"))


def test_session_ids_sort_by_time_and_are_unique() -> None:
    assert new_id(1_769_903_999_000)[:14] == "260131-235959-"
    assert new_id(1_000_000_000_000) < new_id(1_800_000_000_000)
    assert len({new_id(0) for _ in range(50)}) > 45

"""The small parts: ids, event log, latency, kill switch, equity curve, locks, decision digest."""

import asyncio
import hashlib
import re
import uuid
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from triplane.engine.eventlog import EventLog
from triplane.engine.record import EquityCurve, Record

from triplane.engine import ids
from triplane.engine.decisions import DecisionHash
from triplane.engine.setup import new_id
from triplane.errors import TriplaneError
from triplane.execution.ids import client_order_id
from triplane.execution.latency import Latency
from triplane.kernel.records import LAST_DECISION, OUTPUT, ROW_TRADE
from triplane.model.killswitch import KillSwitch

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


async def test_event_log_keeps_the_last_and_numbers_grow() -> None:
    log = EventLog("s", 1000, capacity=5)
    first = log.last_id + 1
    assert (log.first_id, log.after(0, 10)) == (first, [])
    for n in range(8):
        log.append("marker", "BTCUSDT", n, {"n": n})
    assert [m["data"]["n"] for m in log.after(0, 10)] == [3, 4, 5, 6, 7]
    assert [m["data"]["n"] for m in log.after(first + 5, 1)] == [6]
    assert log.after(log.last_id, 10) == []
    assert log.first_id == first + 3
    assert EventLog("s", 1001).last_id > log.last_id - 1000


async def test_event_log_wakes_who_waits() -> None:
    log = EventLog("s", 0)
    await log.wait(-1)
    waiting = [asyncio.create_task(log.wait(log.last_id)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    log.append("heartbeat", None, 0, {})
    done = await asyncio.gather(*waiting, return_exceptions=True)

    assert isinstance(done[0], asyncio.CancelledError)
    assert done[1:] == [None, None]


@given(st.lists(st.integers(1, 10**12), min_size=1, max_size=200))
def test_latency_is_right_to_some_percent(values: list[int]) -> None:
    latency = Latency()
    for value in values:
        latency.add(value)
    for percent in (50, 99):
        exact = sorted(values)[max(int(np.ceil(len(values) * percent / 100)), 1) - 1]
        found = latency.percentile(percent)
        assert found is not None
        assert exact <= found * 1.0000001 <= exact * 1.13 + 1
    assert latency.to_dict()["count"] == len(values)


def test_no_latency_is_none() -> None:
    assert Latency().to_dict() == {"count": 0, "p50_us": None, "p99_us": None, "p99.9_us": None}


def test_kill_switch_survives_and_fails_closed(tmp_path: Path) -> None:
    switch = KillSwitch(tmp_path)
    assert (switch.on, switch.read()) == (False, {})
    switch.set("enough", flatten=True, time_ms=5)
    again = KillSwitch(tmp_path)
    assert again.on
    assert again.read() == {"reason": "enough", "flatten": True, "time": 5}
    (tmp_path / "kill_switch.json").write_text("{broken")
    assert (again.on, again.read()) == (True, {})
    again.clear()
    again.clear()
    assert not switch.on
    with pytest.raises(TriplaneError, match="cannot be written"):
        KillSwitch(tmp_path / "no").set("x", flatten=False, time_ms=0)


@given(st.lists(st.lists(st.floats(1, 100), min_size=1, max_size=7), max_size=60), st.booleans())
def test_equity_curve_has_the_last_value_of_each_time(times: list[list[float]], batch: bool) -> None:
    curve = EquityCurve()
    flat = [(t * 60_000, value) for t, values in enumerate(times) for value in values]
    if batch:
        for half in (flat[: len(flat) // 2], flat[len(flat) // 2 :]):
            curve.extend(np.array([t for t, _ in half], np.int64), np.array([v for _, v in half]))
    else:
        for time, value in flat:
            curve.add(time, value)
    expected = [{"time": t * 60_000, "equity": values[-1]} for t, values in enumerate(times)]

    assert curve.points(1000) == expected
    assert len(curve) == len(times)
    if expected:
        few = curve.points(5)
        assert len(few) <= 5
        assert few[-1] == expected[-1]
        curve.settle(7.0)
        assert curve.points(1)[0]["equity"] == 7.0


def test_record_gives_the_figures_and_makes_them_once() -> None:
    record = Record(100.0)
    assert record.performance()["trades"] == 0
    rows = np.zeros(2, OUTPUT)
    rows["kind"] = [ROW_TRADE, 1]
    rows["x"][0, :7] = [10, 11, 1.5, 0.5, 0, 60_000, 0.75]
    record.add(rows)
    record.curve.add(0, 100.0)
    record.curve.add(60_000, 101.5)
    figures = record.performance()

    assert (figures["trades"], figures["net_pnl"], figures["fees"]) == (1, 1.5, 0.5)
    assert figures["win_rate"] == 1.0
    assert record.performance()["reasons"] is figures["reasons"]


def test_decision_hash_takes_decisions_in_any_pieces() -> None:
    rows = np.zeros(30, OUTPUT)
    rows["kind"] = np.arange(30) % 9 + 1
    rows["seq"] = np.arange(30)
    digest = DecisionHash()
    for part in np.array_split(rows, 7):
        digest.update(part)
    digest.update(rows[:0])
    decisions = rows[rows["kind"] <= LAST_DECISION]

    assert digest.hexdigest() == hashlib.sha256(decisions.tobytes()).hexdigest()
    assert digest.count == len(decisions)

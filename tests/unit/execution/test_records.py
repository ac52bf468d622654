"""Records of client order ids survive whatever ends the process."""

import os
import subprocess
import sys

import pytest
from fakes import D, limit, stop
from hypothesis import given
from hypothesis import strategies as st

from triplane.errors import DataError, TriplaneError
from triplane.execution.records import FILE, KillSwitchState, OrderRecords, RecordState
from triplane.venues.base import NewOrder, OrderReport, OrderStatus, OrderType
from triplane.venues.errors import Refused, Why


def report(client_id):
    return OrderReport(
        client_id, "BTCUSDT", 1, OrderType.LIMIT, OrderStatus.OPEN, D("0.01"), D("0.004"), D("50000.10"), D(49_000),
        venue_id="7", child_id="8", updated=9, reason="why",
    )  # fmt: skip


def again(folder, records):
    """What the next process finds."""
    records.close()
    return OrderRecords(folder)


def ids_after(folder, records):
    after = again(folder, records)
    after.close()
    return [record.order.client_id for record in after]


def test_everything_is_there_again(tmp_path):
    records = OrderRecords(tmp_path)
    for name in ("a", "b", "c", "d"):
        records.sent(limit(name), 5)
    records.answered("a", report("a"))
    records.refused("b", Refused("no money", "-2019", Why.FUNDS))
    records.free("c")
    records.sent(stop("e"), 6)
    records.switch(KillSwitchState(True, 7, "enough"))
    for _ in range(2):
        records = again(tmp_path, records)
        assert {r.order.client_id: r.state for r in records} == {
            "a": RecordState.ANSWERED, "b": RecordState.REFUSED, "c": RecordState.FREE, "d": RecordState.SENT,
            "e": RecordState.SENT,
        }  # fmt: skip
        assert records.get("a").report == report("a")
        refusal = records.get("b").refusal
        assert (str(refusal), refusal.code, refusal.why) == ("no money", "-2019", Why.FUNDS)
        assert (records.get("e").order, records.get("e").sent_at) == (stop("e"), 6)
        assert records.kill == KillSwitchState(True, 7, "enough")
    records.switch(KillSwitchState())
    assert not again(tmp_path, records).kill.active


def test_the_format_of_the_file_stays(tmp_path):
    """A file of an earlier version is read, and what is written reads the same there."""
    lines = (
        b'{"id":"a","at":5,"order":{"client_id":"a","symbol":"BTCUSDT","side":-1,"type":"stop_market",'
        b'"quantity":"0.01","price":null,"trigger":"1000","reduce_only":true,"time_in_force":"GTC"}}\n'
        b'{"kill":{"active":true,"since":7,"reason":"enough"}}\n'
    )
    (tmp_path / FILE).write_bytes(lines)
    records = OrderRecords(tmp_path)
    order = NewOrder("a", "BTCUSDT", -1, OrderType.STOP_MARKET, D("0.01"), None, D(1000), reduce_only=True)
    assert (records.get("a").order, records.kill) == (order, KillSwitchState(True, 7, "enough"))
    records.sent(order, 5)
    records.switch(records.kill)
    records.close()
    assert (tmp_path / FILE).read_bytes() == lines * 2


def test_the_last_attempt_counts(tmp_path):
    records = OrderRecords(tmp_path)
    records.sent(limit("a"), 5)
    records.free("a")
    records.sent(limit("a"), 9)
    assert (records.get("a").state, records.get("a").sent_at) == (RecordState.SENT, 9)
    records = again(tmp_path, records)
    assert (records.get("a").state, records.get("a").sent_at) == (RecordState.SENT, 9)
    records.close()


def test_a_torn_last_line_is_dropped_wherever_it_is_torn(tmp_path):
    records = OrderRecords(tmp_path)
    records.sent(limit("a"), 5)
    whole = (tmp_path / FILE).stat().st_size
    records.sent(limit("b"), 6)
    records.close()
    content = (tmp_path / FILE).read_bytes()
    for end in range(whole, len(content)):
        (tmp_path / FILE).write_bytes(content[:end])
        with_end = OrderRecords(tmp_path)
        assert [r.order.client_id for r in with_end] == ["a"]
        with_end.sent(limit("c"), 7)
        assert ids_after(tmp_path, with_end) == ["a", "c"]


def test_a_line_that_is_damaged_is_named(tmp_path):
    records = OrderRecords(tmp_path)
    records.sent(limit("a"), 5)
    records.close()
    with (tmp_path / FILE).open("ab") as file:
        file.write(b'{"id": "x", "free": true}\n')
    with pytest.raises(DataError, match="line 2"):
        OrderRecords(tmp_path)


def test_one_process_at_a_time(tmp_path):
    records = OrderRecords(tmp_path)
    with pytest.raises(TriplaneError, match="Another router"):
        OrderRecords(tmp_path)
    records.close()
    OrderRecords(tmp_path).close()


def test_a_folder_that_cannot_be_used(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(TriplaneError, match="cannot be used"):
        OrderRecords(tmp_path / "file")


def test_what_is_written_survives_a_kill(tmp_path):
    """The process ends itself without a word right after the write."""
    code = (
        "import os, signal, sys; from decimal import Decimal; from pathlib import Path\n"
        "from triplane.execution.records import OrderRecords; from triplane.venues.base import NewOrder, OrderType\n"
        "r = OrderRecords(Path(sys.argv[1]))\n"
        "r.sent(NewOrder('a', 'BTCUSDT', 1, OrderType.MARKET, Decimal('0.1')), 5)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert done.returncode != 0
    records = OrderRecords(tmp_path)
    assert records.get("a").state is RecordState.SENT
    records.close()


def test_a_full_disk_leaves_no_half_of_a_line(tmp_path, monkeypatch):
    records = OrderRecords(tmp_path)
    records.sent(limit("a"), 5)
    write = os.write
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:10]))
    with pytest.raises(OSError, match="No space"):
        records.sent(limit("b"), 6)
    assert records.get("b") is None
    monkeypatch.undo()
    records.sent(limit("c"), 7)
    assert ids_after(tmp_path, records) == ["a", "c"]


def test_without_a_folder_it_is_in_memory():
    records = OrderRecords()
    records.sent(limit("a"), 5)
    records.answered("a", report("a"))
    records.sync()
    records.close()
    assert records.get("a").report == report("a")


amounts = st.decimals("0.00000001", 10**9, places=8)


@given(
    st.lists(
        st.builds(
            NewOrder, st.from_regex(r"\A[.A-Z:/a-z0-9_-]{1,36}\Z"), st.sampled_from(["BTCUSDT", "ETHUSDT"]),
            st.sampled_from([1, -1]), st.sampled_from(OrderType), amounts, st.none() | amounts, st.none() | amounts,
            st.booleans(), st.sampled_from(["GTC", "IOC", "FOK", "GTX"]),
        ),
        unique_by=lambda order: order.client_id,
        max_size=5,
    )
)  # fmt: skip
def test_orders_come_back_exactly(tmp_path_factory, orders):
    folder = tmp_path_factory.mktemp("records")
    records = OrderRecords(folder)
    for n, order in enumerate(orders):
        records.sent(order, n)
    records = again(folder, records)
    assert [r.order for r in records] == orders
    records.close()

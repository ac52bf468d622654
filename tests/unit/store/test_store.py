"""Batches are stored once, pages are cut right, and every failure is one sentence."""

import sqlite3
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateTable

from triplane.errors import BadInput
from triplane.store import Store, StoreError
from triplane.store.schema import METADATA
from triplane.store.store import NEVER


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "triplane.sqlite") as opened:
        yield opened


def order(number: int, seq: int, **fields: Any) -> dict[str, Any]:
    row = {
        "order_id": f"o{number}",
        "client_order_id": f"c{number}",
        "session_id": "s",
        "seq": seq,
        "symbol": "BTCUSDT",
        "decision": number,
        "leg": "entry",
        "type": "market",
        "side": "buy",
        "status": "working",
        "quantity": Decimal("0.001"),
        "filled_quantity": Decimal(0),
        "reduce_only": False,
        "created_at": 1000 * number,
        "updated_at": 1000 * number,
    }
    return row | fields


def trade(number: int, **fields: Any) -> dict[str, Any]:
    row = {
        "id": f"p{number:04}",
        "session_id": "s",
        "seq": number,
        "symbol": "BTCUSDT",
        "decision": number,
        "side": "LONG",
        "status": "closed",
        "quantity": Decimal("0.5"),
        "entry_time": 10 * number,
        "entry_price": Decimal(100),
        "exit_time": 10 * number + 5,
        "exit_price": Decimal(101),
        "pnl": Decimal("0.5"),
    }
    return row | fields


def test_a_batch_is_stored_once(store: Store) -> None:
    assert store.last_seq("s") == NEVER
    assert store.write(
        "s", 2, {"orders": [order(1, 1), order(2, 2)]}, path="s.journal", size=512, decisions_sha256="ab"
    )
    assert not store.write("s", 2, {"orders": [order(3, 2)]})
    assert store.orders().total == 2
    assert store.journal("s") == {
        "session_id": "s",
        "path": "s.journal",
        "bytes": 512,
        "last_seq": 2,
        "decisions_sha256": "ab",
    }


def test_a_batch_that_overlaps_moves_nothing_back(store: Store) -> None:
    store.write("s", 5, {"orders": [order(1, 5, status="filled")]})
    store.write("s", 6, {"orders": [order(1, 3, status="working"), order(2, 6)]})
    assert store.order("o1")["status"] == "filled"  # type: ignore[index]
    assert store.order("o2")["status"] == "working"  # type: ignore[index]


def test_of_one_key_in_a_batch_the_last_counts(store: Store) -> None:
    store.write("s", 2, {"orders": [order(1, 1), order(1, 2, status="filled")]})
    assert [row["status"] for row in store.orders().items] == ["filled"]


def test_a_failing_batch_leaves_nothing(store: Store) -> None:
    with pytest.raises(StoreError, match=r"UNIQUE.*client_order_id"):
        store.write("s", 2, {"fills": [], "orders": [order(1, 1), order(2, 2, client_order_id="c1")]})
    assert store.orders().total == 0
    assert store.last_seq("s") == NEVER


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=8))
def test_any_way_of_sending_the_rows_gives_the_same_tables(tmp_path: Path, cuts: list[tuple[int, int]]) -> None:
    """A projector that crashed sends again from anywhere at or before where it was."""
    rows = [order(seq % 7, seq, status=("working", "filled")[seq % 2]) for seq in range(30)]
    with Store(":memory:") as once, Store(":memory:") as often:
        once.write("s", 29, {"orders": rows})
        for start, end in cuts:
            stored = often.last_seq("s")
            batch = rows[min(start, stored + 1) : end]
            if batch:
                often.write("s", batch[-1]["seq"], {"orders": batch})
        often.write("s", 29, {"orders": rows[often.last_seq("s") + 1 :]})
        assert often.orders().items == once.orders().items


@pytest.mark.parametrize(
    ("rows", "said"),
    [({"order": []}, "no table 'order'"), ({"orders": [{"order_id": "x", "colour": "red"}]}, "no column colour")],
)
def test_rows_that_do_not_fit(store: Store, rows: dict[str, list[dict[str, Any]]], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        store.write("s", 1, rows)


def test_pages(store: Store) -> None:
    store.write("s", 7, {"positions": [trade(number) for number in range(1, 8)]})
    first, last, beyond = (store.trades(page=page, limit=3) for page in (1, 3, 4))
    assert [row["id"] for row in first.items] == ["p0007", "p0006", "p0005"]
    assert [row["id"] for row in last.items] == ["p0001"]
    assert beyond.items == []
    assert {page.total for page in (first, last, beyond)} == {7}


@pytest.mark.parametrize(("page", "limit"), [(0, 10), (1, 0), (1, 501), (-1, 5)])
def test_a_page_out_of_range_is_refused(store: Store, page: int, limit: int) -> None:
    with pytest.raises(BadInput, match="limit is 1 to 500"):
        store.trades(page=page, limit=limit)


def test_filters(store: Store) -> None:
    rows = [trade(1), trade(2, symbol="ETHUSDT"), trade(3, session_id="t"), trade(4, status="open", exit_time=None)]
    store.write("s", 4, {"positions": rows})
    assert [row["id"] for row in store.trades().items] == ["p0003", "p0002", "p0001"]
    assert [row["id"] for row in store.positions(status="open").items] == ["p0004"]
    assert [row["id"] for row in store.trades(symbol="ETHUSDT").items] == ["p0002"]
    assert [row["id"] for row in store.trades(session="t").items] == ["p0003"]
    assert [row["id"] for row in store.trades(start=15, end=35).items] == ["p0002", "p0001"]
    assert [row["id"] for row in store.trades(start=16, end=36).items] == ["p0003", "p0002"]
    with pytest.raises(BadInput, match="cannot be filtered by 'colour'"):
        store.trades(colour="red")


def test_candles(store: Store) -> None:
    prices = {"open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 3.0}
    key = {"venue": "demo", "symbol": "BTCUSDT", "timeframe": "1m"}
    store.put("candles", [key | {"open_time": 60_000 * number} | prices for number in range(10)])
    store.put("candles", [key | {"open_time": 0} | prices | {"close": 9.0}])
    assert [row["open_time"] for row in store.candles("demo", "BTCUSDT", "1m", limit=2)] == [480_000, 540_000]
    assert [row["close"] for row in store.candles("demo", "BTCUSDT", "1m", before=120_000)] == [9.0, 1.5]
    assert store.candles("demo", "BTCUSDT", "5m") == []


def test_settings_are_numbered(store: Store) -> None:
    change = {"session_id": "s", "changed_at": 1, "changed_by": "page", "values": {"risk_per_trade": 0.01}}
    store.put("settings", [change, change | {"changed_at": 2}])
    assert [(row["id"], row["changed_at"]) for row in store.settings().items] == [(2, 2), (1, 1)]


def test_a_risk_event_is_acknowledged(store: Store) -> None:
    event = {
        "alert_id": "a",
        "session_id": "s",
        "seq": 1,
        "timestamp": 1,
        "severity": "WARNING",
        "alert_type": "daily_loss_limit",
        "message": "The loss of the day is 3.1 %.",
        "details": {"value": 0.031, "limit": 0.03},
        "acknowledged": False,
    }
    store.write("s", 1, {"risk_events": [event]})
    assert store.risk_events(acknowledged=False).total == 1
    assert store.acknowledge("a")
    assert not store.acknowledge("b")
    assert store.risk_events(acknowledged=True).items[0]["details"] == {"value": 0.031, "limit": 0.03}


def test_write_ahead_log_and_reading_while_another_writes(store: Store, tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "triplane.sqlite", isolation_level=None)
    assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.execute("BEGIN IMMEDIATE")
    assert store.orders().total == 0
    other.close()


def test_locked(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path, busy_ms=1) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"cannot be written: another program is writing to it; .*\.$"):
            store.put("sessions", [])
        other.close()


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    path.write_bytes(b"this is no database, but a letter to somebody else " * 40)
    with pytest.raises(StoreError, match=r"cannot be opened: it is not a database; .*\.$"):
        Store(path)


def test_damaged(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path) as store:
        store.write("s", 500, {"positions": [trade(number) for number in range(1, 501)]})
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"it is damaged; .*\.$"):
        Store(path).trades()


def test_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be opened: .*\.$"):
        Store(tmp_path / "file" / "triplane.sqlite")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that not even root may write to")
def test_read_only_folder() -> None:
    with pytest.raises(StoreError, match=r"cannot be opened: .*\.$"):
        Store(Path("/proc/self/triplane.sqlite"))


def test_read_only_file(store: Store) -> None:
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(StoreError, match=r"cannot be written: it is read-only; .*\.$"):
        store.write("s", 1, {"orders": [order(1, 1)]})


@pytest.mark.parametrize("address", ["nonsense://", "postgresql+nodriver://host/name", "://"])
def test_an_address_that_cannot_be_used(address: str) -> None:
    with pytest.raises((BadInput, StoreError), match=r"database"):
        Store(address)


def test_every_statement_is_one_that_postgresql_understands() -> None:
    """The same tables and writes, compiled for the other database."""
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    for table in METADATA.sorted_tables:
        made = str(CreateTable(table).compile(dialect=dialect))
        assert "DATETIME" not in made
        keys = [column.name for column in table.primary_key]
        insert = postgresql.insert(table)
        changes = {column.name: insert.excluded[column.name] for column in table.c if column.name not in keys}
        text = str(insert.on_conflict_do_update(index_elements=keys, set_=changes).compile(dialect=dialect))
        assert f"ON CONFLICT ({', '.join(keys)}) DO UPDATE" in text
    assert "price NUMERIC" in str(CreateTable(METADATA.tables["orders"]).compile(dialect=dialect))

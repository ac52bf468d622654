"""Facts are stored once, pages are cut right, and every failure is one sentence."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy.dialects import postgresql

from tests.unit.store.samples import alert, candle, error, order, session, trade
from triplane.errors import BadInput
from triplane.model.facts import Account, Fact, SessionEnd
from triplane.store import Store, StoreError, project


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "triplane.sqlite") as opened:
        yield opened


def shape(fact: Fact) -> dict[str, Any]:
    """The fact as JSON, without its name."""
    return {name: value for name, value in msgspec.to_builtins(fact).items() if name != "event"}


def test_a_row_is_the_fact(store: Store) -> None:
    facts = [session(), order(1, 2), trade(3), candle(1, 4), alert(1, 5), error(6)]
    assert store.project(facts) == 6
    for name, fact in zip(("orders", "trades", "candles", "errors"), (*facts[1:4], facts[5]), strict=True):
        assert store.page(name).items == [shape(fact)]
    assert store.risk_events().items == [shape(facts[4]) | {"acknowledged": False}]
    assert store.order("o1") == shape(facts[1])
    assert store.signal("g1") is None


def test_a_batch_is_stored_once(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_bytes(b"12345")
    assert store.have() == {}
    assert store.project([session(), order(1, 2), order(2, 3)], file) == 3
    assert store.project([order(2, 2), order(3, 3)], file) == 3
    assert store.orders().total == 2
    assert store.have() == {"s": 3}
    assert list(store.rows("journal", "s")) == [{"session_id": "s", "path": str(file), "bytes": 5, "last_seq": 3}]


def test_a_batch_that_overlaps_adds_only_what_is_new(store: Store) -> None:
    store.project([session(), order(1, 2, status="filled")])
    assert store.project([order(1, 2, status="working"), order(2, 3)]) == 3
    assert store.order("o1")["status"] == "filled"  # type: ignore[index]
    assert store.order("o2")["status"] == "working"  # type: ignore[index]


def test_a_batch_behind_a_gap_is_left_alone(store: Store) -> None:
    store.project([session()])
    assert store.project([order(1, 3)]) == 1
    assert store.orders().total == 0
    with pytest.raises(BadInput, match="session s before number 3 are missing"):
        project(store, [order(1, 3)])


def test_of_one_key_the_newest_counts(store: Store) -> None:
    store.project([session(), order(1, 2), order(1, 3, status="filled")])
    store.project([order(1, 4, status="cancelled")])
    assert [(row["seq"], row["status"]) for row in store.orders().items] == [(4, "cancelled")]


def test_of_two_sessions_with_one_candle_the_later_one_has_it(tmp_path: Path) -> None:
    first, second = candle(1, 1, session_id="a", close=1.1), candle(1, 1, session_id="b", close=1.2)
    for facts in ((first, second), (second, first)):
        with Store(":memory:") as store:
            for fact in facts:
                store.project([fact])
            assert store.page("candles").items == [shape(second)]


def test_a_failing_batch_leaves_nothing(store: Store) -> None:
    with pytest.raises(StoreError, match=r"UNIQUE.*client_order_id"):
        store.project([session(), order(1, 2), order(2, 3, client_order_id="c1")])
    assert store.orders().total == store.sessions().total == 0
    assert store.have() == {}


def test_the_record_of_a_session(store: Store) -> None:
    def account(seq: int, equity: float, reason: str | None = None, epoch: int = 0, start: float = 10_000.0) -> Account:
        return Account(
            session_id="s", seq=seq, time=seq, epoch=epoch, start_balance=start, simulated=0.0, balance=equity,
            equity=equity, unrealized=0.0, used_margin=0.0, peak_equity=equity, max_drawdown=0.0, day_equity=equity,
            trades_today=0, open_positions=0, halted=reason is not None, halt_reason=reason, gates=[],
        )  # fmt: skip

    store.project([session()])
    row = store.session("s")
    assert row is not None
    assert (row["status"], row["net_pnl"], row["ended_at"], row["parameters"]) == ("open", "0", None, {"fast": 9.0})
    store.project([account(2, 9_990.0), account(3, 10_000.1, "drawdown")])
    row = store.session("s")
    assert row is not None
    assert (row["net_pnl"], row["halt_reason"]) == ("0.1", "drawdown")
    store.project([account(4, 4_990.0, epoch=1, start=5_000.0)])  # begun anew with half of it: that is no loss
    row = store.session("s")
    assert row is not None
    assert (row["net_pnl"], row["start_balance"]) == ("-10", "5000")
    store.project([account(5, 10_000.0), SessionEnd(session_id="s", seq=6, time=99, decisions_sha256="ab")])
    row = store.session("s")
    assert row is not None
    assert (row["status"], row["ended_at"], row["decisions_sha256"]) == ("finished", 99, "ab")
    assert (row["net_pnl"], row["halt_reason"]) == ("0", None)


def test_a_session_that_is_replaced(store: Store) -> None:
    store.project([session(), order(1, 2), order(2, 3), alert(1, 4), alert(2, 5), error(6)])
    store.project([session(session_id="other", started_at=0)])
    store.acknowledge("a2")
    again = [session(timeframe="1h"), order(2, 2), alert(1, 3), alert(2, 4)]
    assert store.replace("s", iter([again[:1], again[1:]])) == 4
    assert [row["order_id"] for row in store.orders().items] == ["o2"]
    assert {row["alert_id"]: row["acknowledged"] for row in store.risk_events().items} == {"a1": False, "a2": True}
    assert store.page("errors").total == 0
    assert [row["timeframe"] for row in store.sessions().items] == ["1h", "15m"]
    assert store.have() == {"s": 4, "other": 1}


@pytest.mark.parametrize("facts", [[], [order(1, 2)]])
def test_a_session_is_not_replaced_by_nothing_or_a_part(store: Store, facts: list[Fact]) -> None:
    store.project([session(), order(1, 2)])
    with pytest.raises(BadInput, match="session s"):
        store.replace("s", iter([facts] if facts else []))
    assert store.have() == {"s": 2}
    assert store.orders().total == 1


@pytest.mark.parametrize(
    ("table", "rows", "said"),
    [("order", [], "no table 'order'"), ("backtest_results", [{"id": "x", "colour": "red"}], "no column colour")],
)
def test_records_that_do_not_fit(store: Store, table: str, rows: list[dict[str, Any]], said: str) -> None:
    with pytest.raises(BadInput, match=said):
        store.put(table, rows)


def test_what_no_fact_leads_to(store: Store) -> None:
    result = {
        "id": "b", "created_at": 5, "strategy": "ema_cross", "symbol": "BTCUSDT", "timeframe": "1h", "data": "file",
        "parameters": {"fast": 9}, "metrics": {"sharpe": 1.5}, "decisions_sha256": "ab",
    }  # fmt: skip
    store.put("backtest_results", [result])
    store.put("backtest_results", [result | {"data": "other"}])
    assert store.page("backtest_results", strategy="ema_cross").items == [result | {"data": "other"}]


def test_pages(store: Store) -> None:
    store.project([trade(number) for number in range(1, 8)])
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
    store.project([trade(1), trade(2, symbol="ETHUSDT")])
    store.project([trade(1, session_id="t", id="p0003", exit_time=35)])
    assert [row["id"] for row in store.trades().items] == ["p0003", "p0002", "p0001"]
    assert [row["id"] for row in store.trades(symbol="ETHUSDT").items] == ["p0002"]
    assert [row["id"] for row in store.trades(session="t", symbol=None).items] == ["p0003"]
    assert [row["id"] for row in store.trades(start=15, end=35).items] == ["p0002", "p0001"]
    assert [row["id"] for row in store.trades(start=16, end=36).items] == ["p0003", "p0002"]
    with pytest.raises(BadInput, match="cannot be filtered by 'colour'"):
        store.trades(colour="red")


def test_one_of_the_sessions(store: Store) -> None:
    store.project([session()])
    store.project([session(session_id="t", started_at=2)])
    assert [row["id"] for row in store.sessions(session="t").items] == ["t"]


def test_what_was_acknowledged_stays_so(store: Store) -> None:
    store.project([session(), alert(1, 2)])
    assert store.risk_events(acknowledged=False).total == 1
    assert store.acknowledge("a1")
    assert not store.acknowledge("b")
    store.project([alert(1, 3, severity="CRITICAL")])
    assert [row["severity"] for row in store.risk_events(acknowledged=True).items] == ["CRITICAL"]


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
            store.project([session()])
        other.close()


def test_not_a_database(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    path.write_bytes(b"this is no database, but a letter to somebody else " * 40)
    with pytest.raises(StoreError, match=r"cannot be opened: it is not a database; .*\.$"):
        Store(path)


def test_damaged(tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path) as store:
        store.project([trade(number) for number in range(1, 501)])
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
        store.project([session()])


@pytest.mark.parametrize("address", ["nonsense://", "postgresql+nodriver://host/name", "://"])
def test_an_address_that_cannot_be_used(address: str) -> None:
    with pytest.raises((BadInput, StoreError), match=r"database"):
        Store(address)


def test_every_write_is_one_that_postgresql_understands(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    monkeypatch.setattr(store._engine.dialect, "name", "postgresql")
    for table in store.schema.tables.values():
        text = str(store._statement(table, tuple(table.c.keys())).compile(dialect=dialect))
        keys = [column.name for column in table.primary_key]
        assert f"ON CONFLICT ({', '.join(keys)}) DO UPDATE" in text
        assert ("(excluded.session_id, excluded.seq) >= " in text) == ("seq" in table.c)

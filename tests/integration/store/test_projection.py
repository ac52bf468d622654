"""A session that traded, in the tables of the store: complete, exact, and the same however often it was interrupted."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from triplane.engine.events import Event, Fill, Order, Signal, Trade
from triplane.engine.storing import StoreSink, Writer

from triplane.data.generator import demo_instrument, generate
from triplane.engine.decode import Decoder
from triplane.engine.session import Session
from triplane.engine.setup import Setup
from triplane.store import Store
from triplane.strategies.registry import find

START = 1_735_689_600_000
INSTRUMENT = demo_instrument("BTCUSDT")


class Made:
    """A session that has taken 12,000 candles, and what it said."""

    def __init__(self, folder: Path) -> None:
        spec = find("ema_cross")
        setup = Setup("ema_cross", spec.resolve({}), (INSTRUMENT,), 60_000, 60_000, source="generated")
        core = setup.core()
        self.session = Session.create(folder, setup, core, START)
        candles = generate(7, START, 12_000)
        rows, _ = self.session.feed_batch(np.zeros(len(candles), np.int64), candles)
        self.candles = candles
        self.rows = rows
        decoder = Decoder(self.session.id, setup.instruments, spec)
        self.events: list[Event] = decoder.decode(rows)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if type(event) is kind]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("sessions"))


TABLES = ("trades", "positions", "signals", "orders", "fills", "risk_events", "decisions")


def everything(store: Store) -> dict[str, list[dict[str, Any]]]:
    """Every page of every table."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name in TABLES:
        page = 1
        while items := getattr(store, name)(page=page, limit=500).items:
            found.setdefault(name, []).extend(items)
            page += 1
    return found


async def write(store: Store, made: Made, upto: int, step: int = 10**9) -> Writer:
    """Tell a new writer everything from the first row on, as a session does that is made again from its journal."""
    writer = Writer(StoreSink(store))
    writer.begin(made.session.id)
    for start in range(1, upto + 1, step):
        writer.add([event for event in made.events if start <= event.seq < min(start + step, upto + 1)])
        assert await writer.flush(made.session, "running")
    return writer


async def test_the_tables_hold_what_the_events_said(made: Made, tmp_path: Path) -> None:
    with Store(tmp_path / "triplane.sqlite") as store:
        writer = await write(store, made, made.session.rows)
        assert writer.waiting == 0
        found = everything(store)
    trades = {trade.id: trade for trade in made.of(Trade)}
    assert len(trades) > 10
    assert {row["id"] for row in found["trades"]} == set(trades)
    for row in found["trades"]:
        trade = trades[row["id"]]
        for name in (
            "pnl",
            "fees",
            "entry_price",
            "exit_price",
            "quantity",
            "balance_after",
            "exit_time",
            "exit_reason",
        ):
            assert row[name] == getattr(trade, name)
        assert row["stop_loss"] is not None
    newest = max(found["trades"], key=lambda row: row["seq"])
    assert float(newest["balance_after"]) == pytest.approx(10_000 + float(sum(row["pnl"] for row in found["trades"])))
    assert {row["fill_id"] for row in found["fills"]} == {fill.fill_id for fill in made.of(Fill)}
    last_words = {order.order_id: order.status for order in made.of(Order)}
    assert {row["order_id"]: row["status"] for row in found["orders"]} == last_words
    fates = {signal.id: signal.status for signal in made.of(Signal)}
    assert {row["id"]: row["status"] for row in found["signals"]} == fates


async def test_interrupted_and_told_again_from_the_first(made: Made, tmp_path: Path) -> None:
    """However often it was killed, and however the rows were cut: the same tables as in one go."""
    with Store(tmp_path / "once.sqlite") as once, Store(tmp_path / "often.sqlite") as often:
        await write(once, made, made.session.rows)
        rng = np.random.default_rng(3)
        for upto in [*rng.integers(1, made.session.rows, 8), made.session.rows]:
            await write(often, made, int(upto), step=97)
        assert everything(often) == everything(once)
        assert often.last_seq(made.session.id) == made.session.rows


async def test_a_database_that_fails_loses_nothing(made: Made, tmp_path: Path) -> None:
    async def at_once(_: float) -> None:
        return None

    with Store(tmp_path / "triplane.sqlite", busy_ms=1) as store:
        writer = Writer(StoreSink(store), at_once)
        writer.begin(made.session.id)
        writer.add(made.events)
        with store._engine.execution_options(write=True).begin():
            assert not await writer.flush(made.session, "running", tries=2)
        assert writer.waiting == len(made.events)
        assert everything(store) == {}
        assert await writer.flush(made.session, "running")
        assert len(everything(store)["fills"]) == len(made.of(Fill))


async def test_the_session_has_its_record(made: Made, tmp_path: Path) -> None:
    with Store(tmp_path / "triplane.sqlite") as store:
        await write(store, made, made.session.rows)
        row = store.session(made.session.id)
        assert row is not None
        told = (row["status"], row["strategy"], row["symbols"], row["timeframe"])
        assert told == ("running", "ema_cross", ["BTCUSDT"], "1m")
        assert row["decisions_sha256"] == made.session.decisions.hexdigest()
        journal = store.journal(made.session.id)
        assert journal is not None
        assert journal["last_seq"] == made.session.rows

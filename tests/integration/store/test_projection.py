"""A session that traded, in the tables of the store: complete, exact, and made again from its journal alone."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.integration.store.story import everything
from triplane.data.generator import demo_instrument, generate
from triplane.engine.facts import facts_of
from triplane.engine.session import Session
from triplane.engine.setup import Setup
from triplane.flow.log import FILE
from triplane.model.facts import Candle, Fact, Features, Fill, Order, Signal, Trade
from triplane.model.live import ENCODER
from triplane.model.money import money_text
from triplane.store import Projector, Store, project
from triplane.store.rebuild import check, rebuild
from triplane.strategies.registry import find

START = 1_735_689_600_000
INSTRUMENT = demo_instrument("BTCUSDT")


class Made:
    """A session that has taken candles one by one and then in a batch, and what it said."""

    def __init__(self, sessions: Path) -> None:
        spec = find("ema_cross")
        setup = Setup("ema_cross", spec.resolve({"fast": 3, "slow": 7}), (INSTRUMENT,), 60_000, 60_000, source="market")
        self.session = Session.create(sessions, setup, setup.core(), START)
        self.candles = generate(7, START, 4000)
        for i in range(1000):
            self.session.feed_candle(0, self.candles, i)
        self.session.feed_batch(np.zeros(3000, np.int64), self.candles[1000:])
        self.session.close()
        self.id, self.folder = self.session.id, self.session.folder
        self.facts: list[Fact] = list(facts_of(self.folder))
        (self.folder / FILE).write_bytes(b"".join(ENCODER.encode(fact) + b"\n" for fact in self.facts))

    def of(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if type(fact) is kind]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("data") / "sessions")


def test_the_tables_hold_what_the_session_did(made: Made, tmp_path: Path) -> None:
    with Store(tmp_path / "triplane.sqlite") as store:
        project(store, made.facts)
        found = everything(store)
    trades = {trade.id: trade for trade in made.of(Trade)}
    assert len(trades) > 10
    assert {row["id"] for row in found["trades"]} == set(trades)
    for row in found["trades"]:
        for name in ("pnl", "fees", "entry_price", "exit_price", "quantity", "balance_after", "exit_time"):
            assert row[name] == getattr(trades[row["id"]], name)
        assert row["stop_loss"] is not None
    newest = max(found["trades"], key=lambda row: row["seq"])
    earned = sum(float(row["pnl"]) for row in found["trades"])
    assert float(newest["balance_after"]) == pytest.approx(10_000 + earned)
    assert {row["fill_id"] for row in found["fills"]} == {fill.fill_id for fill in made.of(Fill)}
    last_words = {order.order_id: order.status for order in made.of(Order)}
    assert {row["order_id"]: row["status"] for row in found["orders"]} == last_words
    fates = {signal.id: signal.status for signal in made.of(Signal)}
    assert {row["id"]: row["status"] for row in found["signals"]} == fates
    assert [row["close"] for row in sorted(found["candles"], key=lambda row: row["open_time"])] == [
        candle.close for candle in made.of(Candle)
    ]
    assert len(found["indicators"]) == len(made.of(Features)) > 900


def test_the_session_has_its_record(made: Made, tmp_path: Path) -> None:
    with Store(tmp_path / "triplane.sqlite") as store:
        project(store, made.facts, made.folder / FILE)
        row = store.session(made.id)
        assert row is not None
        told = (row["status"], row["strategy"], row["symbols"], row["timeframe"], row["started_at"])
        assert told == ("open", "ema_cross", ["BTCUSDT"], "1m", START)
        last = made.of(Trade)[-1]
        assert row["net_pnl"] == money_text(float(last.balance_after) - 10_000)  # nothing is open at the end
        (mark,) = store.rows("journal")
        assert (mark["last_seq"], mark["path"]) == (len(made.facts), str(made.folder / FILE))


def test_interrupted_and_told_again_from_the_first(made: Made, tmp_path: Path) -> None:
    """However often it was killed, and however the facts were cut: the same tables as in one go."""
    with Store(tmp_path / "once.sqlite") as once, Store(tmp_path / "often.sqlite") as often:
        project(once, made.facts)
        rng = np.random.default_rng(3)
        for upto in [*rng.integers(1, len(made.facts), 5), len(made.facts)]:
            projector = Projector(often, made.folder.parent)
            for start in range(0, int(upto), 497):
                projector.on_facts(made.facts[start : min(start + 497, int(upto))])
                assert projector.step() or not projector.lag
        assert everything(often) == everything(once)
        assert often.have() == {made.id: len(made.facts)}


def test_made_again_from_the_journal_alone(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "triplane.sqlite"
    with Store(path) as store:
        project(store, made.facts)
        before = everything(store)
    rebuild(path, [made.folder], facts_of, lambda _: None)
    with Store(path) as store:
        assert everything(store) == before
    assert [checked.ok for checked in check(path, [made.folder], facts_of)] == [True]


def test_a_session_that_began_within_a_bar_does_not_replace_the_whole_one(tmp_path: Path) -> None:
    def candle(session: str, **values: float) -> Candle:
        figures = {"open": 10.0, "high": 12.0, "low": 9.0, "close": 11.0, "volume": 5.0} | values
        return Candle(session_id=session, seq=1, time=900_000, symbol="X", venue="v", tf="15m", open_time=0, **figures)

    with Store(tmp_path / "a.sqlite") as store:
        store.project([candle("a")])
        store.project([candle("b", open=11.5, volume=2.0)])
        (row,) = store.page("candles").items
        assert (row["open"], row["volume"]) == (10.0, 5.0)
        store.project([candle("c", close=10.5)])
        (row,) = store.page("candles").items
        assert row["close"] == 10.5

"""Sessions: journaled before acted on, continued where they ended, never run twice."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplane.data.instruments import Instrument
from triplane.engine.beginning import open_session
from triplane.engine.journal import JournalError, Kind, Reader
from triplane.engine.replay import Recheck, ReplayError
from triplane.engine.session import JOURNAL, Session
from triplane.engine.settings import TradingSettings
from triplane.engine.verify import session_folder, verify
from triplane.errors import BadInput, DataError, TriplaneError
from triplane.kernel.codes import CommandKind
from triplane.kernel.rows import OUTPUT
from triplane.strategies.base import PythonStrategy
from triplane.strategies.python_core import PythonCore


def journaled_rows(folder: Path) -> bytes:
    return b"".join(bytes(f.payload) for f in Reader(folder / JOURNAL) if f.kind == Kind.OUTPUT)


def looked_at(session: Session, core: Any) -> tuple[Session, Recheck]:
    """A session made again from its journal, only to look at it."""
    reader = Reader(session.folder / JOURNAL)
    again = Session(session.folder, reader.meta, core)
    return again, again.replay(reader)


def test_every_input_is_journaled_before_the_core_sees_it(
    tmp_path: Path, core: Any, make_setup: Any, make_candles: Any
) -> None:
    session = Session.create(tmp_path, make_setup(), core)
    kinds: list[list[int]] = []

    def spy(*_: Any) -> None:
        kinds.append([frame.kind for frame in Reader(session.folder / JOURNAL)])

    core.on_moment = spy
    session.feed_candle(0, make_candles(1))
    core.on_command = spy
    session.command(CommandKind.GATE, 0)
    session.close()

    assert kinds == [[Kind.CANDLE], [Kind.CANDLE, Kind.COMMAND]]


class Idle(PythonStrategy):
    name = "idle"


def test_more_symbols_than_a_moment_has_room_for_are_refused(tmp_path: Path, make_setup: Any) -> None:
    """65,536 rows, of which 896 may wait, and 64 for the candle of each symbol."""
    core, setup = PythonCore([(Idle, Path(__file__))]), replace(make_setup(), params={})
    many = [Instrument.research(f"S{k}USDT") for k in range(1011)]
    with pytest.raises(BadInput, match=r"^symbols: 1011 were given, those of all sleeves; .* 1010\.$"):
        Session.create(tmp_path, replace(setup, instruments=tuple(many)), core)
    assert not list(tmp_path.iterdir())
    assert len(replace(setup, instruments=tuple(many[:1010])).start(core)[1]) == 1010


def test_one_by_one_and_in_batches_is_the_same_session(
    tmp_path: Path, core: Any, make_setup: Any, make_candles: Any
) -> None:
    candles, which = make_candles(2000), np.zeros(2000, np.int64)
    one = Session.create(tmp_path / "a", make_setup(), core)
    many = Session.create(tmp_path / "b", make_setup(), core)
    for i in range(len(candles)):
        one.feed_candle(0, candles, i)
    rows, equity = many.feed_batch(which, candles)
    one.finish()
    many.finish()

    assert len(rows) > 1024  # more than the outbox holds
    assert many.A.tobytes() == one.A.tobytes()
    assert many.S.tobytes() == one.S.tobytes()
    assert journaled_rows(many.folder) == journaled_rows(one.folder)
    assert many.decisions.hexdigest() == one.decisions.hexdigest()
    assert equity[-1] == one.A[0]["equity"]
    assert np.array_equal(np.frombuffer(journaled_rows(one.folder), OUTPUT)["seq"], np.arange(1, one.rows + 1))


def test_an_interrupted_session_goes_on_and_a_finished_one_does_not(
    tmp_path: Path, core: Any, make_setup: Any, make_candles: Any
) -> None:
    setup, candles = make_setup(), make_candles(100)
    whole = Session.create(tmp_path / "whole", setup, core)
    whole.feed_batch(np.zeros(100, np.int64), candles)
    whole.command(CommandKind.GATE, 0, price=3.0)
    whole.set_limits(TradingSettings(risk_per_trade=0.5))
    whole.finish()
    whole.close()

    first = open_session(tmp_path / "parts" / "sessions", setup, core)
    first.session.feed_batch(np.zeros(60, np.int64), candles[:60])
    first.session.close()
    second = open_session(tmp_path / "parts" / "sessions", setup, core)
    assert (first.continued, second.continued) == (False, True)
    assert second.session.id == first.session.id
    assert second.session.last_open == [59 * 60_000]
    for i in range(60, 100):
        second.session.feed_candle(0, candles, i)
    second.session.command(CommandKind.GATE, 0, price=3.0)
    second.session.set_limits(TradingSettings(risk_per_trade=0.5))
    second.session.close()
    third = open_session(tmp_path / "parts" / "sessions", setup, core)
    assert third.session.trading.risk_per_trade == 0.5
    third.session.finish()
    third.session.close()

    assert third.session.A.tobytes() == whole.A.tobytes()
    assert third.session.decisions.hexdigest() == whole.decisions.hexdigest()
    assert journaled_rows(third.session.folder) == journaled_rows(whole.folder)
    fourth = open_session(tmp_path / "parts" / "sessions", setup, core)
    assert not fourth.continued
    assert fourth.session.id != third.session.id
    fourth.session.close()


def test_changed_code_that_decides_otherwise_begins_a_new_session(
    tmp_path: Path, core: Any, make_setup: Any, make_candles: Any
) -> None:
    class Other(type(core)):  # type: ignore[misc]
        def _take(self, A: Any, S: Any, k: int, candle: Any, out: Any) -> None:
            super()._take(A, S, k, candle, out)
            if A[0]["n_out"] == 0:
                self._row(A, k, 0, 1, 0.0, out)

    first = open_session(tmp_path / "sessions", make_setup(), core).session
    first.feed_batch(np.zeros(50, np.int64), make_candles(50))
    first.close()
    with pytest.raises(ReplayError, match="gives another result at row"):
        open_session(tmp_path / "sessions", make_setup(), Other())
    changed = Other()
    changed.source_hash = "changed"
    opened = open_session(tmp_path / "sessions", make_setup(), changed)

    assert not opened.continued
    assert first.id in opened.notice
    assert verify(first.folder, core).ok


def test_two_processes_cannot_run_one_session(tmp_path: Path, core: Any, make_setup: Any) -> None:
    session = Session.create(tmp_path, make_setup(), core)
    with pytest.raises(TriplaneError, match="already running"):
        Session.resume(session.folder, core)
    session.close()
    session.close()
    Session.resume(session.folder, core).close()


def test_inputs_that_are_refused_leave_no_trace(tmp_path: Path, core: Any, make_setup: Any, make_candles: Any) -> None:
    unfinished = Session.create(tmp_path, make_setup(2), core)
    session = Session.create(tmp_path, make_setup(2), core)
    candles = make_candles(10)
    session.feed_candle(1, candles, 5)
    size = session.journal.size
    with pytest.raises(DataError, match="S1USDT at 300000 does not come after"):
        session.feed_candle(1, candles, 5)
    with pytest.raises(DataError, match="S0USDT at 60000"):
        session.feed_batch(np.zeros(2, np.int64), candles[[1, 1]])
    session.feed_batch(np.zeros(0, np.int64), candles[:0])
    assert session.journal.size == size
    session.finish()
    with pytest.raises(TriplaneError, match="has ended"):
        session.feed_candle(0, candles, 9)
    with pytest.raises(TriplaneError, match="has ended"):
        session.feed_batch(np.zeros(1, np.int64), candles[9:])
    with pytest.raises(TriplaneError, match="takes no command"):
        session.command(CommandKind.GATE)
    ended, _ = looked_at(session, core)
    assert ended.finished
    looked, recheck = looked_at(unfinished, core)
    assert len(recheck.missing()) == 0
    with pytest.raises(TriplaneError, match="only opened to look at it"):
        looked.feed_candle(0, make_candles(30), 20)


def test_a_session_that_is_not_there_or_not_readable(tmp_path: Path, core: Any, make_setup: Any) -> None:
    for name in ("nothing", "", "../x"):
        with pytest.raises(BadInput, match="There is no session"):
            session_folder(tmp_path, name)
    session = Session.create(tmp_path, make_setup(), core)
    session.close()
    path = session.folder / JOURNAL
    data = path.read_bytes()
    path.write_bytes(data[:20])
    with pytest.raises(JournalError):
        verify(path, core)
    (tmp_path / "file").write_text("")
    with pytest.raises(TriplaneError, match="cannot be created"):
        Session.create(tmp_path / "file", make_setup(), core)

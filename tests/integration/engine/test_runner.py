"""The running session: continued after a stop, stopped by what must stop it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triplane.data.feed import FeedState
from triplane.engine.account import read_record
from triplane.engine.commands import Commands
from triplane.engine.facts import facts_of
from triplane.engine.journal import JournalError, Kind, Reader
from triplane.engine.session import JOURNAL
from triplane.engine.verify import verify
from triplane.errors import TriplaneError
from triplane.kernel.codes import Gate
from triplane.model.facts import Error
from triplane.model.settings import TradingSettings
from triplane.research.backtest import simulate


def shown(engine: Any) -> list[Any]:
    """All that a page shows."""
    replica = engine.replica
    return [
        list(replica.log), replica.portfolio(), replica.history("BTCUSDT", 400), replica.performance(),
        replica.equity_curve(500), replica.pending_signals(), replica.signal_check("BTCUSDT", None), engine.status(),
    ]  # fmt: skip


async def test_a_stopped_session_goes_on_behind_its_last_candle(world: Any) -> None:
    task = await world.start()
    await world.feed(700)
    first = world.engine
    assert first.runner.ready
    seen, facts = shown(first), first.fold.facts
    first.stop()
    outcome = await task
    assert (outcome.finished, outcome.candles) == (False, 700)
    assert world.hand.closed

    task = await world.start()
    again = world.engine
    assert again.continued
    assert again.session.id == first.session.id
    assert world.hand.known == {"BTCUSDT": int(world.candles["open_time"][699])}
    assert again.fold.facts == facts
    assert shown(again) == seen
    await world.feed(300)
    again.stop()
    await task
    whole = simulate(
        world.candles[:1000],
        strategy="ema_cross",
        symbol="BTCUSDT",
        timeframe="1m",
        params={"fast": 3, "slow": 7},
        instrument=world.setup.instruments[0],
        settings=world.setup.trading,
    )
    journal = Reader(again.session.folder / JOURNAL)
    rows = b"".join(bytes(frame.payload) for frame in journal if frame.kind == Kind.OUTPUT)
    assert rows == whole.rows[: again.session.rows].tobytes()  # behind them the backtest closes what is open
    assert again.session.rows > 100
    assert verify(again.session.folder, world.core).ok


async def test_a_stale_feed_closes_entries_until_it_recovers(world: Any) -> None:
    task = await world.start()
    engine = world.engine
    await world.feed(200)
    for state, gates in (
        (FeedState.STALE, ["stale_feed"]),
        (FeedState.STALE, ["stale_feed"]),
        (FeedState.RECOVERED, []),
    ):
        await world.say(state, "quiet")
        status = engine.status()
        assert status.gates == gates
        assert engine.runner.feed_health().stale == bool(gates)
        if gates:
            assert not status.can_receive_signals
            assert not engine.replica.signal_check("BTCUSDT", None).would_trade
    await world.say(FeedState.RECONNECTING, "lost")
    feed = engine.runner.feed_health()
    assert (feed.connected, feed.reconnects, feed.text) == (False, 1, "lost")
    await world.say(FeedState.GAP_REMAINS, "Three candles are missing.")
    (error,) = engine.told(Error)
    assert (error.code, error.message) == ("feed_gap_remains", "Three candles are missing.")
    engine.stop()
    await task


async def test_the_watchdog_closes_entries_when_the_feed_is_mute(world: Any) -> None:
    task = await world.start(live=True, stale_after=30.0)
    await world.feed(150)
    await world.clock.advance(20)
    assert world.engine.status().gates == []
    await world.clock.advance(20)
    assert world.engine.status().gates == ["stale_feed"]
    await world.feed(1)
    await world.clock.advance(10)
    assert world.engine.status().gates == []
    world.engine.stop()
    await task


async def test_history_is_held_until_the_feed_is_live(make_world: Callable[..., Any]) -> None:
    world = make_world(hold=True)
    task = await world.start()
    await world.feed(400)
    assert (world.engine.runner.ready, world.engine.status().state) == (False, "BOOTSTRAP")
    await world.say(FeedState.LIVE)
    assert (world.engine.runner.ready, world.engine.status().state) == (True, "SCANNING")
    world.engine.stop()
    await task


async def test_a_kill_keeps_or_closes_positions_and_says_why_once(world: Any) -> None:
    task = await world.start()
    engine = world.engine
    await world.feed_until(lambda: engine.status().is_active_trade)
    engine.command("halt", reason="enough", flatten=True)
    status = engine.status()
    assert (status.state, status.halt_reason, status.is_active_trade) == ("HALTED", "kill_switch", False)
    assert status.gates == ["kill_switch"]
    assert [(error.code, error.message) for error in engine.told(Error)] == [("kill_switch", "enough")]
    await world.feed(100)
    assert engine.status().state == "HALTED"
    engine.command("resume")
    assert (engine.status().state, engine.status().gates) == ("SCANNING", [])
    engine.stop()
    await task
    assert verify(engine.session.folder, world.core).ok
    assert list(facts_of(engine.session.folder, world.core)) == engine.fold.facts


async def test_a_strategy_that_raises_halts_the_session_and_keeps_its_position(make_python_world: Any) -> None:
    world = make_python_world("""
        if len(self.seen) == 60:
            return Enter(side=1, stop_distance=bar.close * 0.5, target_distances=(bar.close,))
        if len(self.seen) >= 70:  # a mistake that stays is told once
            raise ValueError("no such level")
    """)
    task = await world.start()
    engine = world.engine
    await world.feed(65, at_once=1)
    assert engine.status().is_active_trade
    await world.feed(20, at_once=1)
    status = engine.status()
    assert (status.state, status.halt_reason, status.is_active_trade) == ("HALTED", "error", True)
    (position,) = engine.replica.portfolio().open_positions
    assert position.stop_loss is not None  # it still works
    (error,) = engine.told(Error)
    assert (error.code, error.severity) == ("strategy_error", "CRITICAL")
    assert "failed on bar 69: ValueError: no such level" in error.message
    assert "mine.py:" in engine.runner.error_line
    assert 'raise ValueError("no such level")' in engine.runner.error_line
    engine.command("close", symbol="BTCUSDT")
    assert not engine.status().is_active_trade
    engine.stop()
    await task
    assert verify(engine.session.folder, world.core).ok
    assert list(facts_of(engine.session.folder, world.core)) == engine.fold.facts


COMPILED = """
from triplane.strategies import ENTER, Strategy, njit, state


@njit
def level(seen):
    if seen >= 70:
        raise ValueError("no such level")
    return seen


@njit
def init(s):
    s.seen = 0


@njit
def step(s, bar, view, signal):
    s.seen += 1
    if level(s.seen) == 60:
        signal.action = ENTER
        signal.side = 1
        signal.stop_distance = bar.close * 0.5
        signal.target_distances[0] = bar.close


STRATEGY = Strategy("mine", "", (), state((), ("seen", "i8")), init, step, lambda p: 0)
"""


async def test_a_compiled_strategy_that_raises_does_the_same(make_world: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(COMPILED)
    world = make_world(strategy=str(path), params={})
    task = await world.start()
    engine = world.engine
    await world.feed(65, at_once=1)
    assert engine.status().is_active_trade
    await world.feed(20, at_once=1)
    status = engine.status()
    assert (status.state, status.halt_reason, status.is_active_trade) == ("HALTED", "error", True)
    (error,) = engine.told(Error)
    assert "Strategy mine failed on bar 69" in error.message
    assert "no such level" in error.message
    engine.command("close", symbol="BTCUSDT")
    assert not engine.status().is_active_trade
    engine.stop()
    await task
    assert verify(engine.session.folder, world.core).ok
    assert list(facts_of(engine.session.folder, world.core)) == engine.fold.facts


async def test_a_full_disk_halts_entries_and_lets_exits_out(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    task = await world.start()
    engine = world.engine
    await world.feed_until(lambda: engine.status().is_active_trade)
    write = os.write

    def full(descriptor: int, data: Any) -> int:
        if descriptor == engine.session.journal._descriptor:
            raise OSError(28, "No space left on device")
        return write(descriptor, data)

    monkeypatch.setattr("triplane.engine.journal.os.write", full)
    await world.feed(1)
    status = engine.status()
    assert (status.state, status.halt_reason, status.is_active_trade) == ("HALTED", "error", True)
    assert engine.session.journal.behind > 0
    engine.command("close", symbol="BTCUSDT")
    assert not engine.status().is_active_trade
    monkeypatch.undo()
    await world.feed(5)
    assert engine.session.journal.behind == 0
    engine.stop()
    await task
    assert verify(engine.session.folder, world.core).ok
    assert list(facts_of(engine.session.folder, world.core)) == engine.fold.facts


async def test_a_halt_that_could_not_be_kept_with_the_account_is_kept_later(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = await world.start()
    await world.feed(20)
    engine = world.engine
    (path,) = (engine.session.folder.parent.parent / "accounts").glob("*/record.json")
    with monkeypatch.context() as full:
        full.setattr("triplane.engine.account.Account.write", _cannot)
        engine.command("halt", reason="a drill")
        record = read_record(path)
        assert record is not None
        assert record.halt_reason is None
    await world.feed(1)
    record = read_record(path)
    assert record is not None
    assert record.halt_reason == "kill_switch"
    engine.stop()
    await task


def _cannot(*_: Any, **__: Any) -> None:
    raise TriplaneError("The record cannot be written: No space left on device.")


async def test_too_little_disk_space_closes_entries_early(world: Any) -> None:
    task = await world.start()
    await world.feed(10)
    world.engine.runner.gate(Gate.DISK_SPACE, closed=True)
    assert world.engine.status().gates == ["disk_space"]
    assert not world.engine.status().can_receive_signals
    world.engine.runner.gate(Gate.DISK_SPACE, closed=False)
    assert world.engine.status().gates == []
    world.engine.stop()
    await task


async def test_a_journal_that_does_not_reach_the_disk_ends_the_run(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    task = await world.start()
    await world.feed(200)

    def broken(*_: Any) -> int:
        raise JournalError("The journal cannot be written: Input/output error.")

    monkeypatch.setattr("triplane.engine.runner.SYNC_EVERY", 0.0)
    monkeypatch.setattr(world.engine.session.journal, "flush", broken)
    with pytest.raises(JournalError, match="Input/output error"):
        await task


async def test_a_broken_feed_ends_the_run_with_its_error_and_the_session_goes_on_later(world: Any) -> None:
    task = await world.start()
    await world.feed(100)
    world.fed = 50
    with pytest.raises(TriplaneError, match="must come in the order of their time"):
        await world.feed(10)
    assert task.done()
    world.fed = 100
    task = await world.start()
    await world.feed(100)
    assert world.engine.session.candles == 200
    world.engine.stop()
    await task
    points = world.engine.replica.equity_curve(1000).points
    assert [point.time for point in points] == (world.candles["open_time"][:200] + 60_000).tolist()  # its close


async def test_why_there_is_no_trade_is_what_the_core_says(make_world: Any) -> None:
    world = make_world(trading=TradingSettings(volatility_ceiling=1e-9))
    task = await world.start()
    await world.feed(100)
    said = Commands(world.engine.runner).refusal({"symbol": "BTCUSDT"})
    assert said["check"] == "volatility_ceiling"
    assert said["value"] > said["limit"] == 1e-9
    found = world.engine.replica.signal_check("BTCUSDT", said)
    assert not found.would_trade
    world.engine.stop()
    await task

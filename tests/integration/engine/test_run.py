"""The running session: the same decisions as a backtest, continued after a stop, stopped by what must stop it."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triplane.data.clock import SystemClock
from triplane.data.feed import FeedState
from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.data.recorded import open_recorded
from triplane.data.replay import ReplayFeed
from triplane.engine.commands import Commands
from triplane.engine.facts import Collector, facts_of
from triplane.engine.journal import JournalError, Kind, Reader
from triplane.engine.opening import Options, open_runner
from triplane.engine.session import JOURNAL
from triplane.engine.setup import Setup
from triplane.engine.tally import Tally
from triplane.engine.verify import verify
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.codes import Gate
from triplane.model.facts import Candle, Error, Fill, Order, Signal, StateChange, Trade
from triplane.model.settings import CostSettings, TradingSettings
from triplane.research.backtest import simulate
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

REAL = Path(__file__).parents[3].parent / "shared" / "data" / "klines" / "spot" / "BTCUSDT-1m.parquet"
FIGURES = ("trades", "net_pnl", "max_drawdown_pct", "sharpe", "fees", "win_rate", "profit_factor", "expectancy_r")


def run_once(
    folder: Path, candles: Any, facts: bool, strategy: str = "ema_cross", timeframe_ms: int = 60_000
) -> dict[str, Any]:
    """What ``up --once`` does; or, with ``facts``, what it does with a page."""
    spec = find(strategy)
    core = compile_strategy(spec, source_of(strategy))
    instrument = Instrument.research("BTCUSDT")
    setup = Setup(strategy, spec.resolve({}), (instrument,), 60_000, timeframe_ms, source="test")
    tally = Tally()
    opened = open_runner(
        folder,
        setup,
        core,
        spec,
        lambda known: ReplayFeed(
            {"BTCUSDT": candles}, SystemClock(), "max", known, instruments={"BTCUSDT": instrument}
        ),
        options=Options(facts=False, whole=not facts, consumers=[Collector()] if facts else [], observers=[tally]),
    )
    outcome = asyncio.run(opened.runner.run())
    session = opened.runner.session
    assert outcome.finished
    assert verify(session.folder, core).decisions_sha256 == session.decisions.hexdigest()
    return {
        "bars": session.candles,
        "decisions_sha256": session.decisions.hexdigest(),
        **tally.performance(setup.balance),
    }


def same_as_backtest(summary: dict[str, Any], candles: Any, **arguments: Any) -> None:
    result = simulate(candles, symbol="BTCUSDT", costs=CostSettings(), **arguments).summary()

    assert summary["decisions_sha256"] == result["decisions_sha256"]
    assert summary["bars"] == result["bars"]
    for name in FIGURES:
        assert summary[name] == pytest.approx(result[name]), name


@pytest.mark.parametrize("facts", [False, True])
def test_the_live_engine_decides_as_the_backtest_does(tmp_path: Path, facts: bool) -> None:
    candles = generate(9, 1_735_689_600_000, 20_000)
    summary = run_once(tmp_path, candles, facts)

    assert summary["trades"] > 20
    same_as_backtest(summary, candles, strategy="ema_cross", timeframe="1m")


@pytest.mark.skipif(not REAL.exists(), reason="the recorded market is not here")
def test_the_live_engine_decides_as_the_backtest_does_on_a_real_market(tmp_path: Path) -> None:
    candles = open_recorded(REAL).candles
    summary = run_once(tmp_path, candles, False)

    assert summary["bars"] == len(candles)
    same_as_backtest(summary, candles, strategy="ema_cross", timeframe="1m")


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


async def test_facts_are_told_once_in_order_and_can_be_made_again(world: Any) -> None:
    task = await world.start()
    await world.feed(600)
    engine = world.engine
    engine.stop()
    await task
    facts = engine.fold.facts
    assert [fact.seq for fact in facts] == list(range(1, len(facts) + 1))
    assert [fact.close for fact in engine.told(Candle)] == world.candles["close"][:600].tolist()
    assert {Fill, Order, Signal, StateChange, Trade} <= {type(fact) for fact in facts}
    assert list(facts_of(engine.session.folder, world.core)) == facts


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


async def test_commands_of_a_person(world: Any) -> None:
    task = await world.start()
    engine, replica = world.engine, world.engine.replica
    await world.feed(150)
    await world.feed_until(lambda: engine.status().state == "SCANNING")
    engine.command("simulate", symbol="BTCUSDT", side=1, stop=None)
    assert engine.status().state == "ENTRY_PENDING"
    assert engine.status().current_order_id is not None
    engine.command("cancel", symbol="BTCUSDT")
    assert replica.portfolio().pending_orders == []
    engine.command("simulate", symbol="BTCUSDT", side=-1)
    engine.command("market", symbol="BTCUSDT")
    (position,) = replica.portfolio().open_positions
    assert position.side == "SHORT"
    assert position.margin_ratio == pytest.approx(1.0, abs=0.01)
    with pytest.raises(TriplaneError, match="not SCANNING"):
        engine.command("simulate", symbol="BTCUSDT", side=1)
    engine.command("close", symbol="BTCUSDT")
    assert engine.told(Trade)[-1].exit_reason == "manual"
    engine.command("reset", balance=5000)
    assert replica.portfolio().wallet_balance == "5000"
    engine.command("limits", values={"execution_mode": "manual", "risk_per_trade": 0.02})
    assert replica.trading.risk_per_trade == 0.02
    await world.feed_until(lambda: bool(replica.pending_signals()))
    engine.command("execute", symbol="BTCUSDT", decision=replica.pending_signals()[0].decision)
    assert engine.status().is_active_trade
    assert replica.pending_signals() == []
    engine.command("close", symbol="BTCUSDT")
    await world.feed_until(lambda: bool(replica.pending_signals()))
    engine.command("expire", symbol="BTCUSDT", decision=replica.pending_signals()[0].decision)
    assert engine.told(Signal)[-1].status == "expired"
    engine.command("stop")
    await task
    assert verify(engine.session.folder, world.core).ok
    assert list(facts_of(engine.session.folder, world.core)) == engine.fold.facts


async def test_commands_that_cannot_be_carried_out(world: Any) -> None:
    task = await world.start()
    engine = world.engine
    await world.feed(5)
    size = engine.session.journal.size
    for kind, fields, error, said in (
        ("dance", {}, BadInput, "command is 'dance'"),
        ("close", {"symbol": "DOGEUSDT"}, LookupError, "not in this session"),
        ("close", {"symbol": "BTCUSDT"}, LookupError, "no open position"),
        ("market", {"symbol": "BTCUSDT"}, LookupError, "no pending entry"),
        ("execute", {"symbol": "BTCUSDT", "decision": 3}, LookupError, "decision 3"),
        ("execute", {"symbol": "BTCUSDT", "decision": 0}, LookupError, "decision 0"),
        ("simulate", {"symbol": "BTCUSDT", "side": 0}, BadInput, "side is 0"),
        ("reset", {"balance": -5}, BadInput, "balance is -5"),
        ("limits", {"values": {"risk_per_trade": 7}}, BadInput, "risk_per_trade is 7"),
    ):
        with pytest.raises(error, match=said):
            engine.command(kind, **fields)
    assert engine.session.journal.size == size
    engine.stop()
    await task


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

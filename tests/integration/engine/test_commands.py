"""What a person may want of a running session, and what is said to what cannot be done."""

from pathlib import Path
from typing import Any

import pytest

from triplane.engine.facts import facts_of
from triplane.engine.verify import verify
from triplane.errors import BadInput, TriplaneError
from triplane.model.facts import Account, Error, Signal, Trade
from triplane.model.settings import LOOSEN, TradingSettings

from .conftest import World


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
    assert engine.told(Trade)[-1].simulated
    assert not any(trade.simulated for trade in engine.told(Trade)[:-1])
    assert replica.performance().trades == replica.performance().funnel.trades == len(engine.told(Trade)) - 1
    told, funnel = engine.told(Signal), replica.performance().funnel
    assert [signal.simulated for signal in told[-2:]] == [True, True]
    assert funnel.signals == len({one.decision for one in told if one.action == "enter" and not one.simulated})
    assert "cancelled" not in funnel.not_filled
    engine.command("reset", balance=5000)
    assert replica.portfolio().wallet_balance == "5000"
    assert (engine.told(Account)[-1].epoch, replica.performance().trades, replica.view().net_pnl) == (1, 0, "0")
    engine.command("limits", values={"execution_mode": "manual", "risk_per_trade": 0.005})
    assert replica.trading.risk_per_trade == 0.005
    await world.feed_until(lambda: bool(replica.pending_signals()))
    engine.command("execute", symbol="BTCUSDT", decision=replica.pending_signals()[0].decision)
    assert engine.status().is_active_trade
    assert replica.pending_signals() == []
    engine.command("close", symbol="BTCUSDT")
    await world.feed_until(lambda: bool(replica.pending_signals()))
    engine.command("expire", symbol="BTCUSDT", decision=replica.pending_signals()[0].decision)
    assert engine.told(Signal)[-1].status == "expired"
    funnel = replica.performance().funnel  # of the new epoch: one executed, one that nobody wanted
    assert (funnel.orders, funnel.filled, funnel.not_executed, funnel.trades) == (1, 1, 1, 1)
    assert funnel.signals == 2
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


LIMITS = {"max_position_share": 0.1, "max_trades_day": 1000, "daily_loss_quote": 500.0, "max_drawdown": 0.0}


@pytest.mark.parametrize(
    "values",
    [
        {"max_position_share": 100}, {"daily_loss_quote": 0}, {"daily_loss_quote": 600}, {"max_open_positions": 4},
        {"max_symbol_share": 0.3}, {"risk_per_trade": 0.02}, {"max_margin_use": 0.9}, {"max_trades_day": 1001},
        {"quality_gate": False}, {"risk_per_trade": 0.005, "max_position_quote": 0, "max_position_share": 0.2},
    ],
)  # fmt: skip
async def test_no_limit_is_looser_than_the_configuration(tmp_path: Path, values: dict[str, Any]) -> None:
    world = World(tmp_path, trading=TradingSettings.model_validate(LIMITS))
    task = await world.start()
    before = world.engine.session.trading
    with pytest.raises(BadInput, match="may not be looser than its configuration says"):
        world.engine.command("limits", values=values, confirm=LOOSEN)
    assert world.engine.session.trading == before
    world.engine.stop()
    await task


async def test_limits_are_tightened_at_once_and_loosened_by_a_typed_sentence(tmp_path: Path) -> None:
    world = World(tmp_path, trading=TradingSettings.model_validate(LIMITS))
    task = await world.start()
    engine = world.engine
    tight = {"max_trades_day": 2, "daily_loss_quote": 100.0, "max_drawdown": 0.1, "min_sharpe": 0.5}
    engine.command("limits", values=tight)
    for values in ({"max_trades_day": 3}, {"max_drawdown": 0.0}, {"min_sharpe": None}, {"daily_loss_quote": 500.0}):
        for typed in ({}, {"confirm": "yes"}):
            with pytest.raises(TriplaneError, match=f'type "{LOOSEN}"'):
                engine.command("limits", values=values, **typed)
        assert engine.session.trading.model_dump().items() >= tight.items()
    engine.command(
        "limits", values={"max_trades_day": 3, "cooldown_bars": 9, "execution_mode": "manual"}, confirm=LOOSEN
    )
    assert (engine.session.trading.max_trades_day, engine.session.trading.daily_loss_quote) == (3, 100.0)
    (told,) = [fact for fact in engine.told(Error) if fact.code == "limits_loosened"]
    assert told.message == "A person loosened limits: max_trades_day 2 -> 3."
    engine.stop()
    await task

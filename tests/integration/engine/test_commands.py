"""What a person may want of a running session, and what is said to what cannot be done."""

from typing import Any

import pytest

from triplane.engine.facts import facts_of
from triplane.engine.verify import verify
from triplane.errors import BadInput, TriplaneError
from triplane.model.facts import Signal, Trade


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

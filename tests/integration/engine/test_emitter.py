"""What a session tells, it tells once and in order, and tells again from its journal."""

from typing import Any

from triplane.engine.facts import facts_of
from triplane.model.facts import Candle, Fill, Order, Signal, StateChange, Trade


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

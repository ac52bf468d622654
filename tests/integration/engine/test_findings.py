"""What execution finds reaches the person, the store's writer and, when it is too much, the kill switch."""

from typing import Any

import pytest

from triplane.engine.runner import BURST
from triplane.execution.messages import Finding


@pytest.mark.parametrize("code", ["order_refused", "adapter_error"])
async def test_a_burst_of_failures_throws_the_kill_switch(world: Any, code: str) -> None:
    task = await world.start()
    await world.feed(50)
    runner = world.engine.runner
    for _ in range(BURST - 1):
        runner.found(Finding(code, "It failed.", "BTCUSDT"))
    assert world.engine.status()["gates"] == []
    runner.found(Finding(code, "It failed.", "BTCUSDT"))
    assert world.engine.status()["gates"] == ["kill_switch"]
    world.engine.stop()
    await task


async def test_other_findings_are_told_and_stop_nothing(world: Any) -> None:
    task = await world.start()
    await world.feed(50)
    before = world.engine.events.last_id
    for _ in range(2 * BURST):
        world.engine.runner.found(Finding("margin_low", "BTCUSDT: 12 % of the margin is left.", "BTCUSDT", "CRITICAL"))
    told = [e for e in world.engine.events.after(before, 100) if e["type"] == "risk_alert"]
    assert len(told) == 2 * BURST
    assert len({e["data"]["alert_id"] for e in told}) == 2 * BURST
    assert (told[0]["data"]["alert_type"], told[0]["data"]["severity"]) == ("margin_low", "CRITICAL")
    assert world.engine.status()["gates"] == []
    world.engine.stop()
    await task

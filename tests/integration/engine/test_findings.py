"""What execution finds reaches the person, the store's writer and, when it is too much, the kill switch."""

from typing import Any

import pytest

from triplane.engine.runner import BURST
from triplane.execution.messages import Finding
from triplane.model.facts import RiskAlert


@pytest.mark.parametrize("code", ["order_refused", "adapter_error"])
async def test_a_burst_of_failures_throws_the_kill_switch(world: Any, code: str) -> None:
    task = await world.start()
    await world.feed(50)
    runner = world.engine.runner
    for _ in range(BURST - 1):
        runner.found(Finding(code, "It failed.", "BTCUSDT"))
    assert world.engine.status().gates == []
    runner.found(Finding(code, "It failed.", "BTCUSDT"))
    assert world.engine.status().gates == ["kill_switch"]
    world.engine.stop()
    await task


async def test_other_findings_are_told_and_stop_nothing(world: Any) -> None:
    task = await world.start()
    await world.feed(50)
    for _ in range(2 * BURST):
        world.engine.runner.found(Finding("margin_low", "BTCUSDT: 12 % of the margin is left.", "BTCUSDT", "CRITICAL"))
    told = world.engine.told(RiskAlert)
    assert len(told) == 2 * BURST
    assert len({alert.alert_id for alert in told}) == 2 * BURST
    assert (told[0].alert_type, told[0].severity) == ("margin_low", "CRITICAL")
    assert world.engine.status().gates == []
    world.engine.stop()
    await task

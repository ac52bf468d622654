"""The processor that the docs show works as it stands."""

import asyncio
import re
from pathlib import Path

import pytest

from triplane.flow.bus import EventBus
from triplane.flow.processors import Processors, load
from triplane.model.facts import Trade

PAGE = Path(__file__).parents[2] / "docs" / "processors.md"
TRADE = Trade(
    session_id="s", seq=1, time=0, symbol="BTCUSDT", id="1", position_id="1", side="LONG", quantity="1", entry_time=0,
    exit_time=0, entry_price="1", exit_price="2", pnl="0.9", fees="0.1", funding="0", slippage="0", balance_after="10",
    r_multiple=None, mae=None, mfe=None, exit_reason="target", bars_held=1, stop_loss=None,
)  # fmt: skip


def test_the_diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ((name, code),) = re.findall(r'```python title="processors/([^"]+)"\n(.*?)```', PAGE.read_text(), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    Path(name).write_text(code)
    bus = EventBus()
    group = Processors(bus).add(*load([name]))

    async def live() -> None:
        await bus.start()
        await group.start()
        bus.publish(TRADE)
        await bus.stop()
        await group.stop()

    asyncio.run(live())

    assert Path("diary.csv").read_text() == "s,BTCUSDT,LONG,0.9\n"
    assert not bus.dead_letters
    assert not group.failures

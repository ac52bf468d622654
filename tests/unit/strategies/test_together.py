"""A session with one symbol takes a shorter way through the core; it decides as one with several does."""

import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.rows import OUTBOX
from triplane.strategies import compiler
from triplane.strategies.compiler import compile_strategy
from triplane.strategies.registry import find, source_of

MINUTE = 60_000
START = 1_735_689_600_000


@pytest.mark.parametrize("timeframe", [1, 15])
@pytest.mark.parametrize("in_one_go", [True, False])
def test_a_second_symbol_without_candles_changes_nothing(timeframe: int, in_one_go: bool) -> None:
    core = compile_strategy(find("ema_cross"), source_of("ema_cross"))
    candles = np.delete(generate(seed=3, start_ms=START, n=20_000), np.arange(1000, 1100, 7))

    def traded(symbols: int) -> bytes:
        account, states = core.new(
            [Instrument.research(f"S{k}") for k in range(symbols)],
            costs=CostSettings().to_record(),
            limits=TradingSettings(max_trades_day=100, daily_loss_share=0.01).to_record(0),
            params=core.strategy.resolve({}),
            base_ms=MINUTE,
            timeframe_ms=timeframe * MINUTE,
            balance=10_000.0,
        )
        out, curve, parts = np.zeros(1, OUTBOX), np.zeros(len(candles)), []
        which, at = np.zeros(len(candles), np.int64), 0
        while at < len(candles):
            if in_one_go:
                at = core.run(account, states, which, candles, out, curve, at)
            else:
                core.on_moment(account, states, which[at : at + 1], candles[at : at + 1], out)
                curve[at] = account[0]["equity"]
                at += 1
            rows = out[0]["rows"][: account[0]["n_out"]]
            parts.append(rows[rows["symbol"] == 0].copy())
            account["n_out"] = 0
        found = np.concatenate(parts)
        found["seq"] = 0
        assert len(found) > 50
        return found.tobytes() + curve.tobytes()

    assert traded(1) == traded(2)


def test_what_is_compiled_beforehand_is_all_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "is_cached", lambda _: False)  # as the first time: everything is called once
    monkeypatch.setattr(compiler, "_WARM", set())
    core = compile_strategy(find("ema_cross"), source_of("ema_cross"))
    core._together = True  # as a strategy that sees its other symbols
    nothing = generate(seed=3, start_ms=START, n=10)[:0]
    for symbols in (1, 2, 3):
        account, states = core.new(
            [Instrument.research(f"S{k}") for k in range(symbols)], costs=CostSettings().to_record(),
            limits=TradingSettings().to_record(), params=core.strategy.resolve({}), base_ms=MINUTE,
            timeframe_ms=MINUTE, balance=10_000.0,
        )  # fmt: skip
        core.run(account, states, np.zeros(0, np.int64), nothing, np.zeros(1, OUTBOX), np.zeros(0), 0)
    assert len(core.module.run_together.signatures) == 1

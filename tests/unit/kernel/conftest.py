"""A scripted market for the kernel's tests: a few hand-made candles, and a strategy that does what it is told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.codes import Reason, RowKind, State
from triplane.kernel.inputs import command
from triplane.kernel.records import CANDLE
from triplane.kernel.rows import OUTBOX, of_kind
from triplane.model.settings import PLAIN
from triplane.strategies.base import Answer, Bar, PythonStrategy, View
from triplane.strategies.python_core import PythonCore

MINUTE = 60_000
TICK = Instrument("BTCUSDT", Decimal("0.1"), Decimal("0.001"), maintenance_margin=0.005)


def candles(rows: Sequence[tuple[float, float, float, float]], times: Sequence[int] | None = None) -> Any:
    """Candles of a minute from (open, high, low, close)."""
    out = np.zeros(len(rows), CANDLE)
    out["open_time"] = np.arange(len(rows)) * MINUTE if times is None else times
    for i, prices in enumerate(rows):
        out[i]["open"], out[i]["high"], out[i]["low"], out[i]["close"] = prices
    out["volume"] = 1.0
    return out


@dataclass
class Played:
    """What came out of a scripted run."""

    rows: Any
    account: Any
    states: Any

    def of(self, kind: str) -> Any:
        return of_kind(self.rows, RowKind.of(kind))

    @property
    def fills(self) -> list[tuple[int, float, int]]:
        """(minute, price, signed thousandths) of each fill."""
        return [
            (int(r["time"] // MINUTE) - 1, r["price_ticks"] / 10, int(r["side"] * r["quantity_lots"]))
            for r in self.of("fill")
        ]

    @property
    def trades(self) -> list[tuple[float, float, str]]:
        """(entry price, exit price, why) of each trade."""
        return [(float(r["entry_price"]), float(r["exit_price"]), Reason.labels[r["reason"]]) for r in self.of("trade")]

    @property
    def states_passed(self) -> list[str]:
        return [State.labels[r["to_state"]] for r in self.of("state")]


Script = Mapping[int, Answer]


def play(
    market: Any,
    script: Script,
    *,
    commands: Mapping[int, Mapping[str, Any] | Sequence[Mapping[str, Any]]] | None = None,
    instrument: Instrument = TICK,
    timeframe_ms: int = MINUTE,
    base_ms: int = MINUTE,
    balance: float = 10_000.0,
    quantity: str | None = "1",
    hold: bool = False,
    costs: Mapping[str, Any] | None = None,
    **settings: Any,
) -> Played:
    """Run ``script`` (bar → order) over ``market``; ``commands`` go in after the candle of that index."""

    class Scripted(PythonStrategy):
        name = "scripted"

        def on_bar(self, bar: Bar, view: View) -> Answer | None:
            return script.get(view.bar)

    core = PythonCore([(Scripted, Path(__file__))])
    limits = TradingSettings(**settings).to_record(instrument.lots(quantity) if quantity else 0)
    account, states = core.new(
        [instrument],
        costs=CostSettings(**{**PLAIN, "maker_fee": 0.0, "taker_fee": 0.0, **(costs or {})}).to_record(),
        limits=limits,
        params={},
        base_ms=base_ms,
        timeframe_ms=max(timeframe_ms, base_ms),
        balance=balance,
        hold=hold,
    )
    out = np.zeros(1, OUTBOX)
    parts = []
    for i in range(len(market)):
        account["n_out"] = 0
        core.on_moment(account, states, np.zeros(1, np.int64), market[i : i + 1], out)
        parts.append(out[0]["rows"][: account[0]["n_out"]].copy())
        told = (commands or {}).get(i, ())
        for fields in (told,) if isinstance(told, Mapping) else told:
            account["n_out"] = 0
            core.on_command(account, states, 0, command(**{"time": market[i]["open_time"] + base_ms, **fields}), out)
            parts.append(out[0]["rows"][: account[0]["n_out"]].copy())
    return Played(np.concatenate(parts), account[0], states)


@pytest.fixture(name="play", scope="session")
def play_fixture() -> Callable[..., Played]:
    return play


@pytest.fixture(name="candles", scope="session")
def candles_fixture() -> Callable[..., Any]:
    return candles

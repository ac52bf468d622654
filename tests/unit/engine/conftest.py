"""A core small enough to see through, with the interface of a compiled strategy."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from triplane.data.instruments import Instrument
from triplane.engine.setup import Setup
from triplane.kernel.codes import CommandKind, RowKind
from triplane.kernel.core import CORE
from triplane.kernel.jit import record
from triplane.kernel.records import ACCOUNT, CANDLE
from triplane.kernel.rows import OUT_MARGIN, OUT_ROWS

STATE = record([("core", CORE), ("strategy", record([("total", "f8")]))])


class FakeCore:
    """Adds up closes; a candle that brings the sum of its symbol to an odd number makes two rows, others none."""

    source_hash = "fake"
    strategies = (SimpleNamespace(params=()),)

    def assemble(self, parts: Any, *, balance: float, limits: Any, **_: Any) -> tuple[Any, Any]:
        rows = sum(len(part.instruments) for part in parts)
        account, states = np.zeros(1, ACCOUNT), np.zeros(rows, STATE)
        account["balance"] = account["equity"] = balance
        states["core"]["limits"] = limits[0]
        return account, states

    def _row(self, A: Any, k: int, time: int, kind: int, value: float, out: Any) -> None:
        n = int(A[0]["n_out"])
        row = out[0]["rows"][n]
        A[0]["n_out"] = n + 1
        A[0]["rows"] += 1
        out[0]["rows"][n] = np.zeros(1, row.dtype)[0]
        row["seq"], row["time"], row["kind"], row["symbol"] = A[0]["rows"], time, kind, k
        row["x"][0] = value

    def on_moment(self, A: Any, S: Any, which: Any, candles: Any, out: Any) -> None:
        for k, candle in zip(which.tolist(), candles, strict=True):
            self._take(A, S, k, candle, out)

    def _take(self, A: Any, S: Any, k: int, candle: Any, out: Any) -> None:
        s = S[k]["strategy"]
        s["total"] += candle["close"]
        A[0]["equity"] += candle["close"] * S[k]["core"]["limits"]["risk_per_trade"]
        if s["total"] % 2 == 1:
            for kind in (RowKind.STATE, RowKind.FILL):
                self._row(A, k, int(candle["open_time"]) + 60_000, kind, A[0]["equity"], out)

    def on_command(self, A: Any, S: Any, k: int, commands: Any, out: Any) -> None:
        S[k]["strategy"]["total"] += commands[0]["price"]
        if commands[0]["kind"] == CommandKind.END:
            self._row(A, k, int(commands[0]["time"]), RowKind.STATE, S[k]["strategy"]["total"], out)

    def run(self, A: Any, S: Any, which: Any, candles: Any, out: Any, equity: Any, start: int) -> int:
        for i in range(start, len(candles)):
            if A[0]["n_out"] > OUT_ROWS - OUT_MARGIN:
                return i
            self._take(A, S, int(which[i]), candles[i], out)
            equity[i] = A[0]["equity"]
        return len(candles)


def setup_of(symbols: int = 1, **changes: Any) -> Setup:
    """The setup of a session of the fake core."""
    instruments = tuple(Instrument.research(f"S{k}USDT") for k in range(symbols))
    return Setup("fake", {}, instruments, 60_000, 60_000, **changes)


def candles_of(n: int, seed: int = 1) -> Any:
    """Candles with small whole closes, a minute apart."""
    candles = np.zeros(n, CANDLE)
    candles["open_time"] = np.arange(n) * 60_000
    candles["close"] = np.random.default_rng(seed).integers(1, 5, n)
    return candles


@pytest.fixture
def core() -> Any:
    return FakeCore()


@pytest.fixture
def make_setup() -> Any:
    return setup_of


@pytest.fixture
def make_candles() -> Any:
    return candles_of

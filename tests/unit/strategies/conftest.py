"""Listening to a strategy: its raw signal on every bar, with a view that is always flat."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.data.instruments import Instrument
from triplane.engine.settings import CostSettings, TradingSettings
from triplane.kernel.records import ACCOUNT, CANDLE, SIGNAL
from triplane.kernel.rows import OUTBOX
from triplane.model.settings import PLAIN
from triplane.strategies.compiler import Core, compile_strategy
from triplane.strategies.registry import find, source_of

MINUTE = 60_000


@lru_cache
def compiled(name: str) -> Core:
    """Each strategy once a test run."""
    return compile_strategy(find(name), source_of(name))


def start(name: str, base_ms: int = MINUTE, hold: bool = False, data: Any = None, **params: Any) -> tuple[Any, Any]:
    """Account and state of a strategy on a grid of 1e-8, one unit a trade."""
    core = compiled(name)
    instrument = Instrument.research("TEST")
    return core.new(
        [instrument],
        costs=CostSettings(**PLAIN).to_record(),
        limits=TradingSettings().to_record(instrument.lots("1")),
        params=core.strategy.resolve(params),
        base_ms=base_ms,
        timeframe_ms=base_ms,
        balance=1e6,
        hold=hold,
        data=data,
    )


@dataclass
class Heard:
    """The raw signal of each bar (``records.SIGNAL``), other records by their path, and the state at the end."""

    signals: Any
    others: dict[str, Any]
    state: Any

    @property
    def entries(self) -> list[int]:
        """Bars with an entry signal."""
        return np.flatnonzero(self.signals["action"] == 1).tolist()


def listen(name: str, market: Any, watch: Sequence[str] = (), base_ms: int = MINUTE, **params: Any) -> Heard:
    """Run ``market`` through a strategy that is never let out of BOOTSTRAP, so that it is always flat."""
    core = compiled(name)
    data = params.pop("data", None)
    account, states = start(name, base_ms, hold=True, data=data, **params)
    out = np.zeros(1, OUTBOX)
    signals = np.zeros(len(market), SIGNAL)
    others: dict[str, list[Any]] = {path: [] for path in watch}
    for i in range(len(market)):
        core.on_moment(account, states, np.zeros(1, np.int64), market[i : i + 1], out)
        signals[i] = states["core"]["signal"][0]
        for path in watch:
            value = states["strategy"][0]
            for part in path.split("."):
                value = value[int(part) if part.isdigit() else part]
            others[path].append(value.copy())
    return Heard(signals, {k: np.array(v) for k, v in others.items()}, states["strategy"][0])


def candles(rows: Sequence[tuple[float, float, float, float]], base_ms: int = MINUTE) -> Any:
    """Candles from (open, high, low, close), volume 1."""
    out = np.zeros(len(rows), CANDLE)
    out["open_time"] = np.arange(len(rows)) * base_ms
    for i, prices in enumerate(rows):
        out[i]["open"], out[i]["high"], out[i]["low"], out[i]["close"] = prices
    out["volume"] = 1.0
    return out


def run(name: str, market: Any, account: Any, states: Any, begin: int, end: int) -> Any:
    """Take ``market[begin:end]`` through the core at once; returns the audit rows."""
    out = np.zeros(1, OUTBOX)
    which, equity, parts = np.zeros(len(market), np.int64), np.zeros(len(market)), []
    at = begin
    while at < end:
        at = compiled(name).run(account, states, which, market[:end], out, equity, at)
        parts.append(out[0]["rows"][: account[0]["n_out"]].copy())
        account["n_out"] = 0
    return np.concatenate(parts) if parts else out[0]["rows"][:0]


@pytest.fixture(name="listen", scope="session")
def listen_fixture() -> Callable[..., Heard]:
    return listen


@pytest.fixture(name="candles", scope="session")
def candles_fixture() -> Callable[..., Any]:
    return candles


@pytest.fixture(name="run", scope="session")
def run_fixture() -> Callable[..., Any]:
    return run


@pytest.fixture(name="start", scope="session")
def start_fixture() -> Callable[..., Any]:
    return start


@pytest.fixture(scope="session")
def generated() -> Any:
    """Six thousand minutes of a made-up market."""
    return generate(seed=11, start_ms=1_735_689_600_000, n=6000)


@pytest.fixture(scope="session")
def account_dtype() -> Any:
    return ACCOUNT

"""A backtest's results come back in the kind of frame, and with the kind of times, that the candles came in."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import triplane
from triplane.data.generator import generate

START = 1_735_689_600_000


@pytest.fixture(scope="module")
def candles() -> Any:
    return generate(seed=4, start_ms=START, n=3_000)


@pytest.fixture(scope="module")
def plain(candles: Any) -> Any:
    """What all kinds must agree with."""
    result = triplane.backtest(candles, "ema_cross", timeframe="1m", quantity=1.0)
    assert len(result.trades) > 5
    return result


def run(frame: Any) -> triplane.Backtest:
    return triplane.backtest(frame, "ema_cross", timeframe="1m", quantity=1.0)


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_pandas_dates(candles: Any, plain: Any, zone: str | None) -> None:
    frame = pd.DataFrame(candles)
    frame["open_time"] = pd.to_datetime(frame["open_time"], unit="ms", utc=zone is not None)
    if zone:
        frame["open_time"] = frame["open_time"].dt.tz_convert(zone)
    for given in (frame, frame.set_index("open_time")):
        result = run(given)
        times = result.trades["entry_time"]
        assert times.dtype == frame["open_time"].dtype
        utc = times.dt.tz_convert("UTC").dt.tz_localize(None) if zone else times
        assert utc.to_numpy().astype("M8[ms]").astype(np.int64).tolist() == plain.trades["entry_time"].tolist()
        assert result.equity.index.equals(pd.Index(frame["open_time"]))
        assert result.equity.to_numpy().tolist() == plain.equity.tolist()


def test_pandas_microseconds_stay_microseconds(candles: Any, plain: Any) -> None:
    frame = pd.DataFrame(candles)
    frame["open_time"] *= 1000
    assert run(frame).trades["exit_time"].tolist() == (plain.trades["exit_time"] * 1000).tolist()


def test_polars_and_arrow(candles: Any, plain: Any) -> None:
    frame = pl.DataFrame(pd.DataFrame(candles)).with_columns(pl.from_epoch("open_time", "ms"))
    result = run(frame)
    assert result.trades.schema["entry_time"] == frame.schema["open_time"]
    assert result.trades["side"].to_list() == plain.trades["side"].tolist()
    assert result.equity.columns == ["open_time", "equity"]
    arrow = run(pa.Table.from_pandas(pd.DataFrame(candles), preserve_index=False))
    assert isinstance(arrow.trades, pa.Table)
    assert arrow.trades.column("entry_time").to_pylist() == plain.trades["entry_time"].tolist()


def test_no_trades_are_an_empty_frame(candles: Any) -> None:
    few = candles[:50]
    assert len(run(few).trades) == 0
    assert run(pd.DataFrame(few)).trades.columns.tolist()[:3] == ["entry_time", "exit_time", "side"]
    assert run(pl.DataFrame(pd.DataFrame(few))).trades.schema["side"] == pl.String
    assert isinstance(run(few).equity, np.ndarray)

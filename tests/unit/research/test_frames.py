"""A backtest's results come back in the kind of frame that the candles came in, with times in UTC."""

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


def ms(times: Any) -> list[int]:
    """UTC datetimes of a pandas Series or index as milliseconds."""
    assert str(times.dtype) == "datetime64[ms, UTC]"
    return list(times.astype("int64"))


@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Tokyo"])
def test_pandas_dates(candles: Any, plain: Any, zone: str | None) -> None:
    frame = pd.DataFrame(candles)
    frame["open_time"] = pd.to_datetime(frame["open_time"], unit="ms", utc=zone is not None)
    if zone:
        frame["open_time"] = frame["open_time"].dt.tz_convert(zone)
    for given in (frame, frame.set_index("open_time")):
        result = run(given)
        assert ms(result.trades["entry_time"]) == plain.trades["entry_time"].astype(np.int64).tolist()
        assert ms(result.equity.index) == candles["open_time"].tolist()
        assert result.equity.to_numpy().tolist() == plain.equity.tolist()


@pytest.mark.parametrize("times_a_ms", [0.001, 1, 1000, 1_000_000])
def test_whole_numbers_in_datetimes_out(candles: Any, plain: Any, times_a_ms: float) -> None:
    frame = pd.DataFrame(candles)
    frame["open_time"] = (frame["open_time"] * times_a_ms).astype("int64")
    assert ms(run(frame).trades["exit_time"]) == plain.trades["exit_time"].astype(np.int64).tolist()


def test_polars_and_arrow(candles: Any, plain: Any) -> None:
    frame = pl.DataFrame(pd.DataFrame(candles)).with_columns(pl.from_epoch("open_time", "ms"))
    result = run(frame)
    assert result.trades.schema["entry_time"] == pl.Datetime("ms", "UTC")
    assert result.trades["side"].to_list() == plain.trades["side"].tolist()
    assert result.equity.columns == ["open_time", "equity"]
    arrow = run(pa.Table.from_pandas(pd.DataFrame(candles), preserve_index=False))
    assert isinstance(arrow.trades, pa.Table)
    assert arrow.trades.schema.field("entry_time").type == pa.timestamp("ms", "UTC")
    times = arrow.trades.column("entry_time").cast(pa.int64()).to_pylist()
    assert times == plain.trades["entry_time"].astype(np.int64).tolist()


def test_a_structured_array_has_datetimes_too(plain: Any) -> None:
    assert plain.trades.dtype["entry_time"] == np.dtype("M8[ms]")


def test_no_trades_are_an_empty_frame(candles: Any) -> None:
    few = candles[:50]
    assert len(run(few).trades) == 0
    assert run(pd.DataFrame(few)).trades.columns.tolist()[:3] == ["side", "quantity", "entry_time"]
    assert run(pl.DataFrame(pd.DataFrame(few))).trades.schema["side"] == pl.String
    assert isinstance(run(few).equity, np.ndarray)

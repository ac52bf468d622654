"""Frames as other programs make them are understood as they are; what cannot be told apart for sure is refused."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from triplane.data.candles import as_candles
from triplane.data.frames import milliseconds
from triplane.errors import DataError
from triplane.kernel.records import CANDLE

START = 1_741_473_000_000  # 2025-03-08 22:30 UTC: the clocks of New York change in these candles
MS = START + 900_000 * np.arange(80)
PRICES = {"open": 100.0, "high": 102.0, "low": 99.0, "close": 101.0, "volume": 5.0}


def table(times: Any, name: str = "open_time") -> pd.DataFrame:
    return pd.DataFrame({name: times, **{price: value + np.arange(len(MS)) for price, value in PRICES.items()}})


EXPECTED = as_candles(table(MS))
UTC = pd.to_datetime(MS, unit="ms", utc=True)


def yfinance(ticker_first: bool = False) -> pd.DataFrame:
    """What ``yfinance.download("AAPL", interval="15m")`` gives."""
    frame = table(MS).drop(columns="open_time").rename(columns=str.capitalize)
    frame.index = pd.DatetimeIndex(UTC.tz_convert("America/New_York"), name="Datetime")
    names = ("Ticker", "Price") if ticker_first else ("Price", "Ticker")
    pairs = [("AAPL", c) if ticker_first else (c, "AAPL") for c in frame.columns]
    frame.columns = pd.MultiIndex.from_tuples(pairs, names=names)
    return frame


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: table(UTC, "date"), id="freqtrade"),
        pytest.param(lambda: table(MS, "timestamp"), id="ccxt"),
        pytest.param(yfinance, id="yfinance"),
        pytest.param(lambda: yfinance(ticker_first=True), id="yfinance by ticker"),
        pytest.param(lambda: yfinance().droplevel("Ticker", axis=1).assign(Dividends=0.0), id="yfinance history"),
        pytest.param(lambda: table(UTC.tz_localize(None), "Datetime"), id="naive"),
        pytest.param(lambda: table(UTC.as_unit("ms")).set_index("open_time"), id="index in ms"),
        pytest.param(lambda: table(UTC.as_unit("ns")).set_index("open_time").rename_axis(None), id="nameless index"),
        pytest.param(lambda: table(MS, "ts").set_index("ts"), id="index of numbers"),
        pytest.param(lambda: table(UTC).set_index("open_time").assign(date="x"), id="the index before other columns"),
        pytest.param(lambda: table(UTC).assign(time=7, date="x"), id="open_time before other columns"),
        pytest.param(lambda: table(UTC, "TIME").convert_dtypes(dtype_backend="pyarrow"), id="Arrow inside pandas"),
        pytest.param(lambda: table(UTC.tz_convert("+05:30"), "date"), id="an offset for a zone"),
        pytest.param(lambda: pl.from_pandas(table(UTC, "Date")), id="polars"),
        pytest.param(lambda: pl.from_pandas(table(MS // 1000, "ts")), id="polars, seconds"),
        pytest.param(lambda: table(UTC.astype(str), "date"), id="texts with a zone"),
        pytest.param(lambda: table(UTC.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "date"), id="texts with Z"),
        pytest.param(lambda: table(UTC.strftime("%Y-%m-%d %H:%M:%S"), "date"), id="texts without a zone"),
        pytest.param(lambda: pl.from_pandas(table(UTC.strftime("%Y-%m-%d %H:%M"), "date")), id="texts of polars"),
        pytest.param(lambda: pa.Table.from_pandas(table(UTC.tz_convert("Asia/Tokyo"), "timestamp")), id="Arrow"),
        pytest.param(lambda: table(MS, "ts").to_records(index=False), id="records"),
        pytest.param(lambda: table(MS.astype("M8[ms]"), "date").to_records(index=False), id="records with dates"),
    ],
)
def test_frames_as_other_programs_make_them(make: Callable[[], Any]) -> None:
    np.testing.assert_array_equal(as_candles(make()), EXPECTED)


@pytest.mark.parametrize("kind", [np.int64, np.float64])
@pytest.mark.parametrize("a_ms", [0.001, 1, 1000, 1_000_000])
def test_whole_numbers_of_each_unit(a_ms: float, kind: Any) -> None:
    times = (MS // 1000 if a_ms < 1 else MS * int(a_ms)).astype(kind)
    np.testing.assert_array_equal(milliseconds("t", times), MS)


def test_units_may_change_in_the_middle() -> None:
    """As in public dumps, which count microseconds since 2025."""
    times = np.where(MS < START + 40 * 900_000, MS, MS * 1000)
    np.testing.assert_array_equal(milliseconds("t", times), MS)


@pytest.mark.parametrize("value", [-5, 0, 99_999_999, 10**10, 10**13, 10**16])
def test_numbers_that_are_no_time_are_refused(value: int) -> None:
    with pytest.raises(DataError, match=f"t must be a time since 1973 .* since 1970, but row 1 holds {value}"):
        milliseconds("t", np.array([START, value]))


def test_days_of_polars_and_arrow() -> None:
    days = np.arange(80) * 86_400_000 + 1_735_689_600_000
    frame = pl.from_pandas(table(pd.to_datetime(days, unit="ms"), "date")).with_columns(pl.col("date").dt.date())
    assert (
        as_candles(frame)["open_time"].tolist() == as_candles(frame.to_arrow())["open_time"].tolist() == days.tolist()
    )


def several() -> pd.DataFrame:
    one = yfinance()
    return pd.concat([one, one.rename(columns={"AAPL": "MSFT"})], axis=1)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (several(), ["several markets (AAPL, MSFT)"]),
        (table(MS, "when"), ["'open_time' is missing", "date", "timestamp", "there is when, open"]),
        (table(pd.Series(UTC).mask(np.arange(80) == 3), "date"), ["date is missing in row 3"]),
        (
            pl.from_pandas(table(UTC)).with_columns(open_time=pl.lit(None, pl.Datetime)),
            ["open_time is missing in row 0"],
        ),
        (
            table(["2025-01-01", *["yesterday"] * 79], "date"),
            ["date must be times such as 2025-01-01T12:30:00", "row 1 holds 'yesterday'"],
        ),
        (table([b"x"] * 80, "date"), ["date must be a datetime or an integer", "bytes"]),
        (table(pd.Series(UTC.astype(str)).mask(np.arange(80) == 5), "date"), ["date is missing in row 5"]),
        (table(MS[::-1], "date"), ["date must increase"]),
        (pd.concat([table(MS), table(MS)["close"]], axis=1), ["frame cannot be used", "close"]),
        (pl.LazyFrame({"a": [1]}), ["DataFrame", "LazyFrame"]),
        (np.zeros(3), ["DataFrame", "ndarray"]),
    ],
)
def test_each_fault_is_one_sentence(frame: Any, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        as_candles(frame)
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert "\n" not in text


def test_a_frame_is_not_changed() -> None:
    frame = yfinance()
    before = frame.copy()
    as_candles(frame)
    pd.testing.assert_frame_equal(frame, before)


def test_polars_frames_need_no_pandas() -> None:
    code = (
        "import sys, polars as pl; from triplane.data.candles import as_candles; n = list(range(3));"
        "f = pl.DataFrame({'open_time': [1_700_000_000_000 + i * 60_000 for i in n]}"
        "| {c: [1.0] * 3 for c in ('open', 'high', 'low', 'close', 'volume')});"
        "assert len(as_candles(f.with_columns(pl.from_epoch('open_time', 'ms')))) == 3;"
        "sys.exit('pandas' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_nothing_is_copied_from_an_array_of_candles() -> None:
    rows = np.zeros(2, CANDLE)
    rows["open_time"] = [0, 60_000]  # an array of candles is in milliseconds by definition
    for name in PRICES:
        rows[name] = 1.0
    assert np.shares_memory(as_candles(rows), rows)

"""Frames of every supported kind become the same array, and each fault has its sentence."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from triplane.data.candles import TIMEFRAMES, as_candles, infer_interval, parse_timeframe, timeframe_name
from triplane.errors import BadInput, DataError
from triplane.kernel.records import CANDLE

START = 1_700_000_040_000


def frame(n: int = 5, **changes: object) -> pd.DataFrame:
    base = pd.DataFrame(
        {
            "open_time": START + 60_000 * np.arange(n),
            "open": 100.0 + np.arange(n),
            "high": 102.0 + np.arange(n),
            "low": 99.0 + np.arange(n),
            "close": 101.0 + np.arange(n),
            "volume": 1.0 + np.arange(n),
        }
    )
    return base.assign(**changes)


EXPECTED = as_candles(frame())


def test_values_and_order_survive() -> None:
    assert EXPECTED.dtype == CANDLE
    assert EXPECTED["open_time"].tolist() == [START + 60_000 * i for i in range(5)]
    assert EXPECTED["high"].tolist() == [102.0, 103.0, 104.0, 105.0, 106.0]
    assert EXPECTED["volume"].tolist() == [1.0, 2.0, 3.0, 4.0, 5.0]


@pytest.mark.parametrize(
    "convert",
    [
        lambda f: f.assign(open_time=pd.to_datetime(f.open_time, unit="ms")),
        lambda f: f.assign(open_time=pd.to_datetime(f.open_time, unit="ms", utc=True)),
        lambda f: f.assign(open_time=pd.to_datetime(f.open_time, unit="ms", utc=True).dt.tz_convert("Asia/Tokyo")),
        lambda f: f.assign(open_time=pd.to_datetime(f.open_time, unit="ms").dt.as_unit("ns")),
        lambda f: f.assign(open_time=f.open_time * 1000),
        lambda f: f.assign(open_time=f.open_time.astype(float)),
        lambda f: f.set_index("open_time"),
        lambda f: f.rename(columns={"open_time": "Open Time", "close": "Close"}),
        lambda f: f.assign(volume=f.volume.astype(int), extra="x"),
        lambda f: f.assign(close=f.close.astype(str)),
        lambda f: f.convert_dtypes(),
        pl.from_pandas,
        lambda f: pl.from_pandas(f).with_columns(pl.col("open_time").cast(pl.Datetime("ms"))),
        lambda f: pl.from_pandas(f).with_columns(pl.from_epoch("open_time", time_unit="ms").dt.cast_time_unit("ns")),
        lambda f: pl.from_pandas(f).with_columns(
            pl.from_epoch("open_time", time_unit="ms").dt.replace_time_zone("UTC").dt.convert_time_zone("Europe/Berlin")
        ),
        pa.Table.from_pandas,
        lambda f: f.to_records(index=False),
        as_candles,
    ],
)
def test_every_kind_of_frame_gives_the_same(convert) -> None:
    np.testing.assert_array_equal(as_candles(convert(frame())), EXPECTED)


def test_an_array_of_candles_is_not_copied() -> None:
    assert np.shares_memory(as_candles(EXPECTED), EXPECTED)


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (frame().drop(columns="close"), ["'close'", "missing", "open_time, open, high, low, volume"]),
        (frame(0), ["no candles"]),
        (frame().iloc[[0, 2, 1, 3]], ["open_time must increase", "row 2"]),
        (frame().iloc[[0, 1, 1, 3]], ["unique", "twice", "row 2", "2023-11-14 22:15:00"]),
        (frame(high=[102.0, float("nan"), 104.0, 105.0, 106.0]), ["high", "row 1", "nan"]),
        (frame(open=[1.0, float("inf"), 1.0, 1.0, 1.0]), ["open", "positive", "inf"]),
        (frame(low=[1.0, 2.0, 0.0, 1.0, 1.0]), ["low", "positive", "row 2", "0.0"]),
        (frame(volume=[1.0, 2.0, 3.0, -1.0, 1.0]), ["volume", "zero or more", "row 3", "-1.0"]),
        (frame(volume=[1.0, float("nan"), 3.0, 1.0, 1.0]), ["volume", "row 1"]),
        (frame(close=["a", "b", "c", "d", "e"]), ["'close'", "numbers"]),
        (frame(open_time=["a", "b", "c", "d", "e"]), ["open_time must be times such as", "row 0 holds 'a'"]),
        (frame(open_time=[0.0, 1.5, 2.0, 3.0, 4.0]), ["open_time", "row 1", "1.5"]),
        (frame(open_time=[-5, 0, 1, 2, 3]), ["since 1970", "-5"]),
        (frame(open_time=pd.to_datetime([None, 1, 2, 3, 4], unit="ms")), ["open_time", "missing", "row 0"]),
        ([1, 2, 3], ["DataFrame", "list"]),
    ],
)
def test_each_fault_is_one_sentence(bad, words: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        as_candles(bad)
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert "\n" not in text


def test_nulls_in_polars_are_found() -> None:
    table = pl.from_pandas(frame()).with_columns(pl.when(pl.col("close") > 102).then(pl.col("close")).alias("close"))
    with pytest.raises(DataError, match=r"close .* row 0"):
        as_candles(table)


def test_the_interval_is_the_most_common_step() -> None:
    candles = as_candles(frame(50))
    assert infer_interval(np.delete(candles, [10, 11, 30])) == 60_000


def test_the_interval_does_not_depend_on_what_follows() -> None:
    times = np.concatenate([START + 60_000 * np.arange(1000), START + 60_000_000 + 900_000 * np.arange(5000)])
    candles = np.zeros(len(times), dtype=CANDLE)
    candles["open_time"] = times
    assert infer_interval(candles) == infer_interval(candles[:1000]) == 60_000


@pytest.mark.parametrize("times", [[0], [0, 7_000, 14_000]])
def test_no_interval_from_one_candle_or_odd_steps(times: list[int]) -> None:
    candles = np.zeros(len(times), dtype=CANDLE)
    candles["open_time"] = times
    with pytest.raises(DataError):
        infer_interval(candles)


def test_timeframes_by_name() -> None:
    for name, length in TIMEFRAMES.items():
        assert parse_timeframe(name) == length
        assert timeframe_name(length) == name
    assert TIMEFRAMES["8h"] == timedelta(hours=8) // timedelta(milliseconds=1)
    with pytest.raises(BadInput, match=r"'7m' is not supported; use one of 1m, 3m, .* 1d"):
        parse_timeframe("7m")
    with pytest.raises(BadInput, match="7 s"):
        timeframe_name(7000)


def test_naive_times_are_utc() -> None:
    moment = datetime(2024, 2, 29, 12, tzinfo=UTC)
    table = frame(2, open_time=[moment.replace(tzinfo=None), moment.replace(tzinfo=None) + timedelta(minutes=1)])
    assert as_candles(table)["open_time"][0] == int(moment.timestamp() * 1000)

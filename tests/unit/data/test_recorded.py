"""Files and folders of recorded candles, in every supported shape, and a sentence for each that is not."""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from triplane.data.candles import as_candles
from triplane.data.recorded import open_recorded
from triplane.errors import BadInput, DataError

START = 1_679_616_000_000
REAL = Path("../shared/data/klines")
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings are not on this computer")


def table(n: int = 30, start: int = START, step: int = 60_000) -> pd.DataFrame:
    close = 100 + np.arange(n) % 7 / 10
    return pd.DataFrame(
        {
            "open_time": start + step * np.arange(n),
            "open": close,
            "high": close + 1,
            "low": close - 1,
            "close": close,
            "volume": np.arange(n) + 0.5,
        }
    )


def dump(frame: pd.DataFrame, microseconds: bool = False, header: bool = False) -> str:
    factor = 1000 if microseconds else 1
    frame = frame.assign(open_time=frame.open_time * factor, close_time=frame.open_time * factor + 60_000 * factor - 1)
    for name in ("quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore"):
        frame[name] = 0
    return frame.to_csv(index=False, header=header)


def write_zip(path: Path, text: str, inside: str | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(inside or path.with_suffix(".csv").name, text)
    return path


EXPECTED = as_candles(table())


def _parquet(folder: Path) -> Path:
    path = folder / "ETHUSDT-1m.parquet"
    table().assign(extra="x").to_parquet(path, index=False)
    return path


def _dated_parquet(folder: Path) -> Path:
    path = folder / "ETHUSDT-1m.parquet"
    table().assign(open_time=pd.to_datetime(table().open_time, unit="ms", utc=True)).to_parquet(path, index=False)
    return path


def _indexed_parquet(folder: Path) -> Path:
    path = folder / "ETHUSDT-1m.parquet"
    frame = table().set_index(pd.to_datetime(table().open_time, unit="ms", utc=True)).drop(columns="open_time")
    frame.rename_axis(None).to_parquet(path)
    return path


def _freqtrade(folder: Path) -> Path:
    path = folder / "ETHUSDT-1m.feather"
    frame = table().rename(columns={"open_time": "date"})
    frame.assign(date=pd.to_datetime(frame.date, unit="ms", utc=True)).to_feather(path)
    return path


def _csv(text: str, name: str = "ETHUSDT-1m-2023-03.csv"):
    def write(folder: Path) -> Path:
        (folder / name).write_text(text)
        return folder / name

    return write


@pytest.mark.parametrize(
    "write",
    [
        _parquet,
        _dated_parquet,
        _indexed_parquet,
        _freqtrade,
        _csv(table().to_csv(index=False)),
        _csv("\ufeff" + table().to_csv(index=False)),
        _csv(table().assign(open_time=pd.to_datetime(table().open_time, unit="ms")).to_csv(index=False)),
        _csv(dump(table())),
        _csv(dump(table(), header=True)),
        _csv(dump(table(), microseconds=True)),
        _csv(dump(table(), microseconds=True, header=True)),
        _csv(table().to_csv(index=False, header=False)),
        lambda folder: write_zip(folder / "ETHUSDT-1m-2023-03-24.zip", dump(table())),
    ],
)
def test_each_kind_of_file_gives_the_same_candles(tmp_path: Path, write) -> None:
    source = open_recorded(write(tmp_path))
    np.testing.assert_array_equal(source.candles, EXPECTED)
    assert (source.symbol, source.interval_ms, source.timeframe) == ("ETHUSDT", 60_000, "1m")


def test_the_symbol_of_an_unnamed_file_is_unknown_or_given(tmp_path: Path) -> None:
    path = _csv(table().to_csv(index=False), "my_candles.csv")(tmp_path)
    assert open_recorded(path).symbol == "UNKNOWN"
    assert open_recorded(path, symbol="SOLUSDT").symbol == "SOLUSDT"
    assert open_recorded(str(path), interval=60_000).timeframe == "1m"


def test_a_folder_is_joined_in_order_of_time_and_overlap_is_dropped(tmp_path: Path) -> None:
    write_zip(tmp_path / "ETHUSDT-1m-2023-03-24.zip", dump(table(20)))
    _csv(dump(table(18, START + 12 * 60_000).assign(**table().iloc[12:].reset_index(drop=True))))(tmp_path)
    (tmp_path / "ETHUSDT-1m-2023-03-24.zip.CHECKSUM").write_text("ignored")
    source = open_recorded(tmp_path)
    np.testing.assert_array_equal(source.candles, EXPECTED)
    assert source.symbol == "ETHUSDT"


def test_a_folder_with_several_markets_needs_a_choice(tmp_path: Path) -> None:
    write_zip(tmp_path / "ETHUSDT-1m-2023-03-24.zip", dump(table(20)))
    write_zip(tmp_path / "BTCUSDT-1m-2023-03-24.zip", dump(table(25)))
    write_zip(tmp_path / "BTCUSDT-15m-2023-03-24.zip", dump(table(10, step=900_000)))
    assert len(open_recorded(tmp_path, "ETHUSDT").candles) == 20
    assert len(open_recorded(tmp_path, "BTCUSDT", "15m").candles) == 10
    assert len(open_recorded(tmp_path, "BTCUSDT", 60_000).candles) == 25
    with pytest.raises(DataError, match=r"several markets \(BTCUSDT 15m, BTCUSDT 1m, ETHUSDT 1m\); choose a symbol"):
        open_recorded(tmp_path)
    with pytest.raises(DataError, match="choose a timeframe"):
        open_recorded(tmp_path, "BTCUSDT")
    with pytest.raises(DataError, match=r"holds no XRPUSDT; there is BTCUSDT 15m, BTCUSDT 1m, ETHUSDT 1m"):
        open_recorded(tmp_path, "XRPUSDT")


def test_files_that_contradict_each_other_are_an_error(tmp_path: Path) -> None:
    write_zip(tmp_path / "ETHUSDT-1m-2023-03-24.zip", dump(table(20)))
    write_zip(tmp_path / "ETHUSDT-1m-2023-03-25.zip", dump(table(20).assign(volume=7.0)))
    with pytest.raises(DataError, match="two files disagree about the candle of 2023-03-24 00:00:00"):
        open_recorded(tmp_path)


def test_a_single_candle_takes_its_length_from_the_name(tmp_path: Path) -> None:
    assert open_recorded(_csv(dump(table(1)), "ETHUSDT-5m.csv")(tmp_path)).timeframe == "5m"
    lonely = _csv(dump(table(1)), "lonely.csv")(tmp_path)
    assert open_recorded(lonely, interval="1h").timeframe == "1h"
    with pytest.raises(DataError, match="name its timeframe"):
        open_recorded(lonely)


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (lambda folder: folder / "missing.parquet", "does not exist"),
        (lambda folder: folder, "holds no .parquet, .csv, .zip"),
        (_csv(table().rename(columns={"close": "shut"}).to_csv(index=False)), "'close' is missing; there is .*shut"),
        (_csv(""), "no candles"),
        (_csv("open_time,open,high,low,close,volume\n"), "no candles"),
        (_csv("1,2,3\n"), "12 columns"),
        (_csv(table().iloc[::-1].to_csv(index=False)), "open_time must increase"),
        (_csv(pd.concat([table(3), table(3).tail(1)]).to_csv(index=False)), "comes twice"),
        (_csv(table(3).assign(low=[1, None, 1]).to_csv(index=False)), "low must be a positive number"),
        (_csv(table(3).assign(low=[1, "x", 1]).to_csv(index=False)), "cannot be read as csv: .*'x'"),
        (_csv("a", "x.txt"), "must end in .parquet, .csv, .zip, .feather, not '.txt'"),
        (_csv("not a zip", "ETHUSDT-1m.zip"), "cannot be read as zip"),
        (_csv("not parquet", "ETHUSDT-1m.parquet"), "cannot be read as parquet"),
        (lambda folder: write_zip(folder / "a.zip", "", "readme.txt"), "exactly one .csv, this one holds 0"),
        (_csv(table(5, step=7000).to_csv(index=False)), "7 s apart, which is not a supported timeframe"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, write, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        open_recorded(write(tmp_path))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_a_truncated_zip_says_so(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "ETHUSDT-1m.zip", dump(table()))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DataError, match="cannot be read as zip"):
        open_recorded(path)


def test_the_wanted_timeframe_must_be_there(tmp_path: Path) -> None:
    path = _csv(table().to_csv(index=False))(tmp_path)
    with pytest.raises(DataError, match="holds 1m candles, not 15m"):
        open_recorded(path, interval="15m")
    with pytest.raises(BadInput, match="'2w' is not supported"):
        open_recorded(path, interval="2w")


@needs_real
def test_the_real_outage_is_read_from_the_dump() -> None:
    source = open_recorded(REAL / "spot/daily_zips/BTCUSDT-1m-2023-03-24.zip")
    assert source.symbol == "BTCUSDT"
    assert len(source.candles) == 1440 - 80
    whole = open_recorded(REAL / "spot/BTCUSDT-1m.parquet").candles
    day = whole[(whole["open_time"] >= START) & (whole["open_time"] < START + 86_400_000)]
    np.testing.assert_array_equal(source.candles, day)


@needs_real
def test_real_minutes_add_up_to_the_real_quarters() -> None:
    minutes = open_recorded(REAL / "spot/BTCUSDT-1m.parquet").candles
    quarters = open_recorded(REAL / "spot/BTCUSDT-15m.parquet").candles
    quarters = quarters[np.isin(quarters["open_time"], minutes["open_time"])]
    keys = minutes["open_time"] // 900_000 * 900_000
    minutes = minutes[np.isin(keys, quarters["open_time"])]
    first = np.flatnonzero(np.diff(minutes["open_time"] // 900_000, prepend=-1))
    last = np.append(first[1:], len(minutes)) - 1
    np.testing.assert_array_equal(minutes["open_time"][first] // 900_000 * 900_000, quarters["open_time"])
    np.testing.assert_array_equal(minutes["open"][first], quarters["open"])
    np.testing.assert_array_equal(np.maximum.reduceat(minutes["high"], first), quarters["high"])
    np.testing.assert_array_equal(np.minimum.reduceat(minutes["low"], first), quarters["low"])
    np.testing.assert_array_equal(minutes["close"][last], quarters["close"])
    np.testing.assert_allclose(np.add.reduceat(minutes["volume"], first), quarters["volume"], rtol=1e-9, atol=1e-6)


@needs_real
def test_a_real_folder_needs_a_symbol() -> None:
    with pytest.raises(DataError, match="choose a symbol"):
        open_recorded(REAL / "usdm/1m_2025-05")
    assert len(open_recorded(REAL / "usdm/1m_2025-05", "LAYERUSDT").candles) == 43_199

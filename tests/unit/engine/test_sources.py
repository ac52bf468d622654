"""Which markets a source of recorded candles brings when nobody names any."""

import asyncio
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from triplane.data.clock import SystemClock
from triplane.engine.sources import Source, open_source
from triplane.errors import BadInput
from triplane.model.settings import MOST_SYMBOLS

MINUTE = 60_000


def write(folder: Path, symbol: str, name: str = "1m", step: int = MINUTE) -> None:
    times = [1_700_006_400_000 + i * step for i in range(20)]
    volume = float(ord(symbol[0]))  # no two markets have the same candles
    frame = pd.DataFrame({"open_time": times, "open": 1.0, "high": 1.5, "low": 0.5, "close": 1.0, "volume": volume})
    frame.to_parquet(folder / f"{symbol}-{name}.parquet")


def opened(path: Path, *symbols: str) -> Source:
    return asyncio.run(open_source(str(path), symbols, SystemClock(), 0.0))


def names(source: Source) -> list[Any]:
    return [one.symbol for one in source.instruments]


def test_a_folder_brings_all_its_markets_and_a_choice_some(tmp_path: Path) -> None:
    for symbol in ("CCCUSDT", "AAAUSDT", "BBBUSDT"):
        write(tmp_path, symbol)
    assert names(opened(tmp_path)) == ["AAAUSDT", "BBBUSDT", "CCCUSDT"]
    assert names(opened(tmp_path, "CCCUSDT", "BBBUSDT")) == ["CCCUSDT", "BBBUSDT"]
    assert names(opened(tmp_path / "BBBUSDT-1m.parquet")) == ["BBBUSDT"]


def test_a_file_that_names_no_market_is_one(tmp_path: Path) -> None:
    write(tmp_path, "AAAUSDT")
    unnamed = (tmp_path / "AAAUSDT-1m.parquet").rename(tmp_path / "mine.parquet")
    assert names(opened(unnamed)) == names(opened(tmp_path)) == ["UNKNOWN"]


def test_markets_of_other_lengths_and_too_many_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "AAAUSDT")
    write(tmp_path, "BBBUSDT", "1h", 60 * MINUTE)
    with pytest.raises(BadInput, match="1m candles of AAAUSDT and 1h candles of BBBUSDT; name markets"):
        opened(tmp_path)
    for i in range(MOST_SYMBOLS):
        (tmp_path / f"X{i}USDT-1m.parquet").touch()
    with pytest.raises(BadInput, match=f"holds {MOST_SYMBOLS + 2} markets; name up to {MOST_SYMBOLS} of them"):
        opened(tmp_path)

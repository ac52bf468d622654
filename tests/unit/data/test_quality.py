"""Every fault in the data moves the grade and is said in a sentence."""

from pathlib import Path

import numpy as np
import pytest

from triplane.data.candles import Candles
from triplane.data.quality import assess
from triplane.data.recorded import open_recorded
from triplane.errors import DataError
from triplane.kernel.records import CANDLE

START = 1_679_616_000_000
REAL = Path("../shared/data/klines")
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason="the real recordings are not on this computer")


def market(n: int = 2000) -> Candles:
    candles = np.zeros(n, dtype=CANDLE)
    candles["open_time"] = START + 60_000 * np.arange(n)
    close = 100.0 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.0005, n)))
    candles["close"] = close
    candles["open"] = np.concatenate(([100.0], close[:-1]))
    candles["high"] = np.maximum(candles["open"], close) * 1.0002
    candles["low"] = np.minimum(candles["open"], close) * 0.9998
    candles["volume"] = 3.0
    return candles


def test_clean_candles_get_an_a() -> None:
    report = assess(market())
    assert report.grade == "A"
    assert report.tradable
    assert (report.rows, report.expected, report.missing, report.completeness) == (2000, 2000, 0, 1.0)
    assert report.sentences == ("100.000% of 2000 expected candles are usable.",)


@pytest.mark.parametrize(("lost", "grade"), [(8, "A"), (20, "B"), (80, "C"), (150, "D"), (300, "F")])
def test_completeness_sets_the_grade(lost: int, grade: str) -> None:
    report = assess(np.delete(market(), np.arange(500, 500 + lost)))
    assert report.grade == grade
    assert report.tradable == (grade in "ABC")
    assert report.completeness == pytest.approx(1 - lost / 2000)
    (gap,) = report.gaps
    assert (gap.first_ms, gap.last_ms, gap.candles) == (START + 500 * 60_000, START + (499 + lost) * 60_000, lost)
    assert f"1 gap, {lost} candles missing; the longest is {lost} from 2023-03-24 08:20:00." in report.sentences


def test_impossible_candles_close_the_gate() -> None:
    candles = market()
    candles["high"][700] = candles["close"][700] * 0.99
    report = assess(candles)
    assert report.grade == "D"
    assert report.impossible == (START + 700 * 60_000,)
    assert "1 candle with a price outside low to high" in report.sentences[0]
    candles["low"][:50] = candles["close"][:50] * 2
    assert assess(candles).grade == "F"


def test_runs_without_volume_count_as_missing() -> None:
    candles = market()
    candles["volume"][100:109] = 0
    assert assess(candles).quiet == ()
    candles["volume"][300:400] = 0
    report = assess(candles)
    assert [span.candles for span in report.quiet] == [100]
    assert report.grade == "C"
    assert "1 run without volume; the longest is 100 from 2023-03-24 05:00:00." in report.sentences


def test_volume_that_was_never_recorded_is_no_outage() -> None:
    candles = market()
    candles["volume"] = 0
    report = assess(candles)
    assert report.grade == "A"
    assert "No volume was recorded." in report.sentences


def test_a_bad_print_is_an_outlier_but_a_crash_and_a_pump_are_not() -> None:
    candles = market()
    crash = candles.copy()
    for name in ("open", "high", "low", "close"):
        crash[name][1000:] *= 0.8
    crash["open"][1000] = crash["close"][999]
    crash["high"][1000] = crash["close"][999] * 1.01
    assert assess(crash).outliers == ()
    wick = candles.copy()
    wick["high"][1000] *= 1.3
    candles["close"][1000] *= 1.2
    candles["high"][1000] *= 1.3
    for bad in (candles, wick):
        report = assess(bad)
        assert report.outliers == (START + 1000 * 60_000,)
        assert report.grade == "B"
        assert any("1 bad print" in sentence for sentence in report.sentences)
        pump = bad.copy()
        pump["volume"][1000] *= 100
        assert assess(pump).outliers == ()


def test_nothing_cannot_be_graded() -> None:
    with pytest.raises(DataError, match="no candles"):
        assess(market(0))
    assert assess(market(1), interval_ms=60_000).grade == "A"


@needs_real
def test_the_real_outage_is_found() -> None:
    report = assess(open_recorded(REAL / "spot/daily_zips/BTCUSDT-1m-2023-03-24.zip").candles)
    assert [gap.candles for gap in report.gaps] == [80]
    assert [span.candles for span in report.quiet] == [72]
    assert report.outliers == ()
    assert report.grade == "F"


@needs_real
def test_a_real_crash_is_good_data() -> None:
    report = assess(open_recorded(REAL / "usdm/1m_2025-05/LAYERUSDT-1m.parquet").candles)
    assert (report.grade, report.outliers, report.gaps) == ("A", (), ())

"""The frames of an analysis: what is in them for hand-made candles, in which kind, and what cannot be asked."""

from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import triplane
from triplane.data.generator import generate
from triplane.errors import BadInput, DataError
from triplane.kernel.codes import Regime
from triplane.kernel.features import FEATURE_ROW
from triplane.kernel.records import CANDLE
from triplane.research.regime import FitSettings, filter_regime, fit_regime
from triplane.strategies.regime_model import built_in_model

START = 1_735_689_600_000  # 2025-01-01, a Wednesday
QUARTER = 900_000

#  A fall, a strong candle up that leaves a gap, and a return into the gap and the block (prices are open, high, low,
#  close). With left = right = 1:
#
#   bar     0     1     2     3      4       5     6
#   high   102   101   100   108    112     111   109
#   low     99    98    97    99    105     106   103
#
#  swing low at 2 (97, known at 3), swing high at 4 (112, known at 5); displacement block 97..100 of bar 2, known at 3;
#  gap 100..105 around bar 3, known at 4, entered at 6 down to 103 (40 %).
BARS = [
    (101, 102, 99, 100),
    (100, 101, 98, 99),
    (99, 100, 97, 98),
    (99.5, 108, 99, 107.5),
    (107, 112, 105, 110),
    (110, 111, 106, 107),
    (107, 109, 103, 108),
]
#  on top of it: a fall through the block, and through everything
FALL = [(108, 108, 99.5, 101), (101, 102, 96, 96.5), (96, 97, 95, 96), (96, 98, 94, 97)]


def frame(bars: list[Any]) -> pd.DataFrame:
    made = pd.DataFrame(bars, columns=["open", "high", "low", "close"], dtype=float)
    made.insert(0, "open_time", START + QUARTER * np.arange(len(bars)))
    made["volume"] = 1.0
    return made


def run(bars: list[Any], **params: Any) -> triplane.Analysis:
    return triplane.analyze(frame(bars), **({"left": 1, "right": 1} | params))


def utc(bar: int) -> pd.Timestamp:
    """Open time of a bar."""
    return pd.Timestamp(START + bar * QUARTER, unit="ms", tz="UTC")


def rows(table: pd.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return list(table[list(columns)].itertuples(index=False, name=None))


def test_swings_are_known_when_the_bars_after_them_are() -> None:
    found = run(BARS).swings
    assert rows(found, "kind", "price", "formed_at", "confirmed_at") == [("low", 97.0, 2, 3), ("high", 112.0, 4, 5)]
    assert rows(found, "formed_time", "confirmed_time")[0] == (utc(2), utc(3))


def test_a_block_and_a_gap_with_their_lives() -> None:
    analysis = run(BARS + FALL)
    block = analysis.order_blocks.iloc[0]
    assert (block["kind"], block["side"], block["price_lo"], block["price_hi"]) == ("displacement", "demand", 97, 100)
    assert (block["formed_at"], block["confirmed_at"]) == (2, 3)
    #  the confirming candle (99..108) is inside and no touch; bar 7 (99.5) is the first, bar 8 closes below 97
    assert (block["touches"], block["first_touched_at"], block["mitigated_at"], block["invalid_at"]) == (1, 7, 8, 8)
    gap = analysis.fvgs.iloc[0]
    assert (gap["side"], gap["price_lo"], gap["price_hi"], gap["formed_at"], gap["confirmed_at"]) == (
        "demand", 100.0, 105.0, 3, 4,
    )  # fmt: skip
    assert (gap["first_touched_at"], gap["filled_at"], gap["filled_percent"]) == (6, 7, 100.0)
    then = analysis.at(6).fvgs.iloc[0]
    assert (then["filled_percent"], then["first_touched_at"], then["filled_at"], then["state"]) == (40.0, 6, -1, "live")
    assert analysis.at(3).fvgs.empty
    breaker = analysis.breakers.iloc[0]
    assert (breaker["side"], breaker["price_lo"], breaker["price_hi"], breaker["confirmed_at"]) == (
        "supply",
        97,
        100,
        8,
    )
    assert run(BARS + FALL, breakers=False).breakers.empty


def test_a_break_of_structure_and_its_block() -> None:
    analysis = run(BARS + FALL)
    #  bar 8 closes below the swing low of bar 2; the highest candle between them is bar 4
    assert rows(analysis.structure, "kind", "side", "level", "ref_at", "confirmed_at", "block_at") == [
        ("BOS_DN", "down", 97.0, 2, 8, 4)
    ]
    last = analysis.order_blocks[analysis.order_blocks["kind"] == "structure"].iloc[0]
    assert (last["side"], last["price_lo"], last["price_hi"], last["confirmed_at"]) == ("supply", 105, 112, 8)
    assert analysis.context["trend"].tolist() == [0] * 8 + [-1] * 3
    assert run(BARS + FALL[:1] + [(101, 102, 96, 98)], break_on="close").structure.empty
    assert len(run(BARS + FALL[:1] + [(101, 102, 96, 98)], break_on="wick").structure) == 1


def test_equal_highs_and_their_sweep() -> None:
    #  highs 10, 12, 10, 12, 10, 13: two equal highs, the second known at 4; bar 5 goes past 12 and closes inside
    highs = [10, 12, 10, 12, 10, 13]
    bars = [(9, h, 8 + n * 0.01, 9) for n, h in enumerate(highs)]
    found = run(bars).liquidity
    assert rows(found, "side", "level", "formed_at", "confirmed_at", "swept_at", "kind", "count", "state") == [
        ("high", 12.0, 1, 4, 5, "equal", 2, "swept")
    ]
    assert run(bars[:-1]).liquidity["swept_at"].tolist() == [-1]


def test_levels_of_the_day_and_the_sessions() -> None:
    day = [(100, 101, 99, 100)] * 95 + [(100, 110, 90, 100)] + [(100, 101, 99, 100)]
    analysis = run(day)
    found = analysis.liquidity[analysis.liquidity["kind"] == "day"]
    assert rows(found, "side", "level", "formed_at", "confirmed_at") == [("high", 110.0, 95, 96), ("low", 90.0, 95, 96)]
    assert analysis.context["day_high"].isna().tolist() == [True] * 96 + [False]
    assert set(analysis.liquidity["kind"]) == {"asia", "london", "new_york", "day"}


def test_the_regime_is_that_of_the_forward_filter() -> None:
    candles = generate(seed=2, start_ms=START, n=1_500)
    model = fit_regime(candles[:1_000], FitSettings(train=600, step=400, starts=1, n_states=3))
    found = triplane.analyze(candles, regime=model).regime
    path = filter_regime(candles, model)
    assert [Regime.labels.index(name) if name != "unknown" else -1 for name in found["regime"]] == path.names.tolist()
    np.testing.assert_array_equal(found["probability"], path.probabilities)
    np.testing.assert_array_equal(found["p_ranging"], path.beliefs[:, Regime.labels.index("ranging")])
    assert found["regime"][:599].tolist() == ["unknown"] * 599  # the first fit is due at the end of its window
    assert len(set(found["regime"][700:])) > 1


def test_without_a_model_the_regime_is_that_of_the_one_that_comes_along() -> None:
    candles = generate(seed=2, start_ms=START, n=600)
    found = triplane.analyze(candles).regime
    path = filter_regime(candles, built_in_model(60_000))
    np.testing.assert_array_equal(found["probability"], path.probabilities)
    assert found["regime"][0] == found["volatility"][0] == "unknown"
    assert set(found["volatility"]) > {"low", "normal", "high"}


def test_a_model_of_other_bars_or_of_nothing_is_refused() -> None:
    with pytest.raises(BadInput, match="interval_ms"):
        run(BARS, regime=built_in_model(60_000) | {"interval_ms": 60_000})
    with pytest.raises(BadInput, match="regime is 3; it must be a model"):
        run(BARS, regime=3)
    with pytest.raises(BadInput, match="Regime model: vol_window is None"):
        run(BARS, regime={})


def test_the_parts_of_strength_are_its_sum() -> None:
    analysis = run(BARS + FALL, max_touches=0)
    for zones in (analysis.order_blocks, analysis.fvgs):
        parts = zones.filter(like="strength_")
        assert parts.shape[1] == 5
        np.testing.assert_allclose(parts.sum(axis=1), zones["strength"])
        assert ((zones["first_touched_at"] == -1) == (zones["strength_untouched"] == 1)).all()


def test_the_columns_come_in_the_order_of_their_meaning() -> None:
    analysis = run(BARS)
    expected = {
        "swings": "kind price formed_at confirmed_at",
        "structure": "kind level ref_at confirmed_at",
        "order_blocks": "kind side price_lo price_hi formed_at confirmed_at strength touches first_touched_at "
        "mitigated_at invalid_at",
        "fvgs": "side price_lo price_hi formed_at confirmed_at filled_percent first_touched_at filled_at",
        "liquidity": "side level formed_at confirmed_at swept_at",
        "features": "open_time " + " ".join(FEATURE_ROW.names or ()),
    }
    for name, columns in expected.items():
        there = list(getattr(analysis, name).columns)
        assert there[: len(columns.split())] == columns.split()
    assert len(analysis.features) == len(analysis) == len(BARS)
    assert "2 swings" in repr(analysis)


@pytest.mark.parametrize("empty", ["swings", "structure", "order_blocks", "breakers", "fvgs", "liquidity"])
def test_one_candle_is_enough_to_know_nothing(empty: str) -> None:
    analysis = triplane.analyze(frame(BARS[:1]))
    assert len(getattr(analysis, empty)) == 0
    assert analysis.timeframe is None
    assert len(analysis.features) == 1


def test_bars_of_a_longer_timeframe() -> None:
    minutes = frame(BARS * 20)
    hours = triplane.analyze(minutes, "1h", left=1, right=1)
    assert (hours.timeframe, len(hours)) == ("1h", 35)
    assert hours.candles["high"].tolist()[:2] == [108.0, 112.0]
    assert hours.candles["open_time"].diff().dropna().unique().tolist() == [pd.Timedelta(hours=1)]
    pd.testing.assert_frame_equal(
        hours.order_blocks, triplane.analyze(hours.candles, left=1, right=1).order_blocks, check_exact=True
    )


@pytest.mark.parametrize("kind", ["s", "ms", "us", "ns", "naive", "zoned", "index"])
def test_pandas_times_are_utc_and_the_index_is_the_callers(kind: str) -> None:
    candles = frame(BARS)
    dates = pd.to_datetime(candles["open_time"], unit="ms")
    whole = {unit: dates.dt.as_unit(unit).astype("int64") for unit in ("s", "ms", "us", "ns")}  # type: ignore[arg-type]
    times = whole | {"naive": dates, "index": dates}
    times["zoned"] = dates.dt.tz_localize("UTC").dt.tz_convert("Asia/Tokyo").dt.as_unit("ns")
    candles["open_time"] = times[kind]
    candles.index = pd.Index(list("abcdefg"))
    given = candles.set_index("open_time") if kind == "index" else candles
    before = given.copy()
    analysis = triplane.analyze(given, left=1, right=1)
    pd.testing.assert_frame_equal(given, before)
    assert analysis.swings["formed_time"].tolist() == [utc(2), utc(4)]
    assert str(analysis.features["open_time"].dtype) == "datetime64[ms, UTC]"
    assert analysis.features.index.equals(given.index)
    joined = given[["close"]].join(analysis.features[["atr14"]])
    assert joined.shape == (len(given), 2)
    assert analysis.order_blocks["ended_time"].isna().tolist() == [True]


@pytest.mark.parametrize("date", [False, True])
def test_polars_in_polars_out(date: bool) -> None:
    candles = pl.from_pandas(frame(BARS))
    if date:
        candles = candles.with_columns(pl.from_epoch("open_time", "ms").dt.replace_time_zone("UTC"))
    analysis = triplane.analyze(candles, left=1, right=1)
    for name in ("features", "swings", "structure", "order_blocks", "fvgs", "liquidity"):
        assert isinstance(getattr(analysis, name), pl.DataFrame)
    assert analysis.swings.schema["formed_time"] == pl.Datetime("ms", "UTC")
    assert analysis.swings["formed_time"].to_list() == [utc(2), utc(4)]
    assert analysis.order_blocks["side"].to_list() == ["demand"]
    assert analysis.structure.schema["kind"] == pl.String


def test_arrow_in_arrow_out() -> None:
    candles = pa.Table.from_pandas(frame(BARS), preserve_index=False)
    analysis = triplane.analyze(candles, left=1, right=1)
    assert isinstance(analysis.swings, pa.Table)
    assert analysis.swings.column("price").to_pylist() == [97.0, 112.0]
    assert analysis.swings.column("formed_time").to_pylist() == [utc(2), utc(4)]


@pytest.mark.parametrize("dates", [False, True])
def test_a_structured_array_in_and_out(dates: bool) -> None:
    candles = np.zeros(len(BARS), CANDLE)
    for name in CANDLE.names or ():
        candles[name] = frame(BARS)[name]
    if dates:
        kind = [(name, "M8[s]" if name == "open_time" else "f8") for name in CANDLE.names or ()]
        candles = candles.astype(kind)
    analysis = triplane.analyze(candles, left=1, right=1)
    assert analysis.swings["kind"].tolist() == ["low", "high"]
    assert analysis.swings["formed_time"].dtype == np.dtype("M8[ms]")
    assert analysis.swings["formed_time"].tolist() == candles["open_time"][[2, 4]].astype("M8[ms]").tolist()
    assert analysis.features.dtype.names[0] == "open_time"


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"lookback": 3}, "no parameter 'lookback'; there is timeframe, regime, left"),
        ({"left": 0}, "left is 0"),
        ({"right": 64}, "right is 64"),
        ({"break_on": "high"}, "break_on is 'high'"),
        ({"min_gap_percent": -1}, "min_gap_percent is -1"),
        ({"tolerance": float("nan")}, "tolerance is nan"),
        ({"max_age": 2.5}, "max_age is 2.5"),
        ({"timeframe": "7m"}, "7m"),
        ({"timeframe": "5m"}, "the candles are 15m"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(params: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        triplane.analyze(frame(BARS), **params)


def test_what_the_data_do_not_give_is_said_too() -> None:
    with pytest.raises(DataError, match="no bar of 1d is over"):
        triplane.analyze(frame(BARS), "1d")
    with pytest.raises(DataError, match="missing"):
        triplane.analyze(frame(BARS).drop(columns="volume"))
    with pytest.raises(BadInput, match=r"at\(7\): the bar must be 0 to 6"):
        run(BARS).at(7)


def test_numpy_numbers_are_numbers() -> None:
    assert run(BARS, left=np.int64(1), tolerance=np.float32(0.5)).params.tolerance == 0.5

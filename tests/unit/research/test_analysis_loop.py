"""The compiled loops of an analysis: they stop before the log is full, and gather bars that are over."""

from typing import Any

import numpy as np
import pytest

from triplane.data.generator import generate
from triplane.kernel.patterns.liquidity import LIQUIDITY
from triplane.kernel.patterns.zones import ZONE
from triplane.kernel.records import CANDLE
from triplane.kernel.timeframes import AGG
from triplane.research.analysis import AnalysisParams, compiled
from triplane.research.analysis_loop import (
    CONTEXT_ROW,
    ENDED_MARGIN,
    EVENTS_MARGIN,
    LIVE_LEVELS,
    LIVE_ZONES,
    LOG,
    SERIES,
    TABLES,
)

MINUTE = 60_000
START = 1_735_689_600_000


@pytest.fixture(scope="module")
def candles() -> Any:
    return generate(seed=6, start_ms=START, n=6000)


def new_series() -> Any:
    series = np.zeros(1, SERIES)
    series["params"] = AnalysisParams().to_record()
    compiled().init(series)
    return series


def test_it_stops_before_the_log_might_be_too_full(candles: Any) -> None:
    series, log = new_series(), np.zeros(1, LOG)
    series["params"]["left"] = series["params"]["right"] = 1
    compiled().init(series)
    stops = []
    at = compiled().run(series, candles, log, 0)
    while at < len(candles):
        left = {name: len(log[0][name]) - int(log[0][f"n_{name}"]) for name in TABLES}
        assert all(room >= 0 for room in left.values())
        assert any(left[name] < (ENDED_MARGIN if TABLES[name] is ZONE else EVENTS_MARGIN) for name in TABLES)
        stops.append(at)
        for name in TABLES:
            log[f"n_{name}"] = 0
        log["n_swings"] = len(log[0]["swings"]) - EVENTS_MARGIN - 100
        at = compiled().run(series, candles, log, at)
    assert len(stops) > 2
    assert int(series[0]["count"]) == len(candles)


def test_a_candle_without_room_is_not_taken(candles: Any) -> None:
    series, log = new_series(), np.zeros(1, LOG)
    log["n_swings"] = len(log[0]["swings"])
    assert compiled().run(series, candles, log, 0) == 0
    assert int(series[0]["count"]) == 0


def test_live_zones_are_those_that_have_not_ended(candles: Any) -> None:
    series, log = new_series(), np.zeros(1, LOG)
    compiled().run(series, candles[:800], log, 0)
    blocks, gaps = np.zeros(LIVE_ZONES, ZONE), np.zeros(LIVE_ZONES, ZONE)
    levels = np.zeros(LIVE_LEVELS, LIQUIDITY)
    *counts, n_levels = compiled().live(series, blocks, gaps, levels)
    assert (levels["ended_at"][:n_levels] < 0).all()
    assert n_levels > 0
    ended = [int(log[0][f"n_{book}"]) for book in ("blocks", "gaps")]
    for zones, count, over in zip((blocks, gaps), counts, ended, strict=True):
        assert count > 0
        serials = zones["serial"][:count]
        assert len(set(serials.tolist())) == count
        assert int(serials.max()) <= count + over


@pytest.mark.parametrize("missing", [0, 7])
def test_bars_are_those_that_are_over(candles: Any, missing: int) -> None:
    given = np.delete(candles[:61], range(20, 20 + missing))
    out = np.zeros(len(given), CANDLE)
    n = compiled().bars(given, out, np.zeros(1, AGG), MINUTE, 15 * MINUTE)
    assert (n, out["open_time"][:n].tolist()) == (4, [START + k * 15 * MINUTE for k in range(4)])
    first = given[given["open_time"] < START + 15 * MINUTE]
    assert (out["high"][0], out["low"][0]) == (first["high"].max(), first["low"].min())
    assert (out["open"][0], out["close"][0]) == (first["open"][0], first["close"][-1])


def test_the_context_has_the_levels_of_finished_days_only(candles: Any) -> None:
    rows = np.zeros(len(candles), CONTEXT_ROW)
    compiled().context(new_series(), candles, rows)
    day = 1440
    assert np.isnan(rows["day_high"][:day]).all()
    assert set(rows["day_high"][day : 2 * day]) == {candles["high"][:day].max()}
    assert set(rows["day_low"][day : 2 * day]) == {candles["low"][:day].min()}

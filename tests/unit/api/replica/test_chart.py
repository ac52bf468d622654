"""Bars from base candles, indicators in their place, zones and markers of their time; nothing without bound."""

import pytest

from triplane.api.replica import chart as charts
from triplane.api.replica.chart import Chart
from triplane.model.facts import Features

from ..streams import MINUTE, START, Stream

FIVE = 5 * MINUTE


@pytest.fixture
def stream() -> Stream:
    return Stream(timeframe="5m")


@pytest.fixture
def chart() -> Chart:
    return Chart(MINUTE, FIVE)


def test_a_bar_is_gathered_from_its_candles(chart: Chart, stream: Stream) -> None:
    changed = [chart.on_candle(stream.candle(close)) for close in (10.0, 12.0, 9.0, 11.0, 10.5)]
    assert [len(bars) for bars in changed] == [1] * 5
    assert [bars[0].is_closed for bars in changed] == [False] * 4 + [True]
    bar = chart.bars[0]
    assert (bar.time, bar.open, bar.high, bar.low, bar.close, bar.volume) == (START, 9.0, 14.0, 7.0, 10.5, 7.5)
    assert chart.forming is None
    assert (chart.price, chart.last_time) == (10.5, START + FIVE)


def test_a_bar_that_ends_in_a_gap_is_closed_by_the_next(chart: Chart, stream: Stream) -> None:
    chart.on_candle(stream.candle(10.0))
    late, fresh = chart.on_candle(stream.candle(20.0, at=START + 2 * FIVE + MINUTE))
    assert (late.time, late.is_closed, late.close) == (START, True, 10.0)
    assert (fresh.time, fresh.is_closed) == (START + 2 * FIVE, False)
    assert [bar.time for bar in chart.history(10, None)[0]] == [START, START + 2 * FIVE]


def test_a_bar_whose_last_candle_alone_came(chart: Chart, stream: Stream) -> None:
    chart.on_candle(stream.candle(at=START))
    late, fresh = chart.on_candle(stream.candle(at=START + FIVE + 4 * MINUTE))
    assert (late.is_closed, fresh.is_closed, len(chart.bars)) == (True, True, 2)


def test_the_candle_under_way_is_drawn_into_its_bar_and_changes_nothing(chart: Chart, stream: Stream) -> None:
    chart.on_candle(stream.candle(10.0))
    draft = chart.draft(stream.candle(15.0))
    assert (draft.time, draft.high, draft.close, draft.volume) == (START, 17.0, 15.0, 3.0)
    assert chart.forming is not None
    assert chart.forming.close == 10.0
    assert chart.draft(stream.candle(at=START + 9 * MINUTE)).time == START + FIVE


def test_indicators_come_to_the_bar_that_they_are_of(chart: Chart, stream: Stream) -> None:
    for _ in range(10):
        chart.on_candle(stream.candle())
    made = chart.on_features(stream.add(Features, tf="5m", ts=START, ema20=1.5, plots={"own": 2.5}))
    assert made is not None
    assert (made.indicators["ema20"], made.indicators["own"], made.indicators["adx"]) == (1.5, 2.5, None)
    assert [bar.indicators for bar in chart.history(10, None)[0]] == [made.indicators, {}]
    assert chart.plots == ["own"]
    assert chart.on_features(stream.add(Features, tf="5m", ts=START - FIVE)) is None
    assert set(charts.COMMON) | charts.OWN == set(Features.__struct_fields__)


def test_zones_are_kept_by_their_id_until_they_end(chart: Chart, stream: Stream) -> None:
    chart.on_zone(stream.zone("a"))
    chart.on_zone(stream.zone("b", created_ts=START + FIVE))
    chart.on_zone(stream.zone("a", touches=1))
    assert [(zone.id, zone.touches) for zone in chart.zones.values()] == [("b", 0), ("a", 1)]
    chart.on_zone(stream.zone("a", touches=1, valid=False, ended_ts=START + FIVE, end_reason="broken"))
    assert list(chart.zones) == ["b"]
    assert [zone.id for zone in chart.ended] == ["a"]


def test_history_has_the_zones_and_markers_of_its_time(chart: Chart, stream: Stream) -> None:
    for _ in range(20):
        chart.on_candle(stream.candle())
    chart.on_zone(stream.zone("gone", valid=False, ended_ts=START + FIVE))
    chart.on_zone(stream.zone("live", created_ts=START + 2 * FIVE))
    early = chart.mark(stream.fill(time=START + MINUTE, filled_at=START + MINUTE))
    late = chart.mark(stream.fill("x2"))
    bars, zones, markers = chart.history(10, None)
    assert [bar.time for bar in bars] == [START + n * FIVE for n in range(4)]
    assert ([zone.id for zone in zones], markers) == (["gone", "live"], [early, late])
    bars, zones, markers = chart.history(2, None)
    assert ([bar.time for bar in bars], [zone.id for zone in zones]) == ([START + 2 * FIVE, START + 3 * FIVE], ["live"])
    assert markers == [late]
    bars, zones, markers = chart.history(10, START + 2 * FIVE)
    assert ([bar.time for bar in bars], [zone.id for zone in zones]) == ([START, START + FIVE], ["gone"])
    assert markers == [early]
    assert chart.history(10, START) == ([], [], [])


def test_what_is_marked(chart: Chart, stream: Stream) -> None:
    chart.on_candle(stream.candle())
    stream.now = START + FIVE
    marks = [
        chart.mark(stream.signal("a")),
        chart.mark(stream.signal("b", "rejected", reject_reason="no_stop")),
        chart.mark(stream.signal("c", "expired")),
        chart.mark(stream.signal("d", "executed", action="close")),
        chart.mark(stream.signal("e", reasons=[])),
        chart.mark(stream.fill("x", "tp1", side="sell", filled_at=START + MINUTE)),
    ]
    assert [mark and (mark.kind, mark.side, mark.text, mark.price) for mark in marks] == [
        ("signal", "buy", "The fast average is above the slow one.", 100.0),
        ("reject", "buy", "no_stop", 100.0),
        None,
        None,
        ("signal", "buy", "signal buy", 100.0),
        ("exit", "sell", "sell tp1: 100.00", 100.0),
    ]
    assert {mark.time for mark in marks if mark} == {START}  # what is known at a close belongs to the bar that closed


def test_nothing_grows_without_bound(chart: Chart, stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "LIVE", 10)
    for number in range(charts.BARS * 5 + 500):
        chart.on_candle(stream.candle(at=START + number * MINUTE))
    for number in range(1200):
        chart.on_zone(stream.zone(f"z{number}", valid=number % 2 == 0))
        chart.mark(stream.fill(f"x{number}"))
    assert len(chart.bars) == charts.BARS
    assert (len(chart.zones), len(chart.ended), len(chart.markers)) == (10, charts.ENDED, charts.MARKERS)

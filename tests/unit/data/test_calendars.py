"""News, funding and kill-zone windows: what is read, what is refused in one sentence, and the gate events."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from triplane.data.calendars import (
    Funding,
    NewsEvent,
    blackouts,
    funding_events,
    funding_windows,
    fundings,
    gate_events,
    load_calendar,
    load_funding,
    merge_events,
    merged,
    parse_calendar,
)
from triplane.errors import BadInput, DataError
from triplane.kernel.codes import CommandKind, Gate
from triplane.kernel.inputs import VIEWS

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR

ICS = b"""BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:-//test//EN\r
BEGIN:VEVENT\r
UID:2\r
DTSTART;TZID=America/New_York:20250307T083000\r
DTEND;TZID=America/New_York:20250307T090000\r
SUMMARY:Nonfarm payrolls\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:1\r
DTSTART:20250129T190000Z\r
SUMMARY:FOMC\\, rate decision\r
END:VEVENT\r
BEGIN:VEVENT\r
UID:3\r
DTSTART;VALUE=DATE:20250704\r
DTEND;VALUE=DATE:20250706\r
SUMMARY:Holiday\r
END:VEVENT\r
END:VCALENDAR\r
"""


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text + "+00:00").timestamp() * 1000)


def test_icalendar_with_zones_and_whole_days_in_order() -> None:
    events = parse_calendar(ICS)

    assert [(e.time, e.end, e.title) for e in events] == [
        (ms("2025-01-29T19:00"), ms("2025-01-29T19:00"), "FOMC, rate decision"),
        (ms("2025-03-07T13:30"), ms("2025-03-07T13:30"), "Nonfarm payrolls"),  # winter time in New York
        (ms("2025-07-04T00:00"), ms("2025-07-06T00:00"), "Holiday"),
    ]


def repeated(*events: str) -> list[tuple[int, str]]:
    """Times and titles of events that are given without their frame."""
    body = "".join(f"BEGIN:VEVENT\r\n{event}\r\nEND:VEVENT\r\n" for event in events)
    text = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n{body}END:VCALENDAR\r\n"
    return [(e.time, e.title) for e in parse_calendar(text.encode())]


def test_repetitions_follow_the_clock_of_their_zone() -> None:
    found = repeated(
        "UID:1\r\nDTSTART;TZID=America/New_York:20250307T083000\r\nRRULE:FREQ=WEEKLY;COUNT=3\r\n"
        "EXDATE;TZID=America/New_York:20250314T083000\r\nSUMMARY:claims"
    )
    # winter time, then (without the one in between) summer time
    assert found == [(ms("2025-03-07T13:30"), "claims"), (ms("2025-03-21T12:30"), "claims")]


def test_one_of_a_series_may_be_moved() -> None:
    found = repeated(
        "UID:1\r\nDTSTART:20250307T083000Z\r\nRRULE:FREQ=MONTHLY;BYDAY=1FR;COUNT=3\r\nSUMMARY:payrolls",
        "UID:1\r\nRECURRENCE-ID:20250404T083000Z\r\nDTSTART:20250403T093000Z\r\nSUMMARY:payrolls, moved",
    )
    assert found == [
        (ms("2025-03-07T08:30"), "payrolls"),
        (ms("2025-04-03T09:30"), "payrolls, moved"),
        (ms("2025-05-02T08:30"), "payrolls"),
    ]


def test_what_repeats_for_ever_is_known_for_years() -> None:
    days = repeated("UID:1\r\nDTSTART;VALUE=DATE:20200101\r\nRRULE:FREQ=WEEKLY\r\nSUMMARY:a")
    assert np.diff([time for time, _ in days]).tolist() == [7 * DAY] * (len(days) - 1)
    assert 4 * 365 * DAY < days[-1][0] - datetime.now(UTC).timestamp() * 1000 < 6 * 365 * DAY


def test_a_time_without_a_zone_is_utc() -> None:
    found = repeated("UID:1\r\nDTSTART:20250307T083000\r\nRRULE:FREQ=DAILY;COUNT=2\r\nSUMMARY:a")
    assert [time for time, _ in found] == [ms("2025-03-07T08:30"), ms("2025-03-08T08:30")]
    with pytest.raises(DataError, match="is no date or time"):
        repeated("UID:1\r\nDTSTART;VALUE=TIME:083000\r\nSUMMARY:a")


@pytest.mark.parametrize("uid", ["UID:same\r\n", ""])
def test_events_that_share_an_identity_are_all_kept(uid: str) -> None:
    found = repeated(f"{uid}DTSTART:20250307T083000Z\r\nSUMMARY:a", f"{uid}DTSTART:20050308T083000Z\r\nSUMMARY:b")
    assert found == [(ms("2005-03-08T08:30"), "b"), (ms("2025-03-07T08:30"), "a")]


@pytest.mark.parametrize(
    "text",
    [
        "time,title,currency,impact\n2025-01-29 19:00,FOMC,usd,High\n",
        "Date;Time;Event;Country;Importance\n2025-01-29;19:00;FOMC;USD;high\n\n",
        "timestamp,name,currency,impact\n1738177200000,FOMC,USD,high\n",
        "\ufefftime,event,country,impact\n2025-01-29T14:00:00-05:00,FOMC,USD,high\n",
    ],
)
def test_csv_of_several_kinds(text: str) -> None:
    assert parse_calendar(text.encode()) == [NewsEvent(ms("2025-01-29T19:00"), ms("2025-01-29T19:00"), "FOMC")]


@pytest.mark.parametrize(
    ("content", "name", "sentence"),
    [
        (b"title\nFOMC\n", "news.csv", "news.csv: column 'time' is missing; there is title"),
        (b"", "news.csv", "news.csv: column 'time' is missing; there is no column at all"),
        (b"time\n2025-13-01\n", "news.csv", "news.csv, line 2: time is '2025-13-01'; it must be like"),
        (b"time\n\xff\xfe\n", "news.csv", "news.csv is not UTF-8 text"),
        (b"<html>", "news.ics", "news.ics is not a valid iCalendar file: it must begin with BEGIN:VCALENDAR"),
        (
            ICS.replace(b"DTSTART:2025", b"RRULE:FREQ=MINUTELY\r\nDTSTART:2025"),
            "a.ics",
            r"a.ics: event 2 repeats \(RRULE\) more than 50000 times until 20",
        ),
        (
            ICS.replace(b"DTSTART:2025", b"RRULE:FREQ=DAILY;INTERVAL=0\r\nDTSTART:2025"),
            "a.ics",
            r"a.ics: event 2 repeats \(RRULE\) with INTERVAL 0; it must be 1 or more",
        ),
        (
            ICS.replace(b"DTSTART:2025", b"RRULE:FREQ=NEVER\r\nDTSTART:2025"),
            "a.ics",
            "a.ics: event 2 has a RRULE that cannot be used: .*NEVER",
        ),
        (
            ICS.replace(b"20250129T190000Z", b"soon"),
            "a.ics",
            "event 2 has a DTSTART that cannot be used: .*soon",
        ),
        (
            ICS.replace(b"VERSION", b"X-WR-TIMEZONE:Nowhere\r\nVERSION"),
            "a.ics",
            "a time zone that cannot be used: .*Nowhere",
        ),
        (ICS.replace(b"DTSTART:20250129T190000Z\r\n", b""), "a.ics", "event 2 has no start"),
        (ICS.replace(b"END:VEVENT\r\nEND:VCALENDAR", b""), "a.ics", "a.ics is not a valid iCalendar file"),
    ],
)
def test_bad_calendars_say_so(content: bytes, name: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        parse_calendar(content, name)


def test_files_are_read_and_a_missing_one_says_so(tmp_path: Any) -> None:
    path = tmp_path / "news.ics"
    path.write_bytes(ICS)

    assert len(load_calendar(path)) == 3
    with pytest.raises(DataError, match=r"calendar .*none.csv cannot be read: No such file"):
        load_calendar(tmp_path / "none.csv")


def test_blackouts_widen_and_join() -> None:
    times = [ms(f"2025-01-01T{clock}") for clock in ("10:00", "10:50", "18:00")]
    events = [NewsEvent(time, time) for time in times]

    assert blackouts(events, 30, 20).tolist() == [
        [ms("2025-01-01T09:30"), ms("2025-01-01T11:10")],
        [ms("2025-01-01T17:30"), ms("2025-01-01T18:20")],
    ]
    with pytest.raises(BadInput, match="before is -1; it must be a number of minutes from 0 to 10080"):
        blackouts(events, -1)


def test_funding_goes_by_the_rate_that_was_known_before() -> None:
    times = np.arange(5) * 8 * HOUR
    rates = np.array([0.0001, 0.003, 0.0001, -0.003, 0.0])

    windows = funding_windows(times, rates, 0.001, 10)

    assert windows.tolist() == [[t * 8 * HOUR - 10 * MINUTE, t * 8 * HOUR] for t in (2, 4)]
    changed = rates.copy()
    changed[-1] = 0.5  # the rate of the last funding is not known before it
    assert np.array_equal(funding_windows(times, changed, 0.001, 10), windows)


@pytest.mark.parametrize(
    ("times", "rates", "limit", "sentence"),
    [
        ([0, 1], [0.1], 0.1, "2 funding times and 1 rates"),
        ([1, 0], [0.1, 0.1], 0.1, "funding times must rise"),
        ([0, 1], [0.1, np.nan], 0.1, "finite"),
        ([0, 1], [0.1, 0.1], -1, "limit is -1; it must be 0 or more"),
    ],
)
def test_bad_funding_says_so(times: Any, rates: Any, limit: float, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        funding_windows(np.array(times), np.array(rates), limit)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(-5, 30))))
def test_a_gate_is_closed_exactly_inside_the_windows(drawn: list[tuple[int, int]]) -> None:
    windows = [(begin, begin + length) for begin, length in drawn]
    events = gate_events(merged(windows), "news_blackout")
    closed = np.zeros(300, bool)
    for begin, end in windows:
        closed[begin : max(begin, end)] = True

    assert (events["kind"] == CommandKind.GATE).all()
    assert (events["code"] == Gate.NEWS_BLACKOUT).all()
    assert (np.diff(events["time"]) > 0).all()
    state, at = False, 0
    for t in range(300):
        while at < len(events) and events["time"][at] <= t:
            state = bool(events["flag"][at])
            at += 1
        assert state == closed[t]


def test_events_of_several_gates_in_order_of_time() -> None:
    news = gate_events(np.array([[10, 20]]), "news_blackout")
    funding = gate_events(np.array([[5, 10], [20, 30]]), "funding_guard")

    together = merge_events(news, funding)

    assert together["time"].tolist() == [5, 10, 10, 20, 20, 30]
    assert together["flag"].tolist() == [1, 1, 0, 0, 1, 0]
    assert len(merge_events()) == 0
    with pytest.raises(BadInput, match="gate is 'lunch'; it must be one of stale_feed"):
        gate_events(np.array([[1, 2]]), "lunch")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,rate\n1,2\n", "funding_rate"),
        ("funding_time,funding_rate\n1,x\n", "numbers"),
        ("funding_time,funding_rate\n2,0.1\n1,0.1\n", "rising"),
        ("", "cannot be read"),
    ],
)
def test_funding_that_cannot_be_used(tmp_path, text, words):
    path = tmp_path / "funding.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words):
        fundings(load_funding(path), ["BTCUSDT"])


def test_funding_is_read(tmp_path):
    path = tmp_path / "funding.csv"
    path.write_text("funding_time,funding_rate\n1000,0.0001\n2000,-0.0002\n")
    dated = tmp_path / "funding.parquet"
    times = pd.to_datetime([1000, 2000], unit="ms", utc=True)
    pd.DataFrame({"funding_time": times, "funding_rate": [0.0001, -0.0002]}).to_parquet(dated)
    for file in (path, dated):
        ((times, rates, marks),) = fundings(load_funding(file), ["BTCUSDT"])

        assert times.tolist() == [1000, 2000]
        assert rates.tolist() == [0.0001, -0.0002]
        assert marks.tolist() == [0.0, 0.0]


def test_the_fundings_of_several_symbols_say_whose_they_are() -> None:
    rows = [(1000, "A", 0.0001, 50.0), (1000, "B", 0.0002, np.nan), (2000, "A", -0.0003, 51.0)]
    frame = pd.DataFrame(rows, columns=["funding_time", "symbol", "funding_rate", "mark_price"])
    a, b, c = fundings(frame, ["A", "B", "C"])

    assert (a.times.tolist(), a.rates.tolist(), a.marks.tolist()) == ([1000, 2000], [0.0001, -0.0003], [50.0, 51.0])
    assert (b.times.tolist(), b.rates.tolist(), b.marks.tolist()) == ([1000], [0.0002], [0.0])
    assert len(c.times) == 0
    with pytest.raises(DataError, match="funding has no column symbol; there is funding_time, funding_rate"):
        fundings(frame.drop(columns="symbol"), ["A", "B"])


def test_each_funding_is_a_command_to_charge_it() -> None:
    given = [
        Funding(np.array([1000, 2000]), np.array([0.01, 0.02]), np.array([0.0, 7.0])),
        Funding(np.array([1500]), np.array([-0.01]), np.array([8.0])),
    ]
    events = funding_events(given, 1.0)
    charges = events.view(VIEWS[CommandKind.FUNDING_RATE])

    assert (events["kind"] == CommandKind.FUNDING_RATE).all()
    assert [(int(c["time"]), int(c["symbol"]), float(c["rate"]), float(c["mark"])) for c in charges] == [
        (1000, 0, 0.01, 0.0), (1500, 1, -0.01, 8.0), (2000, 0, 0.02, 7.0),
    ]  # fmt: skip
    assert (funding_events(given, 0.001)["kind"] == CommandKind.GATE).sum() == 2

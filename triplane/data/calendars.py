"""Times at which entries are blocked, economic news and funding times, and what a funding costs.

What blocks ends in *windows*, an (n, 2) array of begin (included) and end (excluded) in ms UTC, and windows end in
:func:`gate_events`: commands that close and open a gate of the account (``codes.Gate``). Engine and backtest feed them
as they feed every other command: an event at time *t* comes before any candle that closes after *t*.

A news calendar is an iCalendar file (``.ics``), a CSV file, or the address of one. CSV needs a header; the columns are
``time`` (ISO 8601 or ms; without a zone it is UTC) or ``date`` and ``time``, and, if there is one, ``title`` (or
``event``). Every event counts, whatever other columns say of it.

Gates hold back entries of *both* sides, and never an order that reduces risk.
"""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from triplane.errors import BadInput, DataError
from triplane.kernel.calendar import DAY_MINUTES, MINUTE
from triplane.kernel.codes import CommandKind, Gate
from triplane.kernel.inputs import COMMAND, VIEWS

Array = np.ndarray[Any, Any]

DAY_MS: Final = MINUTE * DAY_MINUTES
MAX_MINUTES: Final = 7 * DAY_MINUTES
MAX_BYTES: Final = 20_000_000
HORIZON: Final = timedelta(days=5 * 365)
"""How far ahead events that repeat without an end are expanded."""
MAX_REPEATS: Final = 50_000
_TIMES: Final = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "RECURRENCE-ID")
_A_DAY: Final = {"SECONDLY": 86_400, "MINUTELY": 1440, "HOURLY": 24}
"""How often a rule repeats a day at most; every other frequency once."""
_COLUMNS: Final = {
    "time": ("time", "datetime", "timestamp", "start"),
    "date": ("date", "day"),
    "title": ("title", "event", "name", "summary"),
}


@dataclass(frozen=True, slots=True)
class NewsEvent:
    """One entry of a news calendar; ``end`` is ``time``, except for one that lasts whole days. Times in ms UTC."""

    time: int
    end: int
    title: str = ""


# --------------------------------------------------------------------------------------------------------- reading
def _utc(value: date | datetime) -> datetime:
    """A day is its beginning, a time without a zone is UTC."""
    moment = value if isinstance(value, datetime) else datetime(value.year, value.month, value.day, tzinfo=UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _ms(value: date | datetime) -> int:
    return round(_utc(value).timestamp() * 1000)


def _start(component: Any, what: str) -> datetime:
    broken = [(name, why) for name, why in component.errors if name in _TIMES]
    if broken:
        raise DataError(f"{what} has a {broken[0][0]} that cannot be used: {broken[0][1]}")
    if "DTSTART" not in component:
        raise DataError(f"{what} has no start (DTSTART)")
    value = getattr(component["DTSTART"], "dt", None)
    if not isinstance(value, date):
        raise DataError(f"{what} has a start (DTSTART) that is no date or time")
    return _utc(value)


def _check_rules(component: Any, start: datetime, horizon: datetime, what: str) -> None:
    """Refuse rules that would expand into too many events."""
    rules = component.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        interval = rule.get("INTERVAL", [1])[0]
        a_day = _A_DAY.get(rule.get("FREQ", [""])[0], 1)
        a_day *= math.prod(len(rule.get(part, [0])) for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
        most = rule.get("COUNT", [math.inf])[0]
        if interval < 1:
            raise DataError(f"{what} repeats (RRULE) with INTERVAL {interval}; it must be 1 or more")
        if min(a_day * (horizon - start).days / interval, most) > MAX_REPEATS:
            raise DataError(f"{what} repeats (RRULE) more than {MAX_REPEATS} times until {horizon.year}")


def _ics_event(component: Any) -> NewsEvent:
    title, value = str(component.get("SUMMARY", "")), component["DTSTART"].dt
    first = _ms(value)
    if isinstance(value, datetime):
        return NewsEvent(first, first, title)
    last = getattr(component.get("DTEND"), "dt", value)
    return NewsEvent(first, max(first + DAY_MS, _ms(last)), title)


def _occurrences(calendar: Any, name: str) -> list[NewsEvent]:
    """The events of a calendar; those that repeat are expanded until the horizon."""
    import recurring_ical_events  # noqa: PLC0415 - only who has a calendar pays for its import

    horizon = datetime.now(UTC) + HORIZON
    components = calendar.walk("VEVENT")
    moved = {str(c.get("UID")) for c in components if "RECURRENCE-ID" in c}
    starts = []
    for number, component in enumerate(components, 1):
        starts.append(_start(component, f"{name}: event {number}"))
        _check_rules(component, starts[-1], horizon, f"{name}: event {number}")
        if str(component.get("UID")) not in moved:  # careless calendars give one UID to many events: keep them all
            component["UID"] = f"triplane-{number}"
    if not starts:
        return []
    try:
        query = recurring_ical_events.of(calendar)
        found = query.between(min(starts) - timedelta(days=1), max(*starts, horizon) + timedelta(days=1))
    except (ValueError, TypeError, LookupError, OverflowError) as error:
        raise DataError(f"{name} holds a repetition or a time zone that cannot be used: {_first_line(error)}") from None
    return [_ics_event(component) for component in found]


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def parse_ics(content: bytes, name: str = "calendar") -> list[NewsEvent]:
    """Events of an iCalendar file, in order of time; raises DataError in one sentence.

    Events that repeat are expanded until five years from now.
    """
    from icalendar import Calendar  # noqa: PLC0415 - only who has a calendar pays for its import

    try:
        calendars = Calendar.from_ical(content, multiple=True)
        count = sum(len(calendar.walk("VEVENT")) for calendar in calendars)
    except (ValueError, UnicodeDecodeError, IndexError, KeyError) as error:
        raise DataError(f"{name} is not a valid iCalendar file: {_first_line(error)}") from None
    if count != content.upper().count(b"BEGIN:VEVENT"):
        raise DataError(f"{name} is not a valid iCalendar file: it is cut off, or an event in it is not closed")
    return sorted((e for calendar in calendars for e in _occurrences(calendar, name)), key=lambda e: e.time)


def _csv_time(text: str, day: str, where: str) -> int:
    whole = f"{day} {text}".strip()
    if whole.isdigit() and len(whole) >= 12:
        return int(whole)
    try:
        return _ms(datetime.fromisoformat(whole))
    except ValueError:
        raise DataError(f"{where}: time is {whole!r}; it must be like 2025-01-31 13:30, or ms since 1970") from None


def parse_csv(content: bytes, name: str = "calendar") -> list[NewsEvent]:
    """Events of a CSV file, in order of time; raises DataError in one sentence."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{name} is not UTF-8 text") from None
    first = text.partition("\n")[0]
    reader = csv.DictReader(
        io.StringIO(text, newline=""), delimiter=";" if first.count(";") > first.count(",") else ","
    )
    headers = {(h or "").strip().lower(): h for h in reader.fieldnames or ()}
    found = {key: next((headers[n] for n in names if n in headers), None) for key, names in _COLUMNS.items()}
    if found["time"] is None and found["date"] is None:
        raise DataError(f"{name}: column 'time' is missing; there is {', '.join(headers) or 'no column at all'}")
    events = []
    for row in reader:
        values = {key: (row.get(header) or "").strip() if header else "" for key, header in found.items()}
        if not any((v or "").strip() for v in row.values() if isinstance(v, str | None)):
            continue
        time = _csv_time(values["time"], values["date"], f"{name}, line {reader.line_num}")
        events.append(NewsEvent(time, time, values["title"]))
    return sorted(events, key=lambda e: e.time)


def parse_calendar(content: bytes, name: str = "calendar") -> list[NewsEvent]:
    """Events of a calendar of either kind, recognised by its first line."""
    if content.lstrip(b"\xef\xbb\xbf \r\n\t")[:15].upper() == b"BEGIN:VCALENDAR":
        return parse_ics(content, name)
    if name.lower().endswith(".ics"):
        raise DataError(f"{name} is not a valid iCalendar file: it must begin with BEGIN:VCALENDAR")
    return parse_csv(content, name)


def load_calendar(source: str | Path) -> list[NewsEvent]:
    """Read a news calendar from a file or an ``https://`` or ``http://`` address; raises DataError in one sentence."""
    text = str(source)
    try:
        if text.startswith(("https://", "http://")):
            from urllib.request import urlopen  # noqa: PLC0415 - HTTP and TLS, for an address only

            with urlopen(text, timeout=15) as answer:  # noqa: S310 - the schemes are checked above
                content = answer.read(MAX_BYTES + 1)
        else:
            with Path(text).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise DataError(f"calendar {text} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > MAX_BYTES:
        raise DataError(f"calendar {text} is larger than {MAX_BYTES // 1_000_000} MB")
    return parse_calendar(content, text)


# --------------------------------------------------------------------------------------------------------- windows
def _minutes(name: str, value: float) -> int:
    if not 0 <= value <= MAX_MINUTES:
        raise BadInput(f"{name} is {value}; it must be a number of minutes from 0 to {MAX_MINUTES}")
    return round(value * MINUTE)


def merged(windows: Iterable[tuple[int, int]]) -> Array:
    """Windows in order, those that overlap or touch made one; empty ones are left out."""
    out: list[list[int]] = []
    for begin, end in sorted(windows):
        if end <= begin:
            continue
        if out and begin <= out[-1][1]:
            out[-1][1] = max(out[-1][1], end)
        else:
            out.append([begin, end])
    return np.array(out, dtype=np.int64).reshape(-1, 2)


def blackouts(events: Iterable[NewsEvent], before: float = 30.0, after: float = 30.0) -> Array:
    """Windows around news: ``before`` and ``after`` in minutes."""
    lead, lag = _minutes("before", before), _minutes("after", after)
    return merged((e.time - lead, e.end + lag) for e in events)


class Funding(NamedTuple):
    """The fundings of one symbol: times (ms UTC, rising), rates, and mark prices, 0 where there is none."""

    times: Array
    rates: Array
    marks: Array


def load_funding(path: str | Path) -> Any:
    """Read a CSV or Parquet file of fundings, for :func:`fundings`; raises DataError when it cannot be read."""
    from pyarrow import csv as pa_csv  # noqa: PLC0415 - only who has such a file pays for its import
    from pyarrow import parquet  # noqa: PLC0415

    where = Path(path)
    try:
        return parquet.read_table(where) if where.suffix == ".parquet" else pa_csv.read_csv(where)
    except (OSError, ValueError) as error:
        raise DataError(f"funding {where} cannot be read: {getattr(error, 'strerror', None) or error}") from None


def fundings(frame: Any, symbols: Sequence[str], name: str = "funding") -> list[Funding]:
    """The fundings of each symbol in a frame.

    Its columns are ``funding_time`` (ms or datetimes) and ``funding_rate`` (a fraction; positive: longs pay), and, if
    they are there, ``mark_price`` and ``symbol``; with several symbols that one must be.

    Raises
    ------
    DataError
        In one sentence: a missing column, a value that is no number, times that do not rise.
    """
    from triplane.data.frames import read  # noqa: PLC0415 - as above

    names, column = read(frame)
    missing = {"funding_time", "funding_rate", *(["symbol"] if len(symbols) > 1 else [])} - set(names)
    if missing:
        there = ", ".join(map(str, names.values()))
        raise DataError(f"{name} has no column {', '.join(sorted(missing))}; there is {there}")
    times = column(names["funding_time"])
    if times.dtype.kind == "M":
        times = times.astype("M8[ms]").astype(np.int64)
    try:
        columns = [times.astype(np.float64), column(names["funding_rate"]).astype(np.float64)]
        marks = column(names["mark_price"]).astype(np.float64) if "mark_price" in names else np.zeros(len(times))
    except (TypeError, ValueError):
        columns = [np.full(1, np.nan)]
    if not all(np.isfinite(values).all() for values in columns):
        raise DataError(f"{name} must hold numbers only, in rising order of funding_time (ms UTC)")
    owners = column(names["symbol"]).astype(str) if "symbol" in names else None
    out = []
    for symbol in symbols:
        own = np.ones(len(times), bool) if owners is None else owners == symbol
        found = Funding(columns[0][own].astype(np.int64), columns[1][own], np.nan_to_num(marks[own]))
        if (np.diff(found.times) <= 0).any():
            raise DataError(f"{name} must hold numbers only, in rising order of funding_time (ms UTC)")
        out.append(found)
    return out


def funding_windows(times: Array, rates: Array, limit: float, minutes: float = 15.0) -> Array:
    """Windows of ``minutes`` before the funding times at which one side would pay more than ``limit``.

    The rate of a funding time is only known at that time, so the window before it goes by the newest rate that was
    known by then: the one of the funding before. The gate does not know sides: the receiving side waits too.

    Parameters
    ----------
    times
        Funding times, ms UTC, rising.
    rates
        Rate at each, a fraction; positive: longs pay.
    limit
        Highest absolute rate at which entries are still made; 0 or more.
    """
    lead = _minutes("minutes", minutes)
    times, rates = np.asarray(times, dtype=np.int64), np.asarray(rates, dtype=np.float64)
    if times.shape != rates.shape or times.ndim != 1:
        raise BadInput(f"there are {times.size} funding times and {rates.size} rates; there must be as many of both")
    if (np.diff(times) <= 0).any() or not np.isfinite(rates).all():
        raise BadInput("funding times must rise, and their rates must be finite numbers")
    if not limit >= 0:
        raise BadInput(f"limit is {limit}; it must be 0 or more")
    expensive = np.abs(rates[:-1]) > limit
    ends, previous = times[1:][expensive].tolist(), times[:-1][expensive].tolist()
    return merged((max(end - lead, begin), end) for end, begin in zip(ends, previous, strict=True))


# ---------------------------------------------------------------------------------------------------------- events
def funding_events(given: Sequence[Funding], limit: float) -> Array:
    """Commands that charge the fundings of each symbol, and hold entries back before expensive ones."""
    parts = [gate_events(np.concatenate([funding_windows(f.times, f.rates, limit) for f in given]), "funding_guard")]
    for k, found in enumerate(given):
        events = np.zeros(len(found.times), COMMAND)
        events["time"] = found.times
        events["kind"] = CommandKind.FUNDING_RATE
        charges = events.view(VIEWS[CommandKind.FUNDING_RATE])
        charges["due"], charges["symbol"] = found.times, k
        charges["rate"], charges["mark"] = found.rates, found.marks
        parts.append(events)
    return merge_events(*parts)


def gate_events(windows: Array, gate: str) -> Array:
    """Commands that close ``gate`` (the label of a :class:`Gate`) when a window begins and open it when it ends.

    Returns
    -------
    Array of ``COMMAND`` in order of time.
    """
    if gate not in Gate.labels:
        raise BadInput(f"gate is {gate!r}; it must be one of {', '.join(Gate.labels)}")
    joined = merged((int(a), int(b)) for a, b in np.asarray(windows).reshape(-1, 2))
    events = np.zeros(2 * len(joined), COMMAND)
    events["time"] = joined.reshape(-1)
    events["kind"] = CommandKind.GATE
    gates = events.view(VIEWS[CommandKind.GATE])
    gates["gate"] = Gate.of(gate)
    gates["closed"][::2] = 1
    return events


def merge_events(*parts: Array) -> Array:
    """Several arrays of commands as one in order of time; those of the same time keep the order given."""
    together = np.concatenate([np.zeros(0, COMMAND), *parts])
    return together[np.argsort(together["time"], kind="stable")]

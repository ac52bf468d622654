"""How good a set of candles is, from A to F, in numbers and in sentences.

The same thresholds for completeness hold as in the gate of the running engine, but this report looks at all of
the data at once: what is missing, what is impossible, where nothing traded, and which prices are outliers.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from triplane.data.candles import BLOCK, Candles, infer_interval, utc
from triplane.errors import DataError
from triplane.kernel.quality import BACK, TRADED

Rows: TypeAlias = npt.NDArray[np.intp]

GRADES: Final = "ABCDF"
COMPLETE: Final = (0.995, 0.98, 0.95, 0.90)
"""Minimum completeness of an A, a B, a C and a D."""
QUIET_CANDLES: Final = 10
"""This many candles without volume in a row count as a run: the venue was probably down."""
OUTLIER_MEDIANS: Final = 40.0
OUTLIER_MOVE: Final = 0.02
"""A bad print is further away than both (typical moves, share of the price) and back on the next candle, and neither
candle has much more volume than is usual; see ``kernel/quality.py``."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in the data, open times of its first and last candle, milliseconds."""

    first_ms: int
    last_ms: int
    candles: int


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What :func:`assess` found.

    ``completeness`` is the share of expected candles that are there and not in a run without volume, 0 to 1.
    ``sentences`` say the same for people, the worst first.
    """

    grade: str
    rows: int
    expected: int
    completeness: float
    gaps: tuple[Span, ...]
    impossible: tuple[int, ...]
    quiet: tuple[Span, ...]
    outliers: tuple[int, ...]
    sentences: tuple[str, ...] = ()

    @property
    def missing(self) -> int:
        """Missing candles."""
        return self.expected - self.rows

    @property
    def tradable(self) -> bool:
        """Whether the grade lets entries through (A to C)."""
        return self.grade in "ABC"


def assess(candles: Candles, interval_ms: int | None = None) -> QualityReport:
    """Grade candles.

    Parameters
    ----------
    candles
        Array of CANDLE, increasing in time.
    interval_ms
        Length of a candle; inferred when not given.

    Raises
    ------
    DataError
        No candles, or an interval that cannot be inferred.
    """
    if len(candles) == 0:
        raise DataError("there are no candles to grade")
    interval = interval_ms or infer_interval(candles)
    times = candles["open_time"]
    expected = int(times[-1] - times[0]) // interval + 1
    before_gaps, impossible, far = _suspects(candles, interval)
    gaps = _gaps(times, before_gaps, interval)
    silent = candles["volume"] == 0
    quiet = _quiet(times, silent)
    outliers = _outliers(candles, far)
    usable = len(candles) - sum(span.candles for span in quiet)
    completeness = max(0.0, min(1.0, usable / expected))
    worst = sum(completeness < least for least in COMPLETE)
    if len(impossible):
        worst = max(worst, 4 if len(impossible) > len(candles) // 1000 else 3)
    if len(outliers):
        worst = max(worst, 2 if len(outliers) > len(candles) // 1000 else 1)
    report = QualityReport(
        GRADES[worst], len(candles), expected, completeness, gaps,
        tuple(int(t) for t in times[impossible]), quiet, tuple(int(t) for t in times[outliers]),
    )  # fmt: skip
    return _with_sentences(report, bool(silent.all()))


def _suspects(candles: Candles, interval: int) -> tuple[Rows, Rows, Rows]:
    """Rows in front of a gap, of impossible candles, and of prices far from the close before.

    A block of rows at a time, which stays in the processor's caches while all of it is looked at.
    """
    found = []
    for begin in range(0, len(candles), BLOCK):
        block = candles[begin : begin + BLOCK + 1]  # with the first of the next
        low, high, close = block["low"], block["high"], block["close"]
        inside = (low > 0) & np.isfinite(high)
        for name in ("open", "close"):
            inside &= (low <= block[name]) & (block[name] <= high)
        before = close[:-1]
        reach = np.maximum(high[1:] - before, before - low[1:])
        tests = np.diff(block["open_time"]) > interval, ~inside[:BLOCK], reach > OUTLIER_MOVE * before
        found.append([np.flatnonzero(test) + begin for test in tests])
    gaps, impossible, far = (np.concatenate(rows) for rows in zip(*found, strict=True))
    return gaps, impossible, far + 1


def _gaps(times: npt.NDArray[np.int64], rows: Rows, interval: int) -> tuple[Span, ...]:
    return tuple(
        Span(first + interval, end - interval, max((end - first) // interval - 1, 1))
        for first, end in zip(times[rows].tolist(), times[rows + 1].tolist(), strict=True)
    )


def _quiet(times: npt.NDArray[np.int64], silent: npt.NDArray[np.bool_]) -> tuple[Span, ...]:
    if silent.all() or not silent.any():  # volume was not recorded at all: nothing can be said
        return ()
    edges = np.flatnonzero(np.diff(np.concatenate(([False], silent, [False])).astype(np.int8)))
    return tuple(
        Span(int(times[first]), int(times[end - 1]), int(end - first))
        for first, end in zip(edges[::2], edges[1::2], strict=True)
        if end - first >= QUIET_CANDLES
    )


def _outliers(candles: Candles, far: Rows) -> Rows:
    """Of prices that leave their neighbours, those that come back at once without trades: bad prints, not moves."""
    far = far[far < len(candles) - 1]
    if len(far) == 0:
        return far
    close, volume = candles["close"], candles["volume"]
    before = close[far - 1]
    reach = np.maximum(candles["high"][far] - before, before - candles["low"][far])
    back = np.abs(close[far + 1] - before) < BACK * reach
    quiet = np.maximum(volume[far], volume[far + 1]) <= TRADED * volume.mean()
    far, reach = far[back & quiet], reach[back & quiet]
    if len(far) == 0:  # as usual: what follows looks at everything
        return far
    typical = float(np.median(np.abs(np.diff(close) / close[:-1])))
    found: Rows = far[reach > OUTLIER_MEDIANS * typical * close[far - 1]]
    return found


def _with_sentences(report: QualityReport, no_volume: bool) -> QualityReport:
    said: list[str] = []
    if report.impossible:
        first = utc(report.impossible[0])
        said.append(f"{_count(report.impossible, 'candle')} with a price outside low to high, the first at {first}.")
    if report.gaps:
        said.append(f"{_count(report.gaps, 'gap')}, {report.missing} candles missing; {_longest(report.gaps)}.")
    if report.quiet:
        said.append(f"{_count(report.quiet, 'run')} without volume; {_longest(report.quiet)}.")
    if report.outliers:
        said.append(f"{_count(report.outliers, 'bad print')}, the first at {utc(report.outliers[0])}.")
    if no_volume:
        said.append("No volume was recorded.")
    said.append(f"{report.completeness:.3%} of {report.expected} expected candles are usable.")
    return replace(report, sentences=tuple(said))


def _count(things: tuple[Any, ...], noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _longest(spans: tuple[Span, ...]) -> str:
    span = max(spans, key=lambda one: one.candles)
    return f"the longest is {span.candles} from {utc(span.first_ms)}"

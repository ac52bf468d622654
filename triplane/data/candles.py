"""Candles from whatever people keep them in, checked once on the way in, so that no other code has to.

:func:`as_candles` takes pandas and polars frames, Arrow tables and structured arrays and gives an array of
:data:`triplane.kernel.records.CANDLE`, or one sentence that says what is wrong. Impossible candles (a high below the
close) pass: they are graded by :mod:`triplane.data.quality` and stop entries, not the program.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from triplane.errors import BadInput, DataError
from triplane.kernel.records import CANDLE

Candles: TypeAlias = npt.NDArray[Any]
"""One-dimensional array of :data:`CANDLE`, strictly increasing in ``open_time``."""

TIMEFRAMES: Final[dict[str, int]] = {
    "1m": 60_000,
    "3m": 180_000,
    "5m": 300_000,
    "15m": 900_000,
    "30m": 1_800_000,
    "1h": 3_600_000,
    "2h": 7_200_000,
    "4h": 14_400_000,
    "6h": 21_600_000,
    "8h": 28_800_000,
    "12h": 43_200_000,
    "1d": 86_400_000,
}
"""Supported timeframes and their length in milliseconds; bars begin on UTC boundaries."""

COLUMNS: Final = ("open_time", "open", "high", "low", "close", "volume")
PRICES: Final = ("open", "high", "low", "close")
INFER_ROWS: Final = 1000
NO_CANDLES: Final = "there are no candles in it"
TINY: Final = 5e-324
"""The least positive float."""
BLOCK: Final = 1 << 15
"""Rows that are put together at a time: they stay in the processor's caches."""


def parse_timeframe(text: str) -> int:
    """Length of a timeframe such as ``15m``, milliseconds; raises BadInput for an unknown one."""
    try:
        return TIMEFRAMES[text.strip()]
    except KeyError:
        raise BadInput(f"timeframe {text!r} is not supported; use one of {', '.join(TIMEFRAMES)}") from None


def timeframe_name(interval_ms: int) -> str:
    """Name of a supported timeframe; raises BadInput for an unknown length."""
    for name, length in TIMEFRAMES.items():
        if length == interval_ms:
            return name
    raise BadInput(f"an interval of {interval_ms / 1000:g} s is not supported; use one of {', '.join(TIMEFRAMES)}")


def multiple_of(base_ms: int, timeframe: str) -> int:
    """Length of a timeframe that candles of ``base_ms`` can be gathered into; raises BadInput for any other."""
    wanted = parse_timeframe(timeframe)
    if wanted < base_ms or wanted % base_ms:
        own = timeframe_name(base_ms)
        raise BadInput(f"timeframe is {timeframe}, but the candles are {own}; it must be {own} or a multiple of it")
    return wanted


def choose_timeframe(base_ms: int, asked: str | None, made_for: str) -> int:
    """The decision timeframe in ms: the one asked for, else the strategy's own, else the data's.

    Raises
    ------
    BadInput
        When the timeframe is finer than the candles or not a whole number of them.
    """
    if asked is None:
        own = parse_timeframe(made_for)
        return own if own >= base_ms and own % base_ms == 0 else base_ms
    return multiple_of(base_ms, asked)


def infer_interval(candles: Candles) -> int:
    """Length of the candles, milliseconds: the most common step between the first thousand open times.

    Only the beginning counts, so that a longer input never changes the answer.

    Raises
    ------
    DataError
        Fewer than two candles, or a length that is not one of :data:`TIMEFRAMES`.
    """
    times = candles["open_time"][:INFER_ROWS]
    if len(times) < 2:
        raise DataError("the length of the candles cannot be inferred from fewer than two of them")
    steps, counts = np.unique(np.diff(times), return_counts=True)
    interval = int(steps[np.argmax(counts)])
    if interval not in TIMEFRAMES.values():
        allowed = ", ".join(TIMEFRAMES)
        raise DataError(f"the candles are {interval / 1000:g} s apart, which is not a supported timeframe ({allowed})")
    return interval


def utc(milliseconds: int) -> str:
    """Time for a sentence, ``2023-03-24 12:40:00``; times out of a calendar's range stay numbers."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def as_candles(frame: Any) -> Candles:
    """Check a frame of candles and turn it into an array.

    Parameters
    ----------
    frame
        pandas or polars DataFrame, Arrow table or structured array with the columns ``open, high, low, close`` and
        ``volume``, and the times of opening: a column ``open_time``, ``date``, ``datetime``, ``timestamp``, ``ts`` or
        ``time``, or the index of a pandas frame. Times are datetimes or ISO texts (without a zone they are UTC) or
        whole seconds, milli-, micro- or nanoseconds since 1970. Names may differ in case; other columns are ignored.

    Returns
    -------
    Array of CANDLE, one row each, in the order of the frame. A CANDLE array is returned as it is, not copied.

    Raises
    ------
    DataError
        In one sentence: a missing column, no rows, NaN, infinite or non-positive prices, negative volume, times that
        are missing, unsorted, duplicate or of an unknown unit.
    """
    dated = "open_time"
    if isinstance(frame, np.ndarray) and frame.dtype == CANDLE:
        candles = frame.reshape(-1)
    else:
        from triplane.data.frames import milliseconds, read, time_column  # noqa: PLC0415 - heavy, and rarely needed

        names, column = read(frame)
        dated = time_column(names)
        times = column(dated)
        for name in COLUMNS[1:]:
            if name not in names:
                raise DataError(f"column {name!r} is missing; there is {', '.join(map(str, names.values()))}")
        if len(times) == 0:
            raise DataError(NO_CANDLES)
        columns: dict[str, npt.NDArray[Any]] = {"open_time": milliseconds(dated, times)}
        columns |= {name: _numbers(name, column(names[name])) for name in COLUMNS[1:]}
        _check(columns, dated)
        return _rows(columns)
    _check({name: candles[name] for name in COLUMNS}, dated)
    return candles


def _rows(columns: Mapping[str, npt.NDArray[Any]]) -> Candles:
    candles = np.empty(len(columns["open_time"]), dtype=CANDLE)
    for begin in range(0, len(candles), BLOCK):
        block = candles[begin : begin + BLOCK]
        for name, values in columns.items():
            block[name] = values[begin : begin + BLOCK]
    return candles


def _numbers(name: str, values: Any) -> npt.NDArray[np.float64]:
    try:
        return np.asarray(values).astype(np.float64, copy=False)
    except (TypeError, ValueError):
        raise DataError(f"column {name!r} must hold numbers") from None


def _check(columns: Mapping[str, npt.NDArray[Any]], dated: str) -> None:
    times = columns["open_time"]
    if len(times) == 0:
        raise DataError(NO_CANDLES)
    if times[0] < 0:
        raise DataError(f"{dated} must be milliseconds since 1970, but row 0 holds {times[0]}")
    later = times[1:] > times[:-1]
    if not later.all():
        row = int(np.argmin(later)) + 1
        if times[row] == times[row - 1]:
            raise DataError(f"{dated} must be unique, but {utc(int(times[row]))} comes twice (row {row})")
        raise DataError(
            f"{dated} must increase, but row {row} ({utc(int(times[row]))}) comes after {utc(int(times[row - 1]))}"
        )
    for name in COLUMNS[1:]:
        values = columns[name]
        least, allowed = (TINY, "a positive number") if name in PRICES else (0.0, "zero or more")
        if not (values.min() >= least and values.max() < np.inf):  # NaN is neither
            row = int(np.argmin((values >= least) & (values < np.inf)))
            when = utc(int(times[row]))
            raise DataError(f"{name} must be {allowed}, but row {row} ({when}) holds {values[row]}")

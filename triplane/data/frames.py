"""The columns of whatever frame people keep their data in, as NumPy arrays, and times as milliseconds.

pandas, polars and Arrow tables (and what else narwhals reads) and structured arrays are understood as they come from
freqtrade (``date``), ccxt (``timestamp`` in ms) and yfinance (a datetime index, columns of one ticker). Neither
pandas nor polars is imported here: who brings a frame has its library loaded.
"""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import narwhals as nw
import numpy as np
import numpy.typing as npt

from triplane.errors import DataError

Array: TypeAlias = npt.NDArray[Any]
Column: TypeAlias = Callable[[str], Array]

TIME_NAMES: Final = ("open_time", "datetime", "timestamp", "ts", "date", "time", "__index_level_0__")
"""What a column of times may be called, the likeliest first; the last is a nameless index in a Parquet file."""
UNITS: Final = {"seconds": 10**8, "milliseconds": 10**11, "microseconds": 10**14, "nanoseconds": 10**17}
"""Units of integer times and the first value of each, in 1973; up to a hundred times as much, in the year 2286, none of
them can be taken for another."""


def key(name: object) -> str:
    """A column's name without case, so that ``Open Time`` is ``open_time``."""
    return str(name).strip().lower().replace(" ", "_")


def read(frame: Any) -> tuple[dict[str, str], Column]:
    """The columns of a frame by :func:`key`, and how to get one as an array.

    Datetimes come as ``datetime64`` in UTC, whatever their zone; without one they are UTC. An index of datetimes, or
    one that is named like a time, stands for the column ``open_time``.
    """
    if isinstance(frame, np.ndarray) and frame.dtype.names:
        return _by_key(frame.dtype.names), lambda name: frame[name]
    if nw.dependencies.is_pandas_dataframe(frame):
        frame = _with_index(_one_ticker(frame))
    try:
        table = nw.from_native(frame, eager_only=True)
    except TypeError:
        kind = type(frame).__name__
        raise DataError(
            f"candles must be a pandas or polars DataFrame, an Arrow table or a structured array, not {kind}"
        ) from None
    except nw.exceptions.NarwhalsError as error:
        raise DataError(f"the frame cannot be used: {' '.join(str(error).split())}") from None
    return _by_key(table.columns), lambda name: _array(table[name])


def time_column(names: dict[str, str]) -> str:
    """The name of the column with the times; raises DataError when there is none."""
    for wanted in TIME_NAMES:
        if wanted in names:
            return names[wanted]
    there = ", ".join(map(str, names.values())) or "no column at all"
    raise DataError(f"column 'open_time' is missing (date, datetime, timestamp, ts and time will do); there is {there}")


def _by_key(names: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        found.setdefault(key(name), name)
    return found


def _one_ticker(frame: Any) -> Any:
    """A frame whose columns say price and ticker, as yfinance makes them, with the price alone."""
    columns = frame.columns
    if columns.nlevels == 1:
        return frame
    prices = next((n for n in range(columns.nlevels) if "close" in map(key, columns.levels[n])), 0)
    others = [level for n, level in enumerate(columns.remove_unused_levels().levels) if n != prices]
    several = next((level for level in others if len(level) > 1), None)
    if several is not None:
        there = ", ".join(map(str, several[:5]))
        raise DataError(f"the columns hold several markets ({there}); choose one")
    return frame.set_axis(columns.get_level_values(prices), axis=1)


def _with_index(frame: Any) -> Any:
    """A frame whose times are its index, with them in a column."""
    names = [key(name) for name in frame.columns]
    dated = frame.index.nlevels == 1 and frame.index.dtype.kind == "M"
    named = key(frame.index.name) in TIME_NAMES and not set(names) & set(TIME_NAMES)
    if "open_time" in names or not (dated or named):
        return frame
    return frame.reset_index(names="open_time")


def _array(series: Any) -> Array:
    if series.dtype == nw.Unknown and hasattr(series.to_native(), "dt"):
        # narwhals does not recognise zones such as America/New_York in the name of a pandas type
        series = nw.from_native(series.to_native().dt.tz_convert("UTC"), series_only=True)
    if series.dtype == nw.Date:
        series = series.cast(nw.Datetime("ms"))
    if series.dtype == nw.Datetime:
        gone = series.is_null()
        stamps = series.dt.timestamp("ms")
        if not gone.any():
            return _array(stamps).view("M8[ms]")
        values: Array = stamps.fill_null(0).to_numpy().astype("M8[ms]")
        values[gone.to_numpy()] = np.datetime64("NaT")
        return values
    native = series.to_native()
    plain = series.implementation.is_pyarrow() and (series.dtype.is_integer() or series.dtype.is_float())
    if plain and native.num_chunks and not native.null_count:  # Arrow's own way imports pandas
        return np.concatenate([np.from_dlpack(chunk) for chunk in native.chunks])
    array: Array = series.to_numpy()
    return array


def _from_texts(name: str, values: Array) -> Array:
    """Texts such as ``2025-01-01`` or ``2025-01-01T12:30:00+02:00`` as datetimes, the way a CSV file is read."""
    missing = np.array([value is None or value != value for value in values])  # noqa: PLR0124 - so is NaN
    if missing.any():
        raise DataError(f"{name} is missing in row {int(np.argmax(missing))}")
    wrong = next((value for value in values if not isinstance(value, str)), None)
    if wrong is not None:
        raise DataError(f"{name} must be a datetime or an integer such as milliseconds, not {type(wrong).__name__}")
    import pyarrow as pa  # noqa: PLC0415 - 30 MB that no other kind of time needs

    kinds = (pa.timestamp("ns"), pa.timestamp("ns", "UTC"))  # without a zone, with one
    for kind in kinds:
        if (found := _parsed(values, kind)) is not None:
            return found
    row = next((n for n in range(len(values)) if all(_parsed(values[n : n + 1], kind) is None for kind in kinds)), 0)
    text = values[row]
    raise DataError(f"{name} must be times such as 2025-01-01T12:30:00 or milliseconds, but row {row} holds {text!r}")


def _parsed(texts: Array, kind: Any) -> Array | None:
    import pyarrow as pa  # noqa: PLC0415 - 30 MB that no other kind of time needs

    try:
        times: Array = pa.array(texts.tolist(), pa.string()).cast(kind).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        return None
    return times


def milliseconds(name: str, values: Array) -> npt.NDArray[np.int64]:
    """Times as milliseconds since 1970 UTC; raises DataError for one that is missing or of an unknown unit."""
    if values.dtype.kind not in "iufM":
        values = _from_texts(name, values)
    if values.dtype.kind == "M":
        if np.isnat(values).any():
            raise DataError(f"{name} is missing in row {int(np.argmax(np.isnat(values)))}")
        return values.astype("datetime64[ms]", copy=False).view(np.int64)
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (values == np.floor(values))
        if not whole.all():
            row = int(np.argmin(whole))
            raise DataError(f"{name} must be a whole number or a datetime, but row {row} holds {values[row]}")
    times = values.astype(np.int64)
    firsts = np.array(list(UNITS.values()))
    unit = np.searchsorted(firsts, times, side="right") - 1
    known = (unit >= 0) & (times < firsts[unit] * 100.0)
    if not known.all():
        row = int(np.argmin(known))
        raise DataError(
            f"{name} must be a time since 1973 in {', '.join(UNITS)} since 1970, but row {row} holds {times[row]}"
        )
    step = 1000 ** np.maximum(unit - 1, 0)
    return np.where(unit == 0, times * 1000, (times + step // 2) // step)

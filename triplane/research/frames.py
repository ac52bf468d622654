"""Results in the kind of frame, and with the kind of times, that the candles came in.

pandas and polars frames, Arrow tables and structured arrays are understood; times are integer milliseconds (or
microseconds, where the caller's are) or dates of the caller's own type and zone.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa

from triplane.data.candles import MICROSECONDS_FROM

Columns: TypeAlias = Mapping[str, np.ndarray[Any, Any]]
Maker: TypeAlias = Callable[[Columns, Sequence[str]], Any]
"""Makes a frame of named columns; the columns named second are times in ms, -1 = none."""


def time_column(names: Sequence[Any]) -> Any:
    """The caller's own name of ``open_time``; None when it is not among the columns."""
    return next((name for name in names if str(name).strip().lower().replace(" ", "_") == "open_time"), None)


def _integers(values: Any) -> Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """How to write ms as the integers that the caller uses."""
    if len(values) and values[0] >= MICROSECONDS_FROM:
        return lambda ms: np.where(ms >= 0, ms * 1000, ms)
    return lambda ms: ms


def _dates(ms: np.ndarray[Any, Any], unit: str) -> np.ndarray[Any, Any]:
    """Milliseconds as dates; -1 as not a time."""
    dated = ms.astype("datetime64[ms]").astype(f"datetime64[{unit}]")
    dated[ms < 0] = np.datetime64("NaT")
    return dated


def _of_array(frame: Any) -> Maker:
    times = frame[time_column(frame.dtype.names)]
    dates = times.dtype.kind == "M"
    own = _integers(times) if not dates else None

    def make(columns: Columns, names: Sequence[str]) -> Any:
        ready = {
            name: (_dates(values, np.datetime_data(times.dtype)[0]) if own is None else own(values))
            if name in names
            else (values.astype("U") if values.dtype == object else values)
            for name, values in columns.items()
        }
        size = len(next(iter(ready.values())))
        table = np.empty(size, [(name, values.dtype) for name, values in ready.items()])
        for name, values in ready.items():
            table[name] = values
        return table

    return make


def _of_pandas(frame: Any, own_rows: bool) -> Maker:
    name_there = time_column(list(frame.columns))
    times = frame.index.to_series() if name_there is None else frame[name_there]
    zone = getattr(times.dtype, "tz", None)
    numeric = pd.api.types.is_numeric_dtype(times.dtype)
    integers = _integers(times.to_numpy()) if numeric else None

    def own(ms: np.ndarray[Any, Any]) -> Any:
        if integers is not None:
            return integers(ms)
        dated = pd.Series(_dates(ms, times.dt.unit))
        return dated.dt.tz_localize("UTC").dt.tz_convert(zone) if zone is not None else dated

    def make(columns: Columns, names: Sequence[str]) -> Any:
        made = pd.DataFrame(
            {
                # the type of words is said, because pandas guesses another one for a frame without rows
                name: own(values) if name in names else pd.array(values, "str") if values.dtype == object else values
                for name, values in columns.items()
            }
        )
        if "open_time" not in columns:
            return made
        if name_there is None:
            return made.set_index("open_time")
        return made.set_index(frame.index[: len(made)]) if own_rows else made

    return make


def _arrow(frame_type: Any, first: Any) -> Callable[[np.ndarray[Any, Any]], Any]:
    """How to write ms as Arrow values of the caller's type of times."""
    if pa.types.is_integer(frame_type) or pa.types.is_floating(frame_type):
        own = _integers(first)
        return lambda ms: pa.array(own(ms))
    if pa.types.is_date(frame_type):
        return lambda ms: pa.array(ms, mask=ms < 0).cast(pa.timestamp("ms")).cast(frame_type)
    # a zone is only for display: the instants stay
    return lambda ms: pa.array(ms, mask=ms < 0).cast(pa.timestamp("ms", frame_type.tz)).cast(frame_type)


def _arrow_table(columns: Columns, names: Sequence[str], own: Callable[[np.ndarray[Any, Any]], Any]) -> pa.Table:
    text = pa.string()
    return pa.table(
        {
            name: own(values) if name in names else pa.array(values, text if values.dtype == object else None)
            for name, values in columns.items()
        }
    )


def _of_arrow(frame: Any) -> Maker:
    times = frame[time_column(frame.column_names)]
    own = _arrow(times.type, times[:1].to_numpy())
    return lambda columns, names: _arrow_table(columns, names, own)


def _of_polars(frame: Any) -> Maker:
    import polars as pl  # noqa: PLC0415 - optional, and here for certain

    times = frame[time_column(frame.columns)]
    own = _arrow(times[:1].to_arrow().type, times[:1].to_numpy())
    return lambda columns, names: pl.from_arrow(_arrow_table(columns, names, own))


def maker(frame: Any, own_rows: bool = True) -> Maker:
    """How to give results back in the kind of ``frame``, which :func:`~triplane.data.candles.as_candles` took.

    ``own_rows``: columns with an ``open_time`` have one row for each row of ``frame``, from its first on. Such a pandas
    frame gets the index of ``frame``.
    """
    if isinstance(frame, np.ndarray):
        return _of_array(frame)
    if isinstance(frame, pa.Table):
        return _of_arrow(frame)
    if isinstance(frame, pd.DataFrame):
        return _of_pandas(frame, own_rows)
    return _of_polars(frame)

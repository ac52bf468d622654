"""Results in the kind of frame that the candles came in, with times as datetimes in UTC.

pandas and polars frames and Arrow tables get datetimes with the zone; a structured array gets ``datetime64[ms]``, which
has none and is UTC here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np

from triplane.model.facts import Fact

Columns: TypeAlias = Mapping[str, np.ndarray[Any, Any]]
"""Columns by name; those whose names end in ``_time`` are times in ms, -1 = none."""
Maker: TypeAlias = Callable[[Columns], Any]
"""Makes a frame of columns."""

HEAD: Final = {field.name for field in msgspec.structs.fields(Fact)}


def fact_columns(facts: Sequence[Fact], kind: type[Fact], exact: Columns) -> Columns:
    """Facts as columns, one for each field of their kind but what all facts have, and ids.

    ``exact``: columns that are known already, with the bits of the core.
    """
    columns: dict[str, np.ndarray[Any, Any]] = {}
    shape: Any = msgspec.inspect.type_info(kind)
    for field in shape.fields:
        if field.name in HEAD or field.name == "id" or field.name.endswith("_id"):
            continue
        values = [getattr(fact, field.name) for fact in facts]
        of = field.type.types if isinstance(field.type, msgspec.inspect.UnionType) else (field.type,)
        kinds = {
            (getattr(one, "extra", None) or {}).get("column") or type(getattr(one, "type", one)).__name__ for one in of
        }
        if field.name in exact:
            columns[field.name] = exact[field.name]
        elif kinds & {"money", "FloatType"}:
            columns[field.name] = np.array([np.nan if one is None else float(one) for one in values], np.float64)
        elif kinds == {"BoolType"}:
            columns[field.name] = np.array(values, np.bool_)
        else:
            whole = not values or None not in values
            columns[field.name] = np.array(values, np.int64 if whole and kinds & {"millis", "IntType"} else object)
    return columns


def dated(columns: Columns) -> dict[str, np.ndarray[Any, Any]]:
    """The columns with times as ``datetime64[ms]``; -1 as not a time."""
    ready = dict(columns)
    for name in columns:
        if name.endswith("_time"):
            ready[name] = columns[name].astype("datetime64[ms]")
            ready[name][columns[name] < 0] = np.datetime64("NaT")
    return ready


def _array(columns: Columns) -> np.ndarray[Any, Any]:
    ready = {n: v.astype("U") if v.dtype == object else v for n, v in dated(columns).items()}
    table = np.empty(len(next(iter(ready.values()))), [(name, values.dtype) for name, values in ready.items()])
    for name, values in ready.items():
        table[name] = values
    return table


def maker(frame: Any, own_rows: bool = True) -> Maker:
    """How to give results back in the kind of ``frame``, which :func:`~triplane.data.candles.as_candles` took.

    ``own_rows``: columns with an ``open_time`` have one row for each row of ``frame``, from its first on. Such a pandas
    frame gets the index of ``frame``, so that the two can be joined.
    """
    if isinstance(frame, np.ndarray):
        return _array
    import narwhals as nw  # noqa: PLC0415 - arrays need none of it

    library = nw.from_native(frame, eager_only=True).implementation
    types = {
        "M": nw.Datetime("ms"), "O": nw.String(), "f": nw.Float64(), "i": nw.Int64(), "u": nw.Int64(),
        "b": nw.Boolean(),
    }  # fmt: skip

    def make(columns: Columns) -> Any:
        ready = dated(columns)
        schema = {name: types[values.dtype.kind] for name, values in ready.items()}
        made = nw.from_dict(ready, schema, backend=library)
        zoned = [nw.col(name).dt.replace_time_zone("UTC") for name, kind in schema.items() if kind == nw.Datetime]
        native = made.with_columns(zoned).to_native()
        if own_rows and "open_time" in columns and nw.dependencies.is_pandas_dataframe(native):
            native.index = frame.index[: len(native)]
        return native

    return make

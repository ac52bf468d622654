"""Recorded candles: Parquet, Feather, CSV, the public Binance dump files, and folders of them, as one checked array.

A dump file is a CSV of twelve columns, with or without a header, alone or in a zip; its name tells symbol and timeframe
(``BTCUSDT-1m-2023-03-24.zip``). A folder is read in order of time: rows that overlap and agree are dropped, rows that
disagree are an error, because there is no way to know which one is right.
"""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather as pa_feather
import pyarrow.parquet as pa_parquet

from triplane.data.candles import COLUMNS, TIMEFRAMES, Candles, as_candles, infer_interval, timeframe_name, utc
from triplane.data.frames import key
from triplane.errors import DataError

UNKNOWN: Final = "UNKNOWN"
"""Symbol of a file whose name does not tell it; callers ask for a name or go on with this one."""
SUFFIXES: Final = (".parquet", ".csv", ".zip", ".feather")
_NAME: Final = re.compile(r"([A-Z0-9]{2,}(?:_[A-Z0-9]+)?)-(\d+[smhdwM][o]?)(?:-\d{4}-\d{2}(?:-\d{2})?)?")
_DUMP_COLUMNS: Final = [
    *COLUMNS, "close_time", "quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume", "ignore",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """A recorded market: where it came from, and all its candles."""

    path: Path
    symbol: str
    interval_ms: int
    candles: Candles

    @property
    def timeframe(self) -> str:
        """Name of the candles' length, ``1m``."""
        return timeframe_name(self.interval_ms)


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    symbol: str | None
    timeframe: str | None


def open_recorded(path: str | Path, symbol: str | None = None, interval: str | int | None = None) -> RecordedSource:
    """Load a recorded market.

    Parameters
    ----------
    path
        A ``.parquet``, ``.feather``, ``.csv`` or ``.zip`` file, or a folder of such files.
    symbol
        Picks one market of a folder, and names the market of a file. Without it the file's name decides, else
        it is ``UNKNOWN``.
    interval
        Picks one timeframe of a folder (``1m`` or milliseconds), and must agree with what is in the file.

    Raises
    ------
    DataError
        In one sentence: nothing there, an unreadable file, a folder with several markets, anything that
        :func:`triplane.data.candles.as_candles` refuses, rows that contradict each other.
    """
    where = Path(path)
    wanted = timeframe_name(interval) if isinstance(interval, int) else interval
    if wanted is not None and wanted not in TIMEFRAMES:
        raise DataError(f"timeframe {wanted!r} is not supported; use one of {', '.join(TIMEFRAMES)}")
    if where.is_dir():
        files = _pick(where, symbol, wanted)
    elif where.is_file():
        files = [_describe(where)]
    else:
        raise DataError(f"{where} does not exist")
    parts = [_load(file.path) for file in files]
    candles = parts[0] if len(parts) == 1 else _join(where, parts)
    try:
        length = infer_interval(candles) if len(candles) > 1 else TIMEFRAMES[files[0].timeframe or wanted or ""]
    except KeyError:
        raise DataError(f"{where}: the length of a single candle is unknown; name its timeframe") from None
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    if wanted is not None and length != TIMEFRAMES[wanted]:
        raise DataError(f"{where} holds {timeframe_name(length)} candles, not {wanted}")
    return RecordedSource(where, symbol or files[0].symbol or UNKNOWN, length, candles)


def symbols_in(path: str | Path) -> list[str]:
    """The markets of a folder, or of a file, by the names of the files."""
    where = Path(path)
    files = [one for one in sorted(where.iterdir()) if one.suffix.lower() in SUFFIXES] if where.is_dir() else [where]
    return list(dict.fromkeys(name for one in files if (name := _describe(one).symbol)))


def _describe(path: Path) -> _File:
    match = _NAME.fullmatch(path.stem)
    return _File(path, match[1], match[2]) if match else _File(path, None, None)


def _pick(folder: Path, symbol: str | None, timeframe: str | None) -> list[_File]:
    """Files of one market and one timeframe, in the order of their names."""
    files = [_describe(path) for path in sorted(folder.iterdir()) if path.suffix.lower() in SUFFIXES and path.is_file()]
    if not files:
        raise DataError(f"{folder} holds no {', '.join(SUFFIXES)} file")
    named = [file for file in files if file.symbol]
    if not named:
        return files
    chosen = [f for f in named if symbol in (None, f.symbol) and timeframe in (None, f.timeframe)]
    there = sorted({f"{f.symbol} {f.timeframe}" for f in named})
    if not chosen:
        raise DataError(
            f"{folder} holds no {symbol or 'file'} {timeframe or ''}".rstrip() + f"; there is {_list(there)}"
        )
    found = sorted({f"{f.symbol} {f.timeframe}" for f in chosen})
    if len(found) > 1:
        what = "a symbol" if len({f.symbol for f in chosen}) > 1 else "a timeframe"
        raise DataError(f"{folder} holds several markets ({_list(found)}); choose {what}")
    return chosen


def _list(names: list[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _load(path: Path) -> Candles:
    try:
        return as_candles(_read(path))
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    except (OSError, pa.ArrowException, zipfile.BadZipFile, EOFError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path} cannot be read as {path.suffix[1:] or 'a table'}: {reason}") from None
    finally:
        pa.default_memory_pool().release_unused()  # what reading took is more than the candles are


def _read(path: Path) -> pa.Table:
    kind = path.suffix.lower()
    if kind == ".parquet":
        with pa_parquet.ParquetFile(path) as file:
            names = {key(name): name for name in file.schema_arrow.names}
            columns = [names[name] for name in COLUMNS if name in names]
            return file.read(columns) if len(columns) == len(COLUMNS) else file.read()
    if kind == ".feather":
        return pa_feather.read_table(path)
    if kind == ".csv":
        return _read_csv(path.read_bytes())
    if kind == ".zip":
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.lower().endswith(".csv")]
            if len(inside) != 1:
                raise DataError(f"a zip must hold exactly one .csv, this one holds {len(inside)}")
            return _read_csv(archive.read(inside[0]))
    raise DataError(f"a file must end in {', '.join(SUFFIXES)}, not {path.suffix or 'in nothing'!r}")


def _read_csv(text: bytes) -> pa.Table:
    text = text.removeprefix(b"\xef\xbb\xbf")
    first = text.partition(b"\n")[0].decode("utf-8").strip()
    if not first:
        raise DataError("there are no candles in it")
    cells = first.split(",")
    read: dict[str, Any] = {}
    if _is_number(cells[0]):  # a dump without a header
        if len(cells) < len(COLUMNS):
            raise DataError(f"without a header it must have the {len(_DUMP_COLUMNS)} columns of a public dump file")
        read["column_names"] = [*_DUMP_COLUMNS, *(f"column_{i}" for i in range(len(_DUMP_COLUMNS), len(cells)))][
            : len(cells)
        ]
    names = read.get("column_names") or cells
    # prices stay floats even where a whole file holds round numbers only
    floats = {name: pa.float64() for name in names if name.strip().lower() in COLUMNS[1:]}
    return pa_csv.read_csv(
        pa.BufferReader(text),
        read_options=pa_csv.ReadOptions(**read),
        convert_options=pa_csv.ConvertOptions(column_types=floats),
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _join(where: Path, parts: list[Candles]) -> Candles:
    """Concatenate in order of time; equal rows once, unequal rows of one time are an error."""
    candles = np.concatenate(parts)
    times = candles["open_time"]
    if (np.diff(times) <= 0).any():
        candles = candles[np.argsort(times, kind="stable")]
        times = candles["open_time"]
    again = np.flatnonzero(times[1:] == times[:-1]) + 1
    conflict = again[candles[again] != candles[again - 1]]
    if len(conflict):
        raise DataError(f"{where}: two files disagree about the candle of {utc(int(times[conflict[0]]))}")
    return np.delete(candles, again) if len(again) else candles

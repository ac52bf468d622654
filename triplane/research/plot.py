"""A chart of an analysis as one HTML file: it needs no network, no server and no library.

The file holds the candles and patterns as JSON, and a small script that draws them on a canvas (``plot.js``, in the
page of ``plot.html``): pan by dragging, zoom with the wheel, layers on and off, light and dark, and "as known at the
cursor", which takes back everything that was not known yet.
"""

import html
import re
import tempfile
from pathlib import Path
from typing import Any

import orjson

from triplane.errors import BadInput
from triplane.research.analysis import Analysis

MAX_BARS = 20_000
"""Bars in a chart by default: about 5 MB, and a browser stays fast."""

ZONES = [
    "kind",
    "side",
    "price_lo",
    "price_hi",
    "formed_at",
    "confirmed_at",
    "invalid_at",
    "strength",
    "touches",
    "filled_percent",
    "state",
]
COLUMNS = {
    "swings": ["kind", "price", "formed_at", "confirmed_at"],
    "structure": ["kind", "level", "ref_at", "confirmed_at"],
    "order_blocks": ZONES,
    "breakers": ZONES,
    "fvgs": [name for name in ZONES if name != "kind"],
    "liquidity": ["side", "kind", "level", "formed_at", "confirmed_at", "swept_at", "ended_at", "state"],
}
"""What the script reads of each frame."""

ENDS = {"swings": "formed_at", "structure": "confirmed_at", "liquidity": "ended_at"}
"""The last bar on which a pattern is drawn; that of a zone is ``invalid_at``, -1 = still there."""


def chart_data(analysis: Analysis, bars: int) -> dict[str, Any]:
    """The last ``bars`` bars and the patterns that reach into them, ready for JSON."""
    candles = analysis.columns("candles")
    first = max(len(analysis) - bars, 0)
    data: dict[str, Any] = {"first": first, "time": candles["open_time"][first:]}
    data |= {name: candles[name][first:] for name in ("open", "high", "low", "close", "volume")}
    for frame, names in COLUMNS.items():
        columns = analysis.columns(frame)
        end = columns[ENDS.get(frame, "invalid_at")]
        reaching = (end < 0) | (end >= first)
        rows = zip(*(columns[name][reaching].tolist() for name in names), strict=True)
        data[frame] = [dict(zip(names, row, strict=True)) for row in rows]
    return data


def plot(analysis: Analysis, path: str | Path | None = None, *, title: str | None = None, bars: int = MAX_BARS) -> Path:
    """Write a chart of an analysis as one self-contained HTML file.

    Parameters
    ----------
    analysis
        From :func:`triplane.analyze`, or a view of an earlier bar from its ``.at``.
    path
        Where to; None = a new file in the folder for temporary files.
    title
        Its heading. Default: the timeframe and the number of bars.
    bars
        The newest so many bars are drawn [20,000].

    Returns
    -------
    pathlib.Path
        The file.

    Raises
    ------
    BadInput
        When ``bars`` is less than 1 or the file cannot be written.
    """
    if bars < 1:
        raise BadInput(f"bars is {bars}; it must be at least 1.")
    if path is None:
        with tempfile.NamedTemporaryFile(prefix="triplane-", suffix=".html", delete=False) as file:
            path = file.name
    shown = min(bars, len(analysis))
    part = f"{shown:,} of {len(analysis):,}" if shown < len(analysis) else f"{shown:,}"
    heading = title or f"{analysis.timeframe or 'Candles'} · {part} bars"
    # "<" would let a text close the script that holds it
    data = orjson.dumps(chart_data(analysis, bars), option=orjson.OPT_SERIALIZE_NUMPY).decode().replace("<", "\\u003c")
    page = Path(__file__).with_suffix(".html").read_text(encoding="utf-8")
    script = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    parts = {"@TITLE@": html.escape(heading), "@SCRIPT@": script, "@DATA@": data}
    page = re.sub("@(TITLE|SCRIPT|DATA)@", lambda found: parts[found[0]], page)
    try:
        Path(path).write_text(page, encoding="utf-8")
    except OSError as error:
        raise BadInput(f"path is {path}; the chart cannot be written there: {error.strerror}.") from None
    return Path(path)

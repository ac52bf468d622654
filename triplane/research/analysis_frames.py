"""The columns of the analysis frames, from the records of the kernel.

Bar positions are integers, -1 = not yet; ``*_time`` are open times of those bars. The first columns of each frame are
those that identify a pattern; what explains it follows.
"""

from typing import Any, Final

import numpy as np

from triplane.kernel.codes import (
    LiquidityKind,
    LiquidityState,
    Regime,
    StructureKind,
    Volatility,
    ZoneKind,
    ZonePart,
    ZoneState,
)
from triplane.research.frames import Columns

Array = np.ndarray[Any, Any]


def _words(codes: Array, *words: str) -> Array:
    """Codes from 0 as words."""
    out: Array = np.array(words, dtype=object)[codes]
    return out


def _side(rows: Array, up: str, down: str) -> Array:
    return _words((rows["side"] < 0).astype(np.int64), up, down)


def _fields(rows: Array, *names: str) -> dict[str, Array]:
    return {name: np.ascontiguousarray(rows[name]) for name in names}


def swing_columns(rows: Array) -> Columns:
    """Columns of ``.swings``."""
    return {
        "kind": _side(rows, "high", "low"),
        **_fields(rows, "price", "formed_at", "confirmed_at", "formed_time", "confirmed_time"),
    }


def structure_columns(rows: Array) -> Columns:
    """Columns of ``.structure``; a break is drawn from the swing that it breaks, so ``formed_at`` is ``ref_at``."""
    return {
        "kind": _words(rows["kind"], *StructureKind.labels),
        **_fields(rows, "level", "ref_at", "confirmed_at", "ref_time", "confirmed_time"),
        "side": _side(rows, "up", "down"),
        "formed_at": rows["ref_at"].copy(),
        "formed_time": rows["ref_time"].copy(),
        **_fields(rows, "block_at", "block_time"),
    }


def _zone_columns(rows: Array) -> dict[str, Array]:
    """What explains a zone."""
    return {
        **_fields(rows, "formed_time", "confirmed_time"),
        "state": _words(rows["state"], *ZoneState.labels),
        **_fields(rows, "last_touched_at", "deepest_at", "ended_time"),
        **{f"strength_{name}": rows["parts"][:, n].copy() for n, name in enumerate(ZonePart.labels)},
    }


def block_columns(rows: Array) -> Columns:
    """Columns of ``.order_blocks`` and ``.breakers``."""
    return {
        "kind": _words(rows["kind"], *ZoneKind.labels),
        "side": _side(rows, "demand", "supply"),
        **_fields(rows, "price_lo", "price_hi", "formed_at", "confirmed_at", "strength", "touches"),
        **_fields(rows, "first_touched_at", "mitigated_at", "invalid_at", "filled_percent", "filled_at"),
        **_zone_columns(rows),
    }


def fvg_columns(rows: Array) -> Columns:
    """Columns of ``.fvgs``."""
    return {
        "side": _side(rows, "demand", "supply"),
        **_fields(rows, "price_lo", "price_hi", "formed_at", "confirmed_at", "filled_percent"),
        **_fields(rows, "first_touched_at", "filled_at", "invalid_at", "strength", "touches"),
        **_zone_columns(rows),
    }


def liquidity_columns(rows: Array) -> Columns:
    """Columns of ``.liquidity``."""
    return {
        "side": _side(rows, "high", "low"),
        **_fields(rows, "level", "formed_at", "confirmed_at", "swept_at"),
        "kind": _words(rows["kind"], *LiquidityKind.labels),
        **_fields(rows, "formed_time", "confirmed_time", "count", "last_at"),
        "state": _words(rows["state"], *LiquidityState.labels),
        **_fields(rows, "ended_at", "ended_time"),
    }


def regime_columns(names: Array, probabilities: Array, beliefs: Array, volatility: Array) -> Columns:
    """Columns of ``.regime`` beside the time; codes are -1 for unknown, which is the last of the words."""
    return {
        "regime": _words(names, *Regime.labels, "unknown"),
        "probability": probabilities.copy(),
        **{f"p_{name}": beliefs[:, n].copy() for n, name in enumerate(Regime.labels)},
        "volatility": _words(volatility, *Volatility.labels, "unknown"),
    }


def candle_columns(rows: Array) -> Columns:
    """Columns of ``.features``, ``.context`` or ``.candles`` beside the time: the fields of the record."""
    return _fields(rows, *rows.dtype.names or ())


PATTERNS: Final = {
    "swings": ("swings", swing_columns),
    "structure": ("breaks", structure_columns),
    "order_blocks": ("blocks", block_columns),
    "breakers": ("breakers", block_columns),
    "fvgs": ("gaps", fvg_columns),
    "liquidity": ("levels", liquidity_columns),
}
"""The frames that have a row for each pattern: their tables, and how they become columns."""

"""Triplane: one decision core for crypto trading, from research to live.

>>> import triplane
>>> result = triplane.backtest(candles, "ema_cross", quantity=1.0)  # doctest: +SKIP
>>> result.metrics["net_pnl"]  # doctest: +SKIP
"""

from typing import TYPE_CHECKING, Any

from triplane.errors import BadInput, DataError, TriplaneError
from triplane.version import __version__

if TYPE_CHECKING:
    from triplane.research.backtest import Backtest, backtest


__all__ = ["Backtest", "BadInput", "DataError", "TriplaneError", "__version__", "backtest"]


def __getattr__(name: str) -> Any:
    """Load the research side only when it is used: the command line starts faster without it."""
    if name in ("backtest", "Backtest"):
        from triplane.research import backtest as module  # noqa: PLC0415 - on purpose, see above

        return getattr(module, name)
    raise AttributeError(f"module 'triplane' has no attribute {name!r}")

"""Triplane: one decision core for crypto trading, from research to live.

>>> import triplane
>>> result = triplane.backtest(candles, "ema_cross", quantity=1.0)  # doctest: +SKIP
>>> result.metrics["net_pnl"]  # doctest: +SKIP
>>> triplane.analyze(candles).order_blocks  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from triplane.errors import BadInput, DataError, TriplaneError
from triplane.version import __version__

if TYPE_CHECKING:
    from triplane.research.analysis import Analysis, analyze
    from triplane.research.backtest import Backtest, backtest
    from triplane.research.plot import plot
    from triplane.research.portfolio import PortfolioBacktest, backtest_portfolio

__all__ = [
    "Analysis",
    "Backtest",
    "BadInput",
    "DataError",
    "PortfolioBacktest",
    "TriplaneError",
    "__version__",
    "analyze",
    "backtest",
    "backtest_portfolio",
    "plot",
]

_HOMES = {
    "backtest": "backtest", "Backtest": "backtest", "analyze": "analysis", "Analysis": "analysis", "plot": "plot",
    "backtest_portfolio": "portfolio", "PortfolioBacktest": "portfolio",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Load the research side only when it is used: the command line starts faster without it."""
    if name in _HOMES:
        return getattr(import_module(f"triplane.research.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'triplane' has no attribute {name!r}")

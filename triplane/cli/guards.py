"""Calendars and regime models as inputs of a run, the same for a backtest and a session."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from triplane.data.calendars import (
    blackouts,
    funding_events,
    fundings,
    gate_events,
    load_calendar,
    load_funding,
    merge_events,
)
from triplane.research.backtest import model_data
from triplane.research.parameter_sets import FOLDER, regime_values
from triplane.strategies.base import AnyStrategy


def agenda(
    news: str | None, minutes: float, funding: str | None, limit: float, symbols: Sequence[str]
) -> "np.ndarray[Any, Any]":
    """Commands that block entries around news, and that charge fundings and block entries before expensive ones."""
    parts = []
    if news is not None:
        parts.append(gate_events(blackouts(load_calendar(news), minutes, minutes), "news_blackout"))
    if funding is not None:
        given = fundings(load_funding(funding), symbols, f"funding {funding}")
        parts.append(funding_events(given, limit))
    return merge_events(*parts)


def regime_data(strategy: AnyStrategy, regime: str | None, data_dir: Path) -> dict[str, Any]:
    """What the strategy is given before it starts."""
    return model_data(strategy, regime_values(regime, data_dir / FOLDER) if regime else None)

"""What a calendar and a stored regime model mean for a run, the same for a backtest and a session."""

from pathlib import Path
from typing import Any

import numpy as np

from triplane.data.calendars import blackouts, gate_events, load_calendar
from triplane.engine.agenda import NOTHING
from triplane.research.backtest import model_data
from triplane.research.parameter_sets import FOLDER, regime_values
from triplane.strategies.base import AnyStrategy


def news_agenda(calendar: str | None, minutes: float) -> "np.ndarray[Any, Any]":
    """Commands that close the entries around the events of a news calendar."""
    if calendar is None:
        return NOTHING
    return gate_events(blackouts(load_calendar(calendar), minutes, minutes), "news_blackout")


def regime_data(strategy: AnyStrategy, regime: str | None, data_dir: Path) -> dict[str, Any]:
    """What the strategy is given before it starts."""
    return model_data(strategy, regime_values(regime, data_dir / FOLDER) if regime else None)

"""Going live is earned: what a strategy must have shown on paper before it may trade real money.

The record is computed from the journals of its paper sessions on live market data, so it cannot be edited. Replays of
recorded or generated markets do not count, nor does history that was loaded to warm up.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from triplane.engine.journal import Reader
from triplane.engine.session import JOURNAL, Session
from triplane.engine.setup import read_setup
from triplane.engine.tally import Tally
from triplane.errors import BadInput, TriplaneError
from triplane.model.performance import COLUMNS, performance
from triplane.strategies.base import Number
from triplane.strategies.compiler import Core

CONFIRMATION: Final = "I accept the risk of real money"
DAY_MS: Final = 86_400_000


class GoLiveGate(BaseModel):
    """What the record must show; fractions are fractions."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    days: float = Field(30.0, ge=0, description="days on paper, on live market data")
    sharpe: float = Field(1.5, description="Sharpe ratio above this")
    max_drawdown: float = Field(0.10, gt=0, le=1, description="drawdown below this, fraction")
    win_rate: float = Field(0.55, ge=0, le=1, description="share of winning trades above this")

    def problems(self, record: Mapping[str, Any]) -> list[str]:
        """What the record lacks, each in a sentence; empty when it passes."""
        out = []
        if record["days"] < self.days:
            out.append(f"It has {record['days']:.1f} days on paper; {self.days:g} are needed.")
        sharpe, depth, wins = record["sharpe"], record["max_drawdown_pct"], record["win_rate"]
        if sharpe is None or sharpe <= self.sharpe:
            out.append(f"Its Sharpe ratio is {_shown(sharpe)}; it must be above {self.sharpe:g}.")
        if depth is None or depth >= self.max_drawdown * 100:
            out.append(f"Its drawdown is {_shown(depth)} %; it must be below {self.max_drawdown:.0%}.")
        if wins is None or wins <= self.win_rate:
            out.append(f"Its win rate is {_shown(wins)}; it must be above {self.win_rate:g}.")
        return out


def _shown(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"


def paper_record(
    sessions: Path, strategy: str, params: Mapping[str, Number], sources: Iterable[str], core: Core
) -> dict[str, Any]:
    """Figures of all paper sessions of a strategy with these parameters on live market data, one after the other.

    A session that the code of today would not trade again the same way does not count.

    Returns
    -------
    dict
        As of ``performance``, and ``days``, ``sessions``.
    """
    tallies: list[tuple[Tally, float]] = []
    for path in sorted(sessions.glob(f"*/{JOURNAL}")):
        try:
            reader = Reader(path)
            setup = read_setup(reader.meta)
            if setup.mode != "paper" or setup.strategy != strategy or dict(setup.params) != dict(params):
                continue
            if setup.source not in sources or setup.fixed_lots:
                continue
            session = Session(path.parent, reader.meta, core)
            tally = Tally(session.created_at)
            session.observer = tally
            session.replay(reader)
        except TriplaneError:  # of another version, or damaged: it proves nothing
            continue
        tallies.append((tally, setup.balance))
    return _figures(tallies)


def _figures(tallies: list[tuple[Tally, float]]) -> dict[str, Any]:
    times, equity, trades, days, level = [np.zeros(0, np.int64)], [np.zeros(0)], [Tally().trades()], 0.0, 1.0
    for tally, balance in tallies:
        own, curve = tally.curve()
        if len(own) == 0:
            continue
        days += float(own[-1] - own[0]) / DAY_MS
        times.append(own)
        equity.append(curve / balance * level)
        trades.append(tally.trades())
        level = float(equity[-1][-1])
    closed = {name: np.concatenate([part[name] for part in trades]) for name in COLUMNS}
    figures = performance(closed, np.concatenate(times), np.concatenate(equity), 1.0)
    return figures | {"days": days, "sessions": len(tallies)}


def require(gate: GoLiveGate, record: Mapping[str, Any], confirmation: str | None) -> list[str]:
    """Let a strategy pass, or raise BadInput; returns what was overridden by the typed confirmation."""
    problems = gate.problems(record)
    if problems and confirmation is not None and confirmation != CONFIRMATION:
        raise BadInput(f'override-gate is "{confirmation}"; to go live all the same, type "{CONFIRMATION}"')
    if problems and confirmation is None:
        raise BadInput(
            f"Going live is refused. {' '.join(problems)} Trade on paper first, or type "
            f'--override-gate "{CONFIRMATION}".'
        )
    return problems

"""Going live is earned: what a strategy must have shown on paper before it may trade real money.

The record is made again from the journals of its paper sessions on live market data, so it cannot be edited. Replays of
recorded or generated markets do not count, nor does history that was loaded to warm up.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from triplane.engine.journal import Reader
from triplane.engine.performance import performance
from triplane.engine.session import JOURNAL, Session
from triplane.engine.setup import Array, read_setup
from triplane.errors import BadInput, TriplaneError
from triplane.kernel.records import ROW_TRADE
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


class _Watch:
    """Keeps the rows and the equity of a session from its own beginning on."""

    def __init__(self, begin: int) -> None:
        self.begin = begin
        self.rows: list[Array] = []
        self.times: list[Array] = []
        self.equity: list[Array] = []

    def on_batch(self, session: Session, which: Array, candles: Array, rows: Array, equity: Array) -> None:  # noqa: ARG002 - the protocol
        own = candles["open_time"] >= self.begin
        self.times.append(candles["open_time"][own])
        self.equity.append(equity[own])
        self.rows.append(rows[rows["kind"] == ROW_TRADE].copy())

    def on_candle(self, session: Session, k: int, candle: Array, rows: Array) -> None:  # noqa: ARG002 - the protocol
        self.on_batch(session, candle, candle, rows, session.A["equity"].copy())

    def on_command(self, session: Session, k: int, command: Array, rows: Array) -> None:  # noqa: ARG002 - the protocol
        self.rows.append(rows[rows["kind"] == ROW_TRADE].copy())

    def on_limits(self, session: Session) -> None:
        pass


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
    watches: list[tuple[_Watch, float]] = []
    for path in sorted(sessions.glob(f"*/{JOURNAL}")):
        try:
            reader = Reader(path)
            setup = read_setup(reader.meta)
            if setup.mode != "paper" or setup.strategy != strategy or dict(setup.params) != dict(params):
                continue
            if setup.source not in sources or setup.fixed_lots:
                continue
            session = Session(path.parent, reader.meta, core)
            watch = _Watch(session.created_at)
            session.observer = watch
            session.replay(reader)
        except TriplaneError:  # of another version, or damaged: it proves nothing
            continue
        watches.append((watch, setup.balance))
    return _figures(watches)


def _figures(watches: list[tuple[_Watch, float]]) -> dict[str, Any]:
    times, equity, results, days, level = [np.zeros(0, np.int64)], [np.zeros(0)], [np.zeros((0, 16))], 0.0, 1.0
    for watch, balance in watches:
        own = np.concatenate([np.zeros(0, np.int64), *watch.times])
        if len(own) == 0:
            continue
        curve = np.concatenate(watch.equity) / balance * level
        days += float(own[-1] - own[0]) / DAY_MS
        times.append(own)
        equity.append(curve)
        results += [rows["x"] for rows in watch.rows if len(rows)]
        level = float(curve[-1])
    x = np.concatenate(results)
    columns = {"pnl": 2, "fees": 3, "entry_time": 4, "exit_time": 5, "r_multiple": 6, "mae": 7, "mfe": 8,
               "slippage": 9, "funding": 10}  # fmt: skip
    trades = pd.DataFrame({name: x[:, i] for name, i in columns.items()})
    figures = performance(trades, np.concatenate(times), np.concatenate(equity), 1.0)
    return figures | {"days": days, "sessions": len(watches)}


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

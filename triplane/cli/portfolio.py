"""``triplane backtest PORTFOLIO.yaml``: several strategies on one account over the candles of a folder."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from triplane.cli.output import Report, console, figure, print_figures, print_funnel, print_table, progress
from triplane.data.recorded import UNKNOWN, open_recorded, symbols_in
from triplane.engine.portfolio import all_symbols, load_portfolio
from triplane.errors import BadInput
from triplane.model.settings import CostSettings
from triplane.research.portfolio import backtest_portfolio

SHOWN = ("sleeve", "strategy", "timeframe", "symbols", "trades", "net_pnl", "win_rate", "fees")


def refuse_single(**given: object) -> None:
    """Refuse the options that are of one strategy or market."""
    for name, value in given.items():
        if value not in (None, "", [], ()):
            raise BadInput(f"--{name} is {value}; it is for a single strategy, in a portfolio each sleeve has its own")


def portfolio(
    path: str,
    data: Path,
    balance: float,
    costs: CostSettings,
    resume_next_day: bool,
    commands: Callable[[Sequence[str]], "np.ndarray[Any, Any]"],
    *,
    quiet: bool,
) -> Report:
    """Run a portfolio and show what it earned."""
    sleeves = load_portfolio(Path(path))
    symbols = all_symbols(sleeves, []) or symbols_in(data) or ([UNKNOWN] if data.is_file() else [])
    if not symbols:
        raise BadInput(f"symbols are missing in {path}, and the files of {data} do not name their markets")
    candles = {symbol: open_recorded(data, symbol).candles for symbol in symbols}
    result = backtest_portfolio(
        candles, sleeves, balance=balance, costs=costs, resume_next_day=resume_next_day,
        commands=commands(symbols), progress=progress(quiet),
    )  # fmt: skip
    summary = result.summary()

    def show() -> None:
        print_figures(f"{path} on {len(symbols)} markets", summary)
        print_funnel(summary["funnel"])
        console.print()
        rows = [[", ".join(one[n]) if n == "symbols" else figure(one[n]) for n in SHOWN] for one in summary["sleeves"]]
        print_table("Sleeves", [name.replace("_", " ") for name in SHOWN], rows)

    return Report(summary, show)

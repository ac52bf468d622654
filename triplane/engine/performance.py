"""The performance figures of a session or a backtest, from its trades and its equity curve.

Sharpe and Sortino come from daily returns (equity at the last candle of each UTC day), annualised by √365, since these
markets never close. A figure that cannot be computed is ``None``, and ``reasons`` says why; it is never 0 instead.
"""

from typing import Any, Final

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]

DAY_MS: Final = 86_400_000
MIN_DAYS: Final = 10
"""Daily returns below which a ratio says nothing."""
_FEW: Final = f"needs at least {MIN_DAYS} daily returns"


def drawdown(equity: Array) -> tuple[float, int]:
    """Deepest fall from a peak as a fraction, and the longest time under a peak in candles."""
    if len(equity) == 0:
        return 0.0, 0
    peak = np.maximum.accumulate(equity)
    depth = float(np.max(1.0 - equity / peak)) if np.all(peak > 0) else float("nan")
    at = np.arange(len(equity))
    last_peak = np.maximum.accumulate(np.where(equity >= peak, at, 0))
    return depth, int(np.max(at - last_peak))


def daily_returns(times: Array, equity: Array, start_balance: float) -> Array:
    """Returns from UTC day to UTC day; the first starts from the balance."""
    if len(times) == 0:
        return np.zeros(0)
    days = times // DAY_MS
    last = np.append(np.flatnonzero(np.diff(days)), len(days) - 1)
    closes = np.concatenate([[start_balance], equity[last]])
    return np.asarray(np.diff(closes) / closes[:-1])


def _ratios(
    returns: Array, years: float, total: float, depth: float, reasons: dict[str, str]
) -> dict[str, float | None]:
    """Sharpe, Sortino, CAGR and Calmar."""
    out: dict[str, float | None] = {"sharpe": None, "sortino": None, "cagr_pct": None, "calmar": None}
    if len(returns) < MIN_DAYS:
        reasons.update(dict.fromkeys(out, _FEW))
        return out
    year = np.sqrt(365.0)
    deviation = float(np.std(returns, ddof=1))
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))
    if deviation > 0:
        out["sharpe"] = float(np.mean(returns)) / deviation * year
    else:
        reasons["sharpe"] = "the equity never moved"
    if downside > 0:
        out["sortino"] = float(np.mean(returns)) / downside * year
    else:
        reasons["sortino"] = "there was no losing day"
    if total > -1.0:
        growth = (1.0 + total) ** (1.0 / years) - 1.0
        out["cagr_pct"] = 100.0 * growth
        if depth > 0:
            out["calmar"] = growth / depth
        else:
            reasons["calmar"] = "there was no drawdown"
    else:
        reasons["cagr_pct"] = reasons["calmar"] = "the account was lost"
    return out


def _per_trade(trades: pd.DataFrame, reasons: dict[str, str]) -> dict[str, float | None]:
    """Figures that need trades."""
    out: dict[str, float | None] = dict.fromkeys(
        ("win_rate", "profit_factor", "expectancy", "expectancy_r", "average_win", "average_loss", "average_mae",
         "average_mfe"),
    )  # fmt: skip
    if trades.empty:
        reasons.update(dict.fromkeys(out, "there were no trades"))
        return out
    pnl = trades["pnl"]
    wins, losses = pnl[pnl > 0], pnl[pnl <= 0]
    out["win_rate"] = len(wins) / len(pnl)
    out["expectancy"] = float(pnl.mean())
    multiples = trades["r_multiple"].dropna()
    if len(multiples):
        out["expectancy_r"] = float(multiples.mean())
    else:
        reasons["expectancy_r"] = "no trade had a stop to measure by"
    for name, side in (("average_win", wins), ("average_loss", losses)):
        if len(side):
            out[name] = float(side.mean())
        else:
            reasons[name] = "there was none"
    if losses.sum() < 0:
        out["profit_factor"] = float(wins.sum() / -losses.sum())
    else:
        reasons["profit_factor"] = "there was no losing trade"
    out["average_mae"] = float(trades["mae"].mean())
    out["average_mfe"] = float(trades["mfe"].mean())
    return out


def _exposure(trades: pd.DataFrame, times: Array) -> float:
    """Share of the time with a position open, percent."""
    span = float(times[-1] - times[0]) if len(times) > 1 else 0.0
    if span <= 0 or trades.empty:
        return 0.0
    held = float((trades["exit_time"] - trades["entry_time"]).sum())
    return min(100.0 * held / span, 100.0)


def performance(trades: pd.DataFrame, times: Array, equity: Array, start_balance: float) -> dict[str, Any]:
    """Compute the figures.

    Parameters
    ----------
    trades
        One row a closed position: ``entry_time, exit_time`` (ms), ``pnl`` (net), ``fees, slippage, funding`` (quote
        currency), ``r_multiple, mae, mfe``.
    times, equity
        Open time (ms) of each candle and equity at its close, same length.
    start_balance
        Quote currency.

    Returns
    -------
    dict
        Money in the quote currency, ``*_pct`` in percent, ``win_rate`` 0..1, times in candles; ``reasons`` maps each
        figure that is ``None`` to why.
    """
    reasons: dict[str, str] = {}
    final = float(equity[-1]) if len(equity) else start_balance
    total = final / start_balance - 1.0
    depth, length = drawdown(np.concatenate([[start_balance], equity]))
    returns = daily_returns(times, equity, start_balance)
    years = max(len(returns), 1) / 365.0
    return {
        "trades": len(trades),
        "net_pnl": final - start_balance,
        "return_pct": 100.0 * total,
        "max_drawdown_pct": 100.0 * depth,
        "max_drawdown_bars": length,
        **_ratios(returns, years, total, depth, reasons),
        **_per_trade(trades, reasons),
        "exposure_pct": _exposure(trades, times),
        "fees": float(trades["fees"].sum()),
        "funding": float(trades["funding"].sum()),
        "slippage": float(trades["slippage"].sum()),
        "trades_per_day": len(trades) / max(len(returns), 1),
        "final_equity": final,
        "reasons": reasons,
    }

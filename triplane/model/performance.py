"""The performance figures of a session or a backtest, from its trades and its equity curve.

Sharpe and Sortino come from daily returns (equity at the last candle of each UTC day), annualised by √365, since these
markets never close. A figure that cannot be computed is ``None``, and ``reasons`` says why; it is never 0 instead. What
is a rate of time is measured until trading stopped, when it did, and ``reasons`` says so.
"""

from typing import Any, Final, NamedTuple, Protocol

import numpy as np

Array = np.ndarray[Any, Any]

DAY_MS: Final = 86_400_000
MIN_DAYS: Final = 10
"""Days of candles below which a ratio says nothing."""
_FEW: Final = f"needs at least {MIN_DAYS} daily returns"
_LOST: Final = "the account was lost"
_PER_TRADE: Final = (
    "win_rate", "profit_factor", "expectancy", "expectancy_r", "average_win", "average_loss", "average_mae_pct",
    "average_mfe_pct",
)  # fmt: skip


def drawdown(equity: Array) -> tuple[float, int]:
    """Deepest fall from a peak as a fraction, and the longest time under a peak in candles."""
    if len(equity) == 0:
        return 0.0, 0
    peak = np.maximum.accumulate(equity)
    known = peak[0] > 0 and not np.isnan(peak[-1])  # peaks never fall, and one that is not a number stays
    depth = 1.0 - float(np.min(equity / peak)) if known else float("nan")
    peaks = np.flatnonzero(equity >= peak)
    return depth, int(np.max(np.diff(peaks, prepend=0, append=len(equity)))) - 1


def _midnights(times: Array) -> Array:
    """Places of the first candle of each UTC day but the first, or of the next one where a day has none."""
    return np.searchsorted(times, np.arange(times[0] // DAY_MS + 1, times[-1] // DAY_MS + 1) * DAY_MS)


def daily_returns(times: Array, equity: Array, start_balance: float) -> Array:
    """Returns from UTC day to UTC day; the first starts from the balance. Times are in order.

    A day without candles has a return of 0.
    """
    if len(times) == 0:
        return np.zeros(0)
    last = np.append(_midnights(times), len(times)) - 1
    closes = np.concatenate([[start_balance], equity[last]])
    return np.asarray(np.diff(closes) / closes[:-1])


class Curve(NamedTuple):
    """What the figures need of an equity curve, so that whoever sees it grow need not keep it.

    Attributes
    ----------
    final
        Newest equity.
    depth, length
        As of :func:`drawdown`, the start balance included.
    returns
        As of :func:`daily_returns`.
    days
        UTC days that have candles.
    span_ms
        From the first candle to the last.
    """

    final: float
    depth: float
    length: int
    returns: Array
    days: int
    span_ms: float

    @classmethod
    def of(cls, times: Array, equity: Array, start_balance: float) -> "Curve":
        """The same from a whole curve."""
        depth, length = drawdown(np.concatenate([[start_balance], equity]))
        return cls(
            float(equity[-1]) if len(equity) else start_balance,
            depth,
            length,
            daily_returns(times, equity, start_balance),
            len(np.unique(_midnights(times))) + 1 if len(times) else 0,
            float(times[-1] - times[0]) if len(times) > 1 else 0.0,
        )


def _ratios(curve: Curve, years: float, total: float) -> dict[str, float | str]:
    """Sharpe, Sortino, CAGR and Calmar; a text in place of one says why there is none."""
    returns, depth = curve.returns, curve.depth
    if curve.days < MIN_DAYS:
        return dict.fromkeys(("sharpe", "sortino", "cagr_pct", "calmar"), _FEW)
    mean, year = float(np.mean(returns)), float(np.sqrt(365.0))
    deviation = float(np.std(returns, ddof=1))
    downside = float(np.sqrt(np.mean(np.minimum(returns, 0.0) ** 2)))
    growth = (1.0 + total) ** (1.0 / years) - 1.0 if total > -1.0 else None
    return {
        "sharpe": mean / deviation * year if deviation > 0 else "the equity never moved",
        "sortino": mean / downside * year if downside > 0 else "there was no losing day",
        "cagr_pct": _LOST if growth is None else 100.0 * growth,
        "calmar": _LOST if growth is None else growth / depth if depth > 0 else "there was no drawdown",
    }


def _mean(values: Array) -> float:
    """Mean of what is there, with the bits of pandas' mean."""
    missing = np.isnan(values)
    count = int(len(values) - np.count_nonzero(missing))
    return float(np.where(missing, 0.0, values).sum()) / count if count else float("nan")


def _per_trade(trades: dict[str, Array]) -> dict[str, float | str]:
    """Figures that need trades; a text in place of one says why there is none."""
    pnl = trades["pnl"]
    if len(pnl) == 0:
        return dict.fromkeys(_PER_TRADE, "there were no trades")
    wins, losses = pnl[pnl > 0], pnl[pnl <= 0]
    multiples = trades["r_multiple"][~np.isnan(trades["r_multiple"])]
    with np.errstate(over="ignore"):  # a loss of next to nothing
        factor = float(wins.sum() / -losses.sum()) if losses.sum() < 0 else "there was no losing trade"
    none = "there was none"
    values = (
        len(wins) / len(pnl),
        factor,
        _mean(pnl),
        _mean(multiples) if len(multiples) else "no trade had a stop to measure by",
        _mean(wins) if len(wins) else none,
        _mean(losses) if len(losses) else none,
        100.0 * _mean(trades["mae"] / trades["entry_price"]),
        100.0 * _mean(trades["mfe"] / trades["entry_price"]),
    )
    return dict(zip(_PER_TRADE, values, strict=True))


def _costs(trades: dict[str, Array]) -> dict[str, float | str]:
    """What the trades cost, positive when it did; a text in place of the funding says why it is not known."""
    funding = trades["funding"]
    unknown = int(np.isnan(funding).sum())
    return {
        "fees": float(np.nansum(trades["fees"])),
        "funding": f"the funding of {unknown} of {len(funding)} trades is not known" if unknown
        else float(0.0 - funding.sum()),
        "slippage": float(np.nansum(trades["slippage"])),
    }  # fmt: skip


def _exposure(trades: dict[str, Array], curve: Curve, start_balance: float) -> dict[str, float | str]:
    """Share of the time with a position open, and the mean notional of all time in mean daily equity, percent."""
    if curve.span_ms <= 0 or len(trades["pnl"]) == 0:
        return {"exposure_pct": 0.0, "average_notional_pct": 0.0}
    order = np.argsort(trades["entry_time"], kind="stable")
    begin, end = trades["entry_time"][order], np.maximum.accumulate(trades["exit_time"][order])
    before = np.concatenate([begin[:1], end[:-1]])
    held = np.maximum(end - np.maximum(begin, before), 0.0).sum()
    value = trades["quantity"] * trades["entry_price"] * (trades["exit_time"] - trades["entry_time"])
    equity = start_balance * float(np.mean(np.cumprod(1.0 + curve.returns))) if len(curve.returns) else start_balance
    mean = float(value.sum()) / curve.span_ms
    notional = _LOST if not equity > 0.0 else "the sizes are not known" if np.isnan(mean) else 100.0 * mean / equity
    return {
        "exposure_pct": min(100.0 * float(held) / curve.span_ms, 100.0),
        "average_notional_pct": notional,
    }


class Columns(Protocol):
    """A frame, or a mapping of sequences."""

    def __getitem__(self, name: str, /) -> Any: ...


COLUMNS: Final = (
    "entry_time", "exit_time", "quantity", "entry_price", "pnl", "fees", "slippage", "funding", "r_multiple", "mae",
    "mfe",
)  # fmt: skip
"""What the figures need of each trade."""
OF_TIME: Final = ("sharpe", "sortino", "cagr_pct", "calmar", "exposure_pct", "average_notional_pct", "trades_per_day")
"""Figures that say how much there was in a time."""


def of_rows(closed: Array, quantity: Array) -> dict[str, Array]:
    """The columns of closed positions, rows of ``rows.TRADE_ROW``, with their quantities; NaN where not known."""
    own = {name: closed[name].astype(np.float64) for name in COLUMNS if name != "quantity"}
    return {**own, "quantity": quantity}


def performance(
    trades: Columns, times: Array, equity: Array, start_balance: float, stopped_at: int | None = None
) -> dict[str, Any]:
    """Compute the figures.

    Parameters
    ----------
    trades
        Columns (:data:`COLUMNS`), one entry a closed position: times in ms, ``pnl`` net, money in the quote currency,
        NaN where there is none; a frame or a mapping of sequences.
    times, equity
        Open time (ms) of each candle and equity at its close, same length.
    start_balance
        Quote currency.
    stopped_at
        When trading stopped for good (ms), if it did before the data ended: what is a rate of time
        (:data:`OF_TIME`) is measured until then.

    Returns
    -------
    dict
        Money in the quote currency, ``*_pct`` in percent, ``win_rate`` 0..1, times in candles; ``reasons`` maps each
        figure that is ``None`` to why.
    """
    found = figures(trades, Curve.of(times, equity, start_balance), start_balance)
    active = len(times) if stopped_at is None else int(np.searchsorted(times, stopped_at))
    if active == len(times):
        return found
    until = Curve.of(times[:active], equity[:active], start_balance)
    days = (stopped_at - float(times[0])) / DAY_MS if stopped_at is not None else 0.0
    return until_stopped(found, figures(trades, until, start_balance), days)


def until_stopped(found: dict[str, Any], until: dict[str, Any], days: float) -> dict[str, Any]:
    """Figures of which those that are rates of time are taken from ``until``: the days until trading stopped."""
    reasons = {**found["reasons"]}
    for name in OF_TIME:
        why = until["reasons"].get(name, "")
        reasons[name] = f"{why}{', ' if why else ''}over the {days:.1f} days until trading stopped"
    return {**found, **{name: until[name] for name in OF_TIME}, "reasons": reasons}


def figures(trades: Columns, curve: Curve, start_balance: float) -> dict[str, Any]:
    """The same from what is known of the curve."""
    columns = {name: np.asarray(trades[name], np.float64) for name in COLUMNS}
    n, days = len(columns["pnl"]), max(len(curve.returns), 1)
    total = curve.final / start_balance - 1.0
    found = {
        "trades": n,
        "net_pnl": curve.final - start_balance,
        "return_pct": 100.0 * total,
        "max_drawdown_pct": 100.0 * curve.depth,
        "max_drawdown_bars": curve.length,
        **_ratios(curve, days / 365.0, total),
        **_per_trade(columns),
        **_exposure(columns, curve, start_balance),
        **_costs(columns),
        "trades_per_day": n / days,
        "final_equity": curve.final,
    }
    reasons = {name: why for name, why in found.items() if isinstance(why, str)}
    return {**found, **dict.fromkeys(reasons), "reasons": reasons}

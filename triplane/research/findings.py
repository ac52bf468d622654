"""What a backtest says of its data, so that no figure is read without it: the period, its gaps and grade, and what the
market itself did.
"""

from typing import Any, Final

from triplane.data.candles import Candles, utc
from triplane.data.quality import assess

DAY_MS: Final = 86_400_000


def of_market(candles: Candles, interval_ms: int) -> dict[str, Any]:
    """Period, buy and hold, and quality of the candles of a run; ``data`` are sentences, the worst first."""
    first = int(candles["open_time"][0])
    end = int(candles["open_time"][-1]) + interval_ms
    report = assess(candles, interval_ms)
    return {
        "first": utc(first),
        "last": utc(end),
        "days": (end - first) / DAY_MS,
        "bars": len(candles),
        "missing_bars": report.missing,
        "data_grade": report.grade,
        "data": list(report.sentences),
        "buy_and_hold_pct": 100.0 * (float(candles["close"][-1]) / float(candles["open"][0]) - 1.0),
    }

"""Why there is no signal, or no order, right now: the verdict of each gate that does not need the signal itself."""

from collections.abc import Mapping
from typing import Any

from triplane.engine.settings import TradingSettings

Payload = dict[str, Any]

GATE_TEXTS = {
    "stale_feed": "The market data is fresh.",
    "kill_switch": "The kill switch is off.",
    "operator_pause": "Entries are not paused.",
    "not_reconciled": "Orders and positions are reconciled.",
    "news_blackout": "No news is due.",
    "funding_guard": "Funding is acceptable.",
    "kill_zone": "It is within the trading hours.",
}


def _check(name: str, passed: bool, text: str, value: float | None = None, limit: float | None = None) -> Payload:
    return {"name": name, "passed": passed, "value": value, "limit": limit, "text": text}


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def signal_checks(
    account: Mapping[str, Any], state: str, grade: int | None, closed: list[str], trading: TradingSettings
) -> list[Payload]:
    """Verdicts in the order in which the core asks.

    Parameters
    ----------
    account
        Fields of ``records.ACCOUNT``.
    state
        Of the symbol's state machine.
    grade
        Of its data, 0 (A) to 4 (F); None when data quality is not a gate.
    closed
        Names of the gates that are closed.
    trading
        The limits.
    """
    t = trading
    checks = [
        _check("state", state == "SCANNING", f"The session is {state.replace('_', ' ').lower()}."),
        _check(
            "halted",
            not account["halted"],
            "The session is halted." if account["halted"] else "The session is not halted.",
        ),
        *(
            _check(name, name not in closed, text if name not in closed else f"The gate {name} is closed.")
            for name, text in GATE_TEXTS.items()
        ),
    ]
    if grade is not None:
        checks.append(_check("data_quality", grade < 3, f"The data has grade {'ABCDF'[grade]}.", grade, 2))
    opened, today = account["open_positions"], account["trades_today"]
    text = f"{opened} of {t.max_open_positions} positions are open."
    checks.append(_check("max_open_positions", opened < t.max_open_positions, text, opened, t.max_open_positions))
    checks += _losses(account, trading)
    text = f"{today} of {t.max_trades_day} trades were opened today."
    checks.append(_check("max_trades_day", today < t.max_trades_day, text, today, t.max_trades_day))
    return checks


def _losses(a: Mapping[str, Any], t: TradingSettings) -> list[Payload]:
    """Daily loss, drawdown and margin against their limits."""
    checks: list[Payload] = []
    equity, day = a["equity"], a["day_equity"]
    loss = max(day - equity, 0.0)
    drawdown = 1.0 - equity / a["peak_equity"] if a["peak_equity"] > 0 else 0.0
    used = a["used_margin"] / equity if equity > 0 else 1.0
    if t.daily_loss_share > 0:
        share = loss / day if day > 0 else 0.0
        text = f"The day has lost {_percent(share)} of {_percent(t.daily_loss_share)}."
        checks.append(_check("daily_loss_limit", share < t.daily_loss_share, text, share, t.daily_loss_share))
    if t.daily_loss_quote > 0:
        text = f"The day has lost {loss:.2f} of {t.daily_loss_quote:.2f}."
        checks.append(_check("daily_loss_limit", loss < t.daily_loss_quote, text, loss, t.daily_loss_quote))
    if t.max_drawdown > 0:
        text = f"The drawdown is {_percent(drawdown)} of {_percent(t.max_drawdown)}."
        checks.append(_check("drawdown", drawdown < t.max_drawdown, text, drawdown, t.max_drawdown))
    text = f"{_percent(used)} of {_percent(t.max_margin_use)} margin is in use."
    checks.append(_check("margin_utilisation", used < t.max_margin_use, text, used, t.max_margin_use))
    return checks

"""Why there is no signal, or no order, right now: what is known here of each gate, and then the core's own word.

The page has no core. It shows the figures that it knows beside their limits; whether an entry would be refused is what
the engine's core answers.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from triplane.api.replica.views import Check
from triplane.model.facts import Account
from triplane.model.sentences import check_text
from triplane.model.settings import TradingSettings

GATE_TEXTS: Final = {
    "stale_feed": "The market data is fresh.",
    "kill_switch": "The kill switch is off.",
    "operator_pause": "Entries are not paused.",
    "not_reconciled": "Orders and positions are reconciled.",
    "news_blackout": "No news is due.",
    "funding_guard": "Funding is acceptable.",
    "kill_zone": "It is within the trading hours.",
    "disk_space": "There is space on the disk.",
    "guard": "No guard of your own forbids entries.",
}
BAD_GRADES: Final = ("D", "F")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def signal_checks(account: Account, state: str, grade: str | None, trading: TradingSettings) -> list[Check]:
    """What stands beside its limit, roughly in the order in which the core asks.

    Parameters
    ----------
    account
        As it is now.
    state
        Of the symbol's state machine.
    grade
        Of its data; None when data quality is not a gate.
    trading
        The limits.
    """
    t, closed = trading, account.gates
    words = state.replace("_", " ").lower()
    halted = "The session is halted." if account.halted else "The session is not halted."
    checks = [
        Check(name="state", passed=state == "SCANNING", text=f"The session is {words}."),
        Check(name="halted", passed=not account.halted, text=halted),
        *(
            Check(name=name, passed=name not in closed, text=f"The gate {name} is closed." if name in closed else text)
            for name, text in GATE_TEXTS.items()
        ),
    ]
    if grade is not None:
        value, text = "ABCDF".index(grade), f"The data has grade {grade}."
        checks.append(Check(name="data_quality", passed=grade not in BAD_GRADES, text=text, value=value, limit=2))
    opened, today = account.open_positions, account.trades_today
    checks.append(_below("max_open_positions", opened, t.max_open_positions, "{} of {} positions are open."))
    checks += _losses(account, trading)
    checks.append(_below("max_trades_day", today, t.max_trades_day, "{} of {} trades were opened today."))
    return checks


def last_word(said: Mapping[str, Any] | None) -> Check:
    """What the core says of an entry at the last price with the default stop; None when it could not be asked."""
    if said is None:
        text = "The engine does not answer, so what the core would say is not known."
        return Check(name="core", passed=False, text=text)
    name, value, limit = said["check"], said["value"], said["limit"]
    if name is None:
        return Check(name="core", passed=True, text="The core would take an entry at the last price.")
    text = f"The core would refuse an entry: {check_text(name, value, limit)}."
    return Check(name="core", passed=False, text=text, value=value, limit=limit)


def _below(name: str, value: float, limit: float, text: str, show: Callable[[float], str] = str) -> Check:
    words = text.format(show(value), show(limit))
    return Check(name=name, passed=value < limit, text=words, value=value, limit=limit)


def _losses(a: Account, t: TradingSettings) -> list[Check]:
    """Daily loss, drawdown and margin against their limits."""
    checks: list[Check] = []
    loss, lost = max(a.day_equity - a.equity, 0.0), "The day has lost {} of {}."
    if t.daily_loss_share > 0:
        share = loss / a.day_equity if a.day_equity > 0 else 0.0
        checks.append(_below("daily_loss_limit", share, t.daily_loss_share, lost, _percent))
    if t.daily_loss_quote > 0:
        checks.append(_below("daily_loss_limit", loss, t.daily_loss_quote, lost, "{:.2f}".format))
    if t.max_drawdown > 0:
        drawdown = 1.0 - a.equity / a.peak_equity if a.peak_equity > 0 else 0.0
        checks.append(_below("drawdown", drawdown, t.max_drawdown, "The drawdown is {} of {}.", _percent))
    used = a.used_margin / a.equity if a.equity > 0 else 1.0
    checks.append(_below("margin_utilisation", used, t.max_margin_use, "{} of {} margin is in use.", _percent))
    return checks

"""What a person reads of a fact: the log of decisions, the texts of alerts. A function of the fact alone, so that page,
alerts and store say the same, and an old journal is told in the words of today.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from triplane.model.facts import (
    Error,
    Fact,
    Fill,
    Millis,
    Order,
    RiskAlert,
    SessionEnd,
    Settings,
    Signal,
    StateChange,
    Trade,
)

CHECK_TEXTS: Final = {
    "max_position_size": "the position would be worth {value}, more than the {limit} allowed",
    "max_open_positions": "{value} positions are open, and {limit} are allowed",
    "concentration": "the symbol would hold {value} of the equity, more than the {limit} allowed",
    "daily_loss_limit": "the day's loss of {value} has reached the limit of {limit}",
    "drawdown": "the drawdown of {value} has reached the limit of {limit}",
    "margin_utilisation": "the margin in use would be {value}, more than the {limit} allowed",
    "max_trades_day": "{value} trades were opened today, and {limit} are allowed",
    "volatility_ceiling": "the volatility of {value} is above the ceiling of {limit}",
    "min_sharpe": "the Sharpe ratio of the trades so far, {value}, is below the minimum of {limit}",
    "no_stop": "it has no stop",
    "below_minimum": "the size of {value} is below the smallest order, {limit}",
    "not_scanning": "the session is not looking for entries now",
    "halted": "the session is halted",
    "data_quality": "the market data is not good enough",
    "stale_feed": "the market data is stale",
    "kill_switch": "the kill switch is on",
    "no_short": "this market cannot be sold short",
    "bad_signal": "what it says does not fit together: side, prices (a target on the losing side or said twice, "
    "a price at market, or none for a limit), or a number out of its range",
    "stop_beyond_liquidation": "the stop of {value} lies beyond the liquidation price, {limit}",
    "bad_stop": "the stop of {value} is on the wrong side of the entry at {limit}",
    "expired": "it has expired",
    "not_reconciled": "orders and positions are not reconciled with the venue",
    "operator_pause": "a person has paused entries",
    "news_blackout": "news is due",
    "funding_guard": "it would pay too much funding",
    "kill_zone": "it is outside the trading hours",
    "regime": "the market regime does not allow it",
    "disk_space": "the disk is nearly full",
    "guard": "a guard of your own forbids it",
}
REASON_TEXTS: Final = {
    "stop": "stopped out",
    "target": "target reached",
    "signal": "closed by the strategy",
    "liquidation": "liquidated",
    "end": "closed at the end of the data",
    "manual": "closed by hand",
    "external": "closed from outside",
    "trailing": "stopped out by the trailing stop",
    "break_even": "stopped out at break-even",
    "kill_switch": "closed by the kill switch",
    "daily_loss": "the daily loss limit was reached",
    "drawdown": "the drawdown limit was reached",
    "bankrupt": "the account was lost",
    "error": "an error occurred",
    "history_failed": "the history could not be loaded",
}
HALT_TEXTS: Final = REASON_TEXTS | {"kill_switch": "the kill switch was thrown"}
STATE_TEXTS: Final = {
    "SCANNING": "{symbol}: looking for entries.",
    "COOLDOWN": "{symbol}: cooling down after the trade.",
    "BOOTSTRAP": "{symbol}: warming up again.",
}
QUOTES: Final = ("USDT", "USDC", "FDUSD", "BUSD", "TUSD", "USD", "EUR", "BTC", "ETH", "BNB")
"""Currencies in which markets are paid, at the end of a symbol's name."""
MOVED: Final = {"break_even": " to break-even", "trailing": " behind the price", "manual": " by hand"}
"""Why a stop was moved: the ``reason`` of an order that works, given only in the fact that moved it."""


class LogEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the log of decisions; ``seq`` is the number of its fact."""

    seq: int
    time: Millis
    symbol: str
    kind: str
    text: str
    reasons: list[str] = []
    level: str = "info"  # info, good, bad


def entry(fact: Fact) -> LogEntry | None:
    """The entry of a fact in the log, or None when it has nothing to tell a person."""
    kind, text, level = SAID[type(fact)](fact) if type(fact) in SAID else ("", "", "")
    if not text:
        return None
    reasons = fact.reasons if isinstance(fact, Signal) else []
    return LogEntry(seq=fact.seq, time=fact.time, symbol=fact.row, kind=kind, text=text, reasons=reasons, level=level)


def _signal(fact: Signal) -> tuple[str, str, str]:
    if fact.status == "rejected":
        return "reject", reject_text(fact), "bad"
    entered = fact.status == "executed" and fact.action == "enter"
    return "signal", signal_text(fact), "good" if entered else "info"


def _risk(fact: RiskAlert) -> tuple[str, str, str]:
    """Refused signals and halts tell it themselves."""
    known = fact.alert_type in CHECK_TEXTS or fact.alert_type in HALT_TEXTS
    return "risk", "" if known else fact.message, _level(fact)


def _level(fact: RiskAlert | Error) -> str:
    return "info" if fact.severity == "INFO" else "bad"


SAID: Final[dict[type[Fact], Callable[[Any], tuple[str, str, str]]]] = {
    Signal: _signal,
    Fill: lambda fact: ("fill", fill_text(fact), "info"),
    Order: lambda fact: ("amend", stop_text(fact), "info") if fact.working else ("order", order_text(fact), "info"),
    Trade: lambda fact: ("trade", trade_text(fact), "good" if Decimal(fact.pnl) > 0 else "bad"),
    StateChange: lambda fact: ("state", state_text(fact), "bad" if fact.to_state == "HALTED" else "info"),
    RiskAlert: _risk,
    Error: lambda fact: ("error", fact.message, _level(fact)),
    Settings: lambda _: ("settings", "The settings were changed.", "info"),
    SessionEnd: lambda _: ("end", "The data has ended, and so has the session.", "info"),
}
"""Kind, text and level of an entry; an empty text is none."""


def amount(value: float | str | Decimal) -> str:
    """A number for reading: thousands grouped, no more digits than matter."""
    number = float(value)
    digits = 2 if abs(number) >= 100 else 4 if abs(number) >= 1 else 8
    shown = f"{number:,.{digits}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def exact(value: str) -> str:
    """A price or quantity for reading: every digit, thousands grouped."""
    shown = format(Decimal(value), ",f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def cash(value: float | str | Decimal, symbol: str, *, signed: bool = False) -> str:
    """Money for reading, in the quote currency of a market: two decimals, more for less than a cent."""
    number = Decimal(str(value))
    digits = 2 if number == 0 or abs(number) >= Decimal("0.01") else 8
    shown = f"{number:+,.{digits}f}" if signed and number > 0 else f"{number:,.{digits}f}"
    shown = shown.rstrip("0") if digits > 2 else shown
    return f"{shown} {quote_of(symbol)}".strip()


def quote_of(symbol: str) -> str:
    """The currency in which a market is paid; empty when its name does not tell."""
    base, line, quote = symbol.partition("_")
    if line:
        return quote
    return next((known for known in QUOTES if base.endswith(known) and base != known), "")


def check_text(check: str, value: float | str | None, limit: float | str | None) -> str:
    """Why a check refused."""
    shown = {name: "?" if one is None else amount(one) for name, one in (("value", value), ("limit", limit))}
    return CHECK_TEXTS.get(check, check.replace("_", " ")).format(**shown)


def signal_text(signal: Signal) -> str:
    """What a strategy said."""
    verb = signal.signal_type.capitalize()
    if signal.action == "close":
        return f"Close the {signal.symbol} position at about {amount(signal.price)}."
    levels = signal.tp_levels
    prices = [amount(price) for price in (levels.tp1, levels.tp2, levels.tp3) if price is not None]
    size = f" {amount(signal.position_size)}" if signal.position_size else ""
    at = f" at about {amount(signal.entry_price)}" if signal.entry_price else ""
    stop = f", stop {amount(signal.stop_loss)}" if signal.stop_loss else ""
    targets = f", target{'s' if len(prices) > 1 else ''} {', '.join(prices)}" if prices else ""
    expired = " Nobody executed it in time." if signal.order_id is None else " Its entry was not filled in time."
    tail = {"pending": " It waits for a person.", "expired": expired}.get(signal.status, "")
    return f"{verb}{size} {signal.symbol}{at}{stop}{targets}.{tail}"


def reject_text(signal: Signal) -> str:
    """Why a signal was not acted on."""
    why = check_text(signal.reject_reason or "rejected", signal.reject_value, signal.reject_limit)
    return f"No {signal.signal_type} of {signal.symbol}: {why}."


def fill_text(fill: Fill) -> str:
    """An execution."""
    verb = "Bought" if fill.side == "buy" else "Sold"
    why = f" ({REASON_TEXTS.get(fill.reason, fill.reason)})" if fill.reason else ""
    return f"{verb} {exact(fill.quantity)} {fill.symbol} at {exact(fill.price)}{why}."


def order_text(order: Order) -> str:
    """An order that ended without a fill; empty when there is nothing to say."""
    if order.status == "expired":
        return f"The entry order of {order.symbol} expired unfilled."
    if order.status == "rejected":
        return f"The {order.leg} order of {order.symbol} was rejected."
    if order.status == "cancelled" and order.leg == "entry":
        return f"The entry order of {order.symbol} was cancelled."
    return ""


def stop_text(order: Order) -> str:
    """A stop that was moved; empty when this fact of an order did not move one."""
    why = MOVED.get(order.reason or "")
    if order.leg != "stop" or why is None:
        return ""
    return f"Moved the stop of {order.symbol}{why}: {exact(order.trigger_price or '0')}."


def trade_text(trade: Trade) -> str:
    """A closed position."""
    result = "gain" if Decimal(trade.pnl) > 0 else "loss"
    multiple = f" ({trade.r_multiple:+.2f} R)" if trade.r_multiple is not None else ""
    why, size = REASON_TEXTS.get(trade.exit_reason, trade.exit_reason), amount(abs(Decimal(trade.pnl)))
    return f"{trade.symbol} {trade.side.lower()} closed, {why}: {result} of {size}{multiple}."


def state_text(change: StateChange) -> str:
    """A step of the state machine that says something of its own; empty for one that another sentence tells."""
    if change.to_state == "HALTED":
        return f"{change.symbol}: halted, {HALT_TEXTS.get(change.reason, change.reason)}. No entries until resumed."
    return STATE_TEXTS.get(change.to_state, "").format(symbol=change.symbol)


def alert_text(alert: RiskAlert) -> str:
    """A risk alert in a sentence: its own message, or what its type means."""
    if alert.message:
        return alert.message
    where = f"{alert.symbol}: " if alert.symbol else ""
    if alert.severity == "CRITICAL":
        told = f"{where}halted, {HALT_TEXTS.get(alert.alert_type, alert.alert_type)}. No entries until resumed."
        return told[0].upper() + told[1:]
    return f"{where}no entry, {check_text(alert.alert_type, alert.details.get('value'), alert.details.get('limit'))}."

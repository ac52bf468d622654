"""What happened, in sentences for people: the log of decisions and the texts of alerts."""

from decimal import Decimal
from typing import Final

from triplane.engine.events import Fill, Order, Signal, StateChange, Trade

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
    "bad_stop": "the stop of {value} is on the wrong side of the entry at {limit}",
    "expired": "it has expired",
    "not_reconciled": "orders and positions are not reconciled with the venue",
    "operator_pause": "a person has paused entries",
    "news_blackout": "news is due",
    "funding_guard": "it would pay too much funding",
    "kill_zone": "it is outside the trading hours",
    "regime": "the market regime does not allow it",
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
    "error": "an error occurred",
    "history_failed": "the history could not be loaded",
}
STATE_TEXTS: Final = {
    "SCANNING": "{symbol}: looking for entries.",
    "COOLDOWN": "{symbol}: cooling down after the trade.",
    "BOOTSTRAP": "{symbol}: warming up again.",
}


def amount(value: float | Decimal) -> str:
    """A number for reading: thousands grouped, no more digits than matter."""
    number = float(value)
    digits = 2 if abs(number) >= 100 else 4 if abs(number) >= 1 else 8
    shown = f"{number:,.{digits}f}"
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def exact(value: Decimal) -> str:
    """A price or quantity for reading: every digit, thousands grouped."""
    shown = format(value, ",f")
    return shown.rstrip("0").rstrip(".") if "." in shown else shown


def check_text(check: str, value: float, limit: float) -> str:
    """Why a check refused."""
    return CHECK_TEXTS.get(check, check).format(value=amount(value), limit=amount(limit))


def signal_text(signal: Signal) -> str:
    """What a strategy said."""
    verb = signal.signal_type.capitalize()
    if signal.action == "close":
        return f"Close the {signal.symbol} position at about {amount(signal.price)}."
    size = f" {amount(signal.position_size)}" if signal.position_size else ""
    at = f" at about {amount(signal.entry_price)}" if signal.entry_price else ""
    stop = f", stop {amount(signal.stop_loss)}" if signal.stop_loss else ""
    targets = ", ".join(amount(t) for t in signal.targets)
    targets = f", target{'s' if len(signal.targets) > 1 else ''} {targets}" if targets else ""
    tail = {"pending": " It waits for a person.", "expired": " Nobody executed it in time."}.get(signal.status, "")
    return f"{verb}{size} {signal.symbol}{at}{stop}{targets}.{tail}"


def reject_text(signal: Signal, check: str, value: float, limit: float) -> str:
    """Why a signal was not acted on."""
    return f"No {signal.signal_type} of {signal.symbol}: {check_text(check, value, limit)}."


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
    """A stop that was moved."""
    why = {"break_even": " to break-even", "trailing": " behind the price", "manual": " by hand"}.get(
        order.reason or ""
    )
    price = exact(order.trigger_price or Decimal(0))
    return f"Moved the stop of {order.symbol}{why or ''}: {price}."


def trade_text(trade: Trade) -> str:
    """A closed position."""
    result = "gain" if trade.pnl > 0 else "loss"
    multiple = f" ({trade.r_multiple:+.2f} R)" if trade.r_multiple is not None else ""
    why = REASON_TEXTS.get(trade.exit_reason, trade.exit_reason)
    return f"{trade.symbol} {trade.side.lower()} closed, {why}: {result} of {amount(abs(trade.pnl))}{multiple}."


def state_text(change: StateChange) -> str:
    """A step of the state machine that says something of its own; empty for one that another sentence tells."""
    if change.to_state == "HALTED":
        return f"{change.symbol}: halted, {REASON_TEXTS.get(change.reason, change.reason)}. No entries until resumed."
    template = STATE_TEXTS.get(change.to_state)
    return template.format(symbol=change.symbol) if template else ""

"""Alerts of what a session does, made from its facts."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from triplane.alerts.alert import Alert, Kind, Severity, Tone
from triplane.alerts.memory import Memory
from triplane.model.facts import Error, Fact, Fill, Order, Position, RiskAlert, Session, Signal, Trade, event_name
from triplane.model.sentences import REASON_TEXTS, alert_text, cash, exact, fill_text, order_text, signal_text

KEPT: Final = 256
"""Signals whose reasons are remembered until their position opens."""
SEVERITY: Final[dict[str, Severity]] = {"CRITICAL": "critical", "WARNING": "warning"}
TONES: Final[dict[Severity, Tone]] = {"critical": "bad", "warning": "warning", "info": "neutral", "debug": "neutral"}
TOLD_BY_HEALTH: Final = ("strategy_error", "kill_switch")
"""Errors that the health of their session tells too, once for all its symbols."""


def place(mode: str, strategy: str) -> str:
    """Whose an alert is."""
    return " · ".join(part for part in (mode.upper(), strategy) if part)


def _price(value: str | None) -> str:
    return "–" if value is None else exact(value)


def _about(fact: Fact, kind: Kind, ident: str, title: str, *, severity: Severity = "info", **more: Any) -> Alert:
    """An alert of a fact; ``ident`` tells it from others of its kind."""
    return Alert(
        kind=kind,
        severity=severity,
        title=title,
        symbol=fact.symbol,
        session_id=fact.session_id,
        key=f"{kind} {ident}",
        **more,
    )


def opened(position: Position, reasons: list[str]) -> Alert:
    """A position was opened."""
    targets = ", ".join(f"{exact(target.price)} ({exact(target.quantity)})" for target in position.take_profits)
    fields = [
        ("Symbol", position.row),
        ("Side", position.side),
        ("Entry", exact(position.entry_price)),
        ("Size", exact(position.size)),
        ("Stop", _price(position.stop_loss)),
        ("Targets", targets or "–"),
    ]
    if reasons:
        fields.append(("Reason", "; ".join(reasons)))
    title = f"{position.row} {position.side.lower()} opened"
    return _about(position, "opened", position.id, title, fields=tuple(fields))


def closed(trade: Trade) -> Alert:
    """A position was closed."""
    pnl, earned = float(trade.pnl), cash(trade.pnl, trade.symbol, signed=True)
    fields = (
        ("Symbol", trade.row),
        ("Side", trade.side),
        ("Entry", exact(trade.entry_price)),
        ("Exit", exact(trade.exit_price)),
        ("Size", exact(trade.quantity)),
        ("Stop", _price(trade.stop_loss)),
        ("P&L", earned),
        ("R", "–" if trade.r_multiple is None else f"{trade.r_multiple:+.2f}"),
        ("Reason", REASON_TEXTS.get(trade.exit_reason, trade.exit_reason)),
    )
    tone: Tone = "good" if pnl > 0 else "bad" if pnl < 0 else "neutral"
    title = f"{trade.row} {trade.side.lower()} closed: {earned}"
    return _about(trade, "closed", trade.id, title, tone=tone, fields=fields)


def waits(fact: Signal) -> Alert:
    """A signal that a person decides on."""
    title = f"{fact.row}: a {fact.signal_type} signal waits for you"
    return _about(fact, "signal", fact.id, title, text=signal_text(fact), tone="warning")


def fill(fact: Fill) -> Alert:
    """An execution."""
    fee = (("Fee", cash(fact.fee, fact.symbol)),)
    return _about(fact, "fill", fact.fill_id, fill_text(fact), severity="debug", fields=fee)


def risk(fact: RiskAlert) -> Alert:
    """A check refused an entry, which is the daily business of a strategy, or execution found something."""
    refused = "signal_id" in fact.details
    severity: Severity = "debug" if refused else SEVERITY.get(fact.severity, "info")
    kind = "an entry was refused" if refused else fact.alert_type.replace("_", " ")
    title = f"{fact.row}: {kind}" if fact.symbol else kind
    ident = f"{fact.session_id} {fact.row} {fact.alert_type}"
    return _about(fact, "risk", ident, title, severity=severity, text=alert_text(fact), tone=TONES[severity])


class FromFacts:
    """Folds facts into alerts.

    Parameters
    ----------
    memory
        Which positions have been told of; whose a session is, noted here too.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._reasons: OrderedDict[tuple[str, int], list[str]] = OrderedDict()
        self._entered: dict[tuple[str, str], Position | None] = {}
        self._make: dict[str, Callable[[Any], list[Alert]]] = {
            event_name(kind): getattr(self, f"_{kind.__name__.lower()}")
            for kind in (Session, Signal, Order, Fill, Position, Trade, RiskAlert, Error)
        }
        self.topics = tuple(self._make)

    def take(self, fact: Fact) -> list[Alert]:
        """Take a fact; returns what is to be told."""
        return self._make[event_name(fact)](fact)

    def settled(self) -> list[Alert]:
        """Tell of new positions, now that the orders that protect them are there too."""
        told = []
        for key, position in list(self._entered.items()):
            if position is None:
                continue
            del self._entered[key]
            if position.id not in self._memory.open:
                self._memory.open[position.id] = position.session_id
                told.append(opened(position, self._reasons.get((position.session_id, position.decision), [])))
        return told

    def _session(self, fact: Session) -> list[Alert]:
        self._memory.places[fact.session_id] = place(fact.mode, fact.strategy)
        return []

    def _signal(self, fact: Signal) -> list[Alert]:
        self._reasons[fact.session_id, fact.decision] = fact.reasons
        if len(self._reasons) > KEPT:
            self._reasons.popitem(last=False)
        return [waits(fact)] if fact.status == "pending" else []

    def _order(self, fact: Order) -> list[Alert]:
        if fact.status != "rejected":
            return []
        why, title = fact.reason or "", order_text(fact)
        return [_about(fact, "rejected", fact.order_id, title, severity="warning", text=why, tone="warning")]

    def _fill(self, fact: Fill) -> list[Alert]:
        if fact.leg == "entry":
            self._entered.setdefault((fact.session_id, fact.row), None)
        return [fill(fact)]

    def _position(self, fact: Position) -> list[Alert]:
        key = fact.session_id, fact.row
        if key in self._entered and fact.status == "open":
            self._entered[key] = fact
        return []

    def _trade(self, fact: Trade) -> list[Alert]:
        told = self.settled()
        self._entered.pop((fact.session_id, fact.row), None)
        self._memory.open.pop(fact.position_id, None)
        return [*told, closed(fact)]

    def _riskalert(self, fact: RiskAlert) -> list[Alert]:
        return [] if "from_state" in fact.details else [risk(fact)]  # a halt is told once, not once a symbol

    def _error(self, fact: Error) -> list[Alert]:
        if fact.code == "kill_switch":
            self._memory.killed[fact.session_id] = fact.message
        if fact.code in TOLD_BY_HEALTH:
            return []
        severity, title = SEVERITY.get(fact.severity, "info"), fact.message or fact.code
        return [_about(fact, "error", f"{fact.code} {fact.symbol}", title, severity=severity, tone=TONES[severity])]

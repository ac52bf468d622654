"""Alerts of what a session does, made from its facts."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

from triplane.alerts.alert import Alert, Severity, Tone
from triplane.alerts.memory import Memory
from triplane.model.facts import Error, Fact, Fill, Order, Position, RiskAlert, Session, Signal, Trade, event_name
from triplane.model.sentences import REASON_TEXTS, alert_text, cash, exact, fill_text, order_text, signal_text

KEPT: Final = 256
"""Signals whose reasons are remembered until their position opens."""
SEVERITY: Final[dict[str, Severity]] = {"CRITICAL": "critical", "WARNING": "warning"}


TOLD_BY_HEALTH: Final = ("strategy_error", "kill_switch")
"""Errors that the health of their session tells too, once for all its symbols."""


def place(mode: str, strategy: str) -> str:
    """Whose an alert is."""
    return " · ".join(part for part in (mode.upper(), strategy) if part)


def _price(value: str | None) -> str:
    return "–" if value is None else exact(value)


def _tone(severity: Severity) -> Tone:
    return "bad" if severity == "critical" else "warning" if severity == "warning" else "neutral"


def opened(position: Position, reasons: list[str]) -> Alert:
    """A position was opened."""
    targets = ", ".join(f"{exact(target.price)} ({exact(target.quantity)})" for target in position.take_profits)
    fields = [
        ("Symbol", position.symbol),
        ("Side", position.side),
        ("Entry", exact(position.entry_price)),
        ("Size", exact(position.size)),
        ("Stop", _price(position.stop_loss)),
        ("Targets", targets or "–"),
    ]
    if reasons:
        fields.append(("Reason", "; ".join(reasons)))
    return Alert(
        kind="opened",
        severity="info",
        title=f"{position.symbol} {position.side.lower()} opened",
        fields=tuple(fields),
        symbol=position.symbol,
        session_id=position.session_id,
        key=f"opened {position.id}",
    )


def closed(trade: Trade) -> Alert:
    """A position was closed."""
    pnl, earned = float(trade.pnl), cash(trade.pnl, trade.symbol, signed=True)
    fields = [
        ("Symbol", trade.symbol),
        ("Side", trade.side),
        ("Entry", exact(trade.entry_price)),
        ("Exit", exact(trade.exit_price)),
        ("Size", exact(trade.quantity)),
        ("Stop", _price(trade.stop_loss)),
        ("P&L", earned),
        ("R", "–" if trade.r_multiple is None else f"{trade.r_multiple:+.2f}"),
        ("Reason", REASON_TEXTS.get(trade.exit_reason, trade.exit_reason)),
    ]
    return Alert(
        kind="closed",
        severity="info",
        title=f"{trade.symbol} {trade.side.lower()} closed: {earned}",
        tone="good" if pnl > 0 else "bad" if pnl < 0 else "neutral",
        fields=tuple(fields),
        symbol=trade.symbol,
        session_id=trade.session_id,
        key=f"closed {trade.id}",
    )


def waits(fact: Signal) -> Alert:
    """A signal that a person decides on."""
    title = f"{fact.symbol}: a {fact.signal_type} signal waits for you"
    return Alert(kind="signal", severity="info", title=title, text=signal_text(fact), tone="warning",
                 symbol=fact.symbol, session_id=fact.session_id, key=f"signal {fact.id}")  # fmt: skip


def fill(fact: Fill) -> Alert:
    """An execution."""
    return Alert(kind="fill", severity="debug", title=fill_text(fact), fields=(("Fee", cash(fact.fee, fact.symbol)),),
                 symbol=fact.symbol, session_id=fact.session_id, key=f"fill {fact.fill_id}")  # fmt: skip


def risk(fact: RiskAlert) -> Alert:
    """A check refused an entry, which is the daily business of a strategy, or execution found something."""
    refused = "signal_id" in fact.details
    severity: Severity = "debug" if refused else SEVERITY.get(fact.severity, "info")
    kind = "an entry was refused" if refused else fact.alert_type.replace("_", " ")
    title = f"{fact.symbol}: {kind}" if fact.symbol else kind
    return Alert(kind="risk", severity=severity, title=title, text=alert_text(fact), tone=_tone(severity),
                 symbol=fact.symbol, session_id=fact.session_id,
                 key=f"risk {fact.session_id} {fact.symbol} {fact.alert_type}")  # fmt: skip


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
        return [
            Alert(kind="rejected", severity="warning", title=order_text(fact), text=fact.reason or "", tone="warning",
                  symbol=fact.symbol, session_id=fact.session_id, key=f"rejected {fact.order_id}")
        ]  # fmt: skip

    def _fill(self, fact: Fill) -> list[Alert]:
        if fact.leg == "entry":
            self._entered.setdefault((fact.session_id, fact.symbol), None)
        return [fill(fact)]

    def _position(self, fact: Position) -> list[Alert]:
        key = fact.session_id, fact.symbol
        if key in self._entered and fact.status == "open":
            self._entered[key] = fact
        return []

    def _trade(self, fact: Trade) -> list[Alert]:
        told = self.settled()
        self._entered.pop((fact.session_id, fact.symbol), None)
        self._memory.open.pop(fact.position_id, None)
        return [*told, closed(fact)]

    def _riskalert(self, fact: RiskAlert) -> list[Alert]:
        return [] if "from_state" in fact.details else [risk(fact)]  # a halt is told once, not once a symbol

    def _error(self, fact: Error) -> list[Alert]:
        if fact.code == "kill_switch":
            self._memory.killed[fact.session_id] = fact.message
        if fact.code in TOLD_BY_HEALTH:
            return []
        severity = SEVERITY.get(fact.severity, "info")
        return [
            Alert(kind="error", severity=severity, title=fact.message or fact.code, tone=_tone(severity),
                  symbol=fact.symbol, session_id=fact.session_id, key=f"error {fact.code} {fact.symbol}")
        ]  # fmt: skip

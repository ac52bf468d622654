"""One alert of each kind, as it would look: what ``triplane alerts test`` sends."""

from collections.abc import Iterator
from typing import Any, TypeVar

from msgspec.structs import fields, replace

from triplane.alerts.alert import Alert
from triplane.alerts.conditions import SILENT_S, condition, silent
from triplane.alerts.from_facts import closed, fill, opened, risk, waits
from triplane.alerts.memory import wall_ms
from triplane.model.facts import Fact, Fill, Position, RiskAlert, Signal, TakeProfit, TpLevels, Trade

Some = TypeVar("Some", bound=Fact)


def _fact(kind: type[Some], **shown: Any) -> Some:
    """A fact with what an alert shows of it, and nothing else."""
    unknown = {field.name: None for field in fields(kind) if field.required}
    return kind(**unknown | {"session_id": "", "symbol": "BTCUSDT"} | shown)


_POSITION = _fact(
    Position, id="1", side="LONG", size="0.25", entry_price="64000.5", stop_loss="63500",
    take_profits=[TakeProfit("65000", "0.125"), TakeProfit("66000", "0.125")],
)  # fmt: skip
_FILL = _fact(Fill, fill_id="1", leg="entry", side="buy", price="64000.5", quantity="0.25", fee="6.4")
_TRADE = _fact(
    Trade, id="1", side="LONG", quantity="0.25", entry_price="64000.5", exit_price="65500.5", pnl="362.05",
    r_multiple=2.9, exit_reason="target", stop_loss="63500",
)  # fmt: skip
_SIGNAL = _fact(
    Signal, id="1", action="enter", signal_type="buy", status="pending", price=64000.5, entry_price=64000.5,
    stop_loss=63500.0, tp_levels=TpLevels(65000.0, 66000.0), position_size=0.25,
)  # fmt: skip
_REFUSED = _fact(
    RiskAlert, severity="WARNING", alert_type="max_open_positions", message="",
    details={"value": 4.0, "limit": 3.0, "signal_id": "1"},
)  # fmt: skip
_FOUND = _fact(
    RiskAlert, severity="WARNING", alert_type="foreign_fill", details={},
    message="An order that is not Triplane's was filled in BTCUSDT.",
)  # fmt: skip
_RAISED = "Strategy mine failed on bar 300: ZeroDivisionError: division by zero\nmine.py:9: return 1 / 0"


def samples() -> Iterator[Alert]:
    """All kinds; a closed position as a gain and as a loss."""
    loss = replace(_TRADE, pnl="-131.6", r_multiple=-1.05, exit_price="63500", exit_reason="stop")
    found = (
        opened(_POSITION, ["retest of a demand zone"]),
        closed(_TRADE),
        closed(loss),
        fill(_FILL),
        waits(_SIGNAL),
        Alert(
            kind="rejected",
            severity="warning",
            title="The stop order of BTCUSDT was rejected",
            text="The venue said: the price is out of range.",
            tone="warning",
        ),
        risk(_REFUSED),
        risk(_FOUND),
        condition("halted", "Trading of BTCUSDT is halted", "Daily loss."),
        condition("kill_switch", "The kill switch is on", "By hand."),
        condition("error", "An error in the session of BTCUSDT", _RAISED),
        condition("feed", "No market data for BTCUSDT", "Nothing has come from binance for 30 seconds."),
        silent(SILENT_S),
        replace(condition("engine", "The engine is back", ""), tone="good"),
        condition("session", "A session is running", ""),
    )
    for alert in found:
        yield replace(alert, where="TEST · this is only a test", time=wall_ms())

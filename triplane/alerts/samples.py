"""One alert of each kind, as it would look: what ``triplane alerts test`` sends."""

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from triplane.alerts.alert import Alert
from triplane.alerts.from_facts import closed, fill, opened, risk
from triplane.alerts.memory import wall_ms
from triplane.model.facts import Fill, Position, RiskAlert, TakeProfit, Trade

_HEAD: Any = {"session_id": "", "seq": 0, "time": 0, "symbol": "BTCUSDT"}
_POSITION = Position(
    **_HEAD, id="1", side="LONG", status="open", size="0.25", quantity="0.25", entry_price="64000.5", entry_time=0,
    stop_loss="63500", take_profits=[TakeProfit("65000", "0.125"), TakeProfit("66000", "0.125")], leverage="1",
)  # fmt: skip
_FILL = Fill(
    **_HEAD, fill_id="1", order_id="1", filled_at=0, leg="entry", side="buy", price="64000.5", quantity="0.25",
    fee="6.4", slippage="0", maker=False, reason=None,
)  # fmt: skip
_TRADE = Trade(
    **_HEAD, id="1", position_id="1", side="LONG", quantity="0.25", entry_time=0, exit_time=0, entry_price="64000.5",
    exit_price="65500.5", pnl="362.05", fees="12.95", funding="0", slippage="0", balance_after="10362.05",
    r_multiple=2.9, mae=None, mfe=None, exit_reason="target", bars_held=12, stop_loss="63500",
)  # fmt: skip
_RISK = RiskAlert(
    **_HEAD, alert_id="1", severity="WARNING", alert_type="max_open_positions", message="",
    details={"value": 4.0, "limit": 3.0},
)  # fmt: skip


def samples() -> Iterator[Alert]:
    """All kinds; a closed position as a gain and as a loss."""
    loss = replace(_TRADE, pnl="-131.6", r_multiple=-1.05, exit_price="63500", exit_reason="stop")
    found = (
        opened(_POSITION, ["retest of a demand zone"]),
        closed(_TRADE),
        closed(loss),
        fill(_FILL),
        Alert(kind="signal", severity="info", title="BTCUSDT: a buy signal waits for you", tone="warning"),
        Alert(kind="rejected", severity="warning", title="The stop order of BTCUSDT was rejected", tone="warning"),
        risk(_RISK),
        Alert(kind="halted", severity="critical", title="Trading of BTCUSDT is halted", text="Daily loss.", tone="bad"),
        Alert(kind="kill_switch", severity="critical", title="The kill switch is on", text="By hand.", tone="bad"),
        Alert(kind="error", severity="warning", title="Something went wrong", tone="warning"),
        Alert(kind="feed", severity="critical", title="No market data for BTCUSDT", tone="bad"),
        Alert(kind="engine", severity="critical", title="The engine is back", tone="good"),
        Alert(kind="session", severity="info", title="A session is running"),
    )
    for alert in found:
        yield replace(alert, where="TEST · nothing of this has happened", time=wall_ms())

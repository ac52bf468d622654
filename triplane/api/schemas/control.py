"""The session, its state and settings, and the commands that a person may give."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from triplane.api.schemas.base import PAGE_EXAMPLE, Millis, Money, Number, Paged, example
from triplane.engine.settings import TradingSettings

STATUS = {
    "state": "SCANNING",
    "can_receive_signals": True,
    "is_active_trade": False,
    "cooldown_remaining": 0,
    "current_order_id": None,
    "current_position_id": None,
    "session_id": "20260101-000000",
    "mode": "paper",
    "strategy": "ict_blocks",
    "symbols": ["BTCUSDT"],
    "symbol": "BTCUSDT",
    "timeframe": "15m",
    "source": "demo",
    "speed": 60.0,
    "halt_reason": None,
    "data_grade": "A",
    "gates": [],
    "last_candle_time": 1767225600000,
    "started_at": 1767225600000,
    "finished": False,
    "version": "0.1.0",
}
SESSION = {
    "id": "20260101-000000",
    "status": "running",
    "mode": "paper",
    "strategy": "ict_blocks",
    "symbols": ["BTCUSDT"],
    "timeframe": "15m",
    "source": "demo",
    "started_at": 1767225600000,
    "ended_at": None,
    "decisions_sha256": None,
    "net_pnl": "3.13",
}
DECISION = {
    "seq": 412,
    "time": 1767225600000,
    "symbol": "BTCUSDT",
    "kind": "signal",
    "text": "Buy 0.011 BTCUSDT at 87,690.1 with the stop at 87,420.",
    "reasons": ["Price came back into a fresh demand order block."],
    "level": "good",
}


class Status(BaseModel):
    """Where the session stands with one symbol."""

    model_config = example(STATUS)

    state: Literal["BOOTSTRAP", "SCANNING", "ENTRY_PENDING", "IN_POSITION", "COOLDOWN", "HALTED"]
    can_receive_signals: bool
    is_active_trade: bool
    cooldown_remaining: int
    current_order_id: str | None
    current_position_id: str | None
    session_id: str
    mode: str
    strategy: str
    symbols: list[str]
    symbol: str
    timeframe: str
    source: str
    speed: Annotated[float | str, Field(description='Replay speed, or "max".')]
    halt_reason: str | None
    data_grade: str | None
    gates: list[str]
    last_candle_time: Millis | None
    started_at: Millis
    finished: bool
    version: str


CHECK = {"name": "daily_loss_limit", "passed": True, "value": 0.004, "limit": 0.03, "text": "The day has lost 0.4 %."}


class Check(BaseModel):
    """The verdict of one gate."""

    model_config = example(CHECK)

    name: str
    passed: bool
    value: Number = None
    limit: Number = None
    text: str


class SignalCheck(BaseModel):
    """Why there is no signal, or no order, right now."""

    model_config = example({"symbol": "BTCUSDT", "time": 1767225600000, "checks": [CHECK], "would_trade": True})

    symbol: str
    time: Millis | None
    checks: list[Check]
    would_trade: bool


class Session(BaseModel):
    """One run of a strategy."""

    model_config = example(SESSION)

    id: str
    status: str
    mode: str
    strategy: str
    symbols: list[str]
    timeframe: str
    source: str
    started_at: Millis
    ended_at: Millis | None = None
    decisions_sha256: str | None = None
    net_pnl: Money | None = None


class Sessions(Paged):
    """Sessions, the latest start first."""

    model_config = example({"items": [SESSION], **PAGE_EXAMPLE})

    items: list[Session]


class StartSession(BaseModel):
    """What to trade, and with what."""

    model_config = example(
        {"strategy": "ict_blocks", "symbols": ["BTCUSDT"], "timeframe": "15m", "source": "demo", "balance": 10000},
        strict=True,
    )

    strategy: Annotated[str, Field(min_length=1, max_length=100)]
    symbols: Annotated[list[str], Field(min_length=1, max_length=100)]
    timeframe: Annotated[str, Field(pattern=r"^[0-9]{1,4}[mhdw]$")] = "15m"
    source: str = "demo"
    balance: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 10_000.0
    parameters: dict[str, float] = {}


class KillSwitch(BaseModel):
    """Stop everything: no new entries, working entries cancelled, open positions kept or closed at market."""

    model_config = example({"flatten": False, "reason": "The market has gone mad."}, strict=True)

    flatten: bool = False
    reason: Annotated[str, Field(min_length=1, max_length=500)] = "by hand"


class Resume(BaseModel):
    """A person has seen why the session halted and wants it to go on."""

    model_config = example({"acknowledge": True}, strict=True)

    acknowledge: Literal[True]


class Decision(BaseModel):
    """One entry of the log of decisions, in a sentence."""

    model_config = example(DECISION)

    seq: int
    time: Millis
    symbol: str
    kind: str
    text: str
    reasons: list[str]
    level: Literal["info", "good", "bad"]


class Decisions(BaseModel):
    """The log of decisions, the latest last."""

    model_config = example({"items": [DECISION]})

    items: list[Decision]


SETTINGS: dict[str, JsonValue] = {
    "risk_per_trade": 0.01,
    "max_position_quote": 0,
    "max_position_share": 0.1,
    "max_open_positions": 3,
    "max_symbol_share": 0.25,
    "daily_loss_quote": 0,
    "daily_loss_share": 0.03,
    "max_drawdown": 0.2,
    "max_margin_use": 0.8,
    "max_trades_day": 5,
    "volatility_ceiling": 0,
    "min_sharpe": None,
    "default_stop": 0.02,
    "reward_risk": 3.0,
    "cooldown_bars": 4,
    "break_even": True,
    "quality_gate": True,
    "signal_ttl_bars": 4,
    "execution_mode": "auto",
}


class Settings(TradingSettings):
    """Limits and settings of the session. Shares are fractions; 0 switches a limit off, null the minimum Sharpe."""

    model_config = ConfigDict(json_schema_extra={"example": SETTINGS})


def _without_defaults(schema: dict[str, Any]) -> None:
    """Here a default stands for "left out"; a client that read it would send it."""
    for field in schema["properties"].values():
        field.pop("default", None)
    schema["example"] = {"risk_per_trade": 0.005, "execution_mode": "manual"}


class ChangeSettings(TradingSettings):
    """The settings to change; what is left out stays as it is."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

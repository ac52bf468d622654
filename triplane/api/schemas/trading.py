"""Orders, positions, trades, signals and the account. Money is text, exact to the last digit."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from triplane.api.schemas.base import PAGE_EXAMPLE, Millis, Money, Number, Paged, example

ORDER = {
    "order_id": "20260101-000000-17-tp1",
    "client_order_id": "tp-20260101-000000-17-tp1",
    "symbol": "BTCUSDT",
    "leg": "tp1",
    "type": "take_profit_market",
    "side": "sell",
    "price": None,
    "trigger_price": "88010.0",
    "quantity": "0.005",
    "status": "working",
    "created_at": 1767225600000,
    "expires_at": None,
    "reduce_only": True,
}
POSITION = {
    "id": "20260101-000000-17",
    "symbol": "BTCUSDT",
    "side": "LONG",
    "status": "open",
    "entry_price": "87690.1",
    "size": "0.011",
    "leverage": "1",
    "current_price": "87755.0",
    "current_pnl": "0.71",
    "current_pnl_pct": 0.07,
    "stop_loss": "87420.0",
    "take_profits": [{"price": "88010.0", "quantity": "0.005", "filled": False}],
    "margin_ratio": None,
    "liquidation_price": None,
    "entry_time": 1767225600000,
}
TRADE = {
    "id": "20260101-000000-17",
    "position_id": "20260101-000000-17",
    "session_id": "20260101-000000",
    "symbol": "BTCUSDT",
    "side": "LONG",
    "quantity": "0.011",
    "entry_time": 1767225600000,
    "exit_time": 1767240000000,
    "entry_price": "87690.1",
    "exit_price": "88010.0",
    "pnl": "3.13",
    "fees": "0.39",
    "r_multiple": 1.05,
    "exit_reason": "target",
    "mae": 81.5,
    "mfe": 402.0,
}
SIGNAL = {
    "id": "5f2b8f0e-6a55-5f7e-9d53-0c1f6c1e7a11",
    "signal_type": "buy",
    "status": "executed",
    "confidence": 0.72,
    "confidence_level": "high",
    "price": 87690.1,
    "entry_price": 87690.1,
    "stop_loss": 87420.0,
    "tp_levels": {"tp1": 88010.0, "tp2": 88280.0, "tp3": 88550.0},
    "position_size": 0.011,
    "risk_reward_ratio": 3.0,
    "indicators": {"atr14": 96.3, "regime": None, "regime_confidence": None},
    "reasons": ["Price came back into a fresh demand order block."],
    "generated_at": 1767225600000,
    "pending_at": None,
    "executed_at": 1767225600000,
    "order_id": "20260101-000000-17-entry",
    "execution_latency_ms": 0.05,
    "decision": 17,
    "symbol": "BTCUSDT",
    "reject_reason": None,
}


class Order(BaseModel):
    """A working order."""

    model_config = example(ORDER)

    order_id: str
    client_order_id: str
    symbol: str
    leg: str
    type: str
    side: Literal["buy", "sell"]
    price: Money | None = None
    trigger_price: Money | None = None
    quantity: Money
    status: str
    created_at: Millis
    expires_at: Millis | None = None
    reduce_only: bool


class TakeProfit(BaseModel):
    """One step of the target ladder."""

    model_config = example({"price": "88010.0", "quantity": "0.005", "filled": False})

    price: Money
    quantity: Money
    filled: bool


class Position(BaseModel):
    """An open position."""

    model_config = example(POSITION)

    id: str
    symbol: str
    side: Literal["LONG", "SHORT"]
    status: str
    entry_price: Money
    size: Money
    leverage: Money
    current_price: Money | None
    current_pnl: Money
    current_pnl_pct: Number
    stop_loss: Money | None
    take_profits: list[TakeProfit]
    margin_ratio: Number = None
    liquidation_price: Money | None = None
    entry_time: Millis


class Portfolio(BaseModel):
    """The account, its open positions and pending orders."""

    model_config = example(
        {
            "wallet_balance": "10003.13",
            "margin_balance": "10003.84",
            "available_balance": "9039.25",
            "unrealized_pnl": "0.71",
            "total_equity": "10003.84",
            "open_positions": [POSITION],
            "pending_orders": [ORDER],
        }
    )

    wallet_balance: Money
    margin_balance: Money
    available_balance: Money
    unrealized_pnl: Money
    total_equity: Money
    open_positions: list[Position]
    pending_orders: list[Order]


class Trade(BaseModel):
    """A closed position. MAE and MFE are price distances against and for it."""

    model_config = example(TRADE)

    id: str
    position_id: str
    session_id: str
    symbol: str
    side: str
    quantity: Money
    entry_time: Millis
    exit_time: Millis
    entry_price: Money
    exit_price: Money
    pnl: Money
    fees: Money
    r_multiple: Number
    exit_reason: str
    mae: Number
    mfe: Number


class Trades(Paged):
    """Closed positions, the latest exit first."""

    model_config = example({"items": [TRADE], **PAGE_EXAMPLE})

    items: list[Trade]


class Performance(BaseModel):
    """The figures of the session; a null one has its reason in ``reasons``."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "example": {
                "net_pnl": "3.13",
                "return_pct": 0.03,
                "max_drawdown_pct": 0.12,
                "sharpe": None,
                "sortino": None,
                "calmar": None,
                "win_rate": 1.0,
                "profit_factor": None,
                "expectancy_r": 1.05,
                "trades": 1,
                "fees": "0.39",
                "reasons": {"sharpe": "It needs at least two days.", "profit_factor": "There is no losing trade."},
            }
        },
    )

    net_pnl: Money
    return_pct: Number
    max_drawdown_pct: Number
    sharpe: Number
    sortino: Number
    calmar: Number
    win_rate: Number
    profit_factor: Number
    expectancy_r: Number
    trades: int
    fees: Money
    reasons: dict[str, str]


class EquityPoint(BaseModel):
    """Equity at the close of a candle."""

    model_config = example({"time": 1767225600000, "equity": 10003.84})

    time: Millis
    equity: float


class EquityCurve(BaseModel):
    """Equity over time, oldest first."""

    model_config = example({"points": [{"time": 1767225600000, "equity": 10003.84}]})

    points: list[EquityPoint]


class Levels(BaseModel):
    """Targets of a signal."""

    model_config = example(SIGNAL["tp_levels"])  # type: ignore[arg-type]

    tp1: Number = None
    tp2: Number = None
    tp3: Number = None


class Signal(BaseModel):
    """What a strategy proposed, what it was decided on, and what became of it."""

    model_config = example(SIGNAL)

    id: str
    signal_type: Literal["buy", "sell", "neutral"]
    status: Literal["generated", "pending", "executed", "expired", "rejected"]
    confidence: float
    confidence_level: Literal["high", "medium", "low"]
    price: float
    entry_price: Number
    stop_loss: Number
    tp_levels: Levels
    position_size: Number
    risk_reward_ratio: Number
    indicators: dict[str, Any]
    reasons: list[str]
    generated_at: Millis
    pending_at: Millis | None = None
    executed_at: Millis | None = None
    order_id: str | None = None
    execution_latency_ms: Number = None
    decision: int
    symbol: str
    reject_reason: str | None = None


class Signals(Paged):
    """Signals, the latest first."""

    model_config = example({"items": [SIGNAL], **PAGE_EXAMPLE})

    items: list[Signal]


class Expired(BaseModel):
    """Which signals were expired."""

    model_config = example({"expired": 1, "ids": [SIGNAL["id"]]})

    expired: int
    ids: list[str]


Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Simulate(BaseModel):
    """A signal made up to see what follows from it; on paper only."""

    model_config = example({"symbol": "BTCUSDT", "side": "buy", "stop_loss": 87000.0}, strict=True)

    symbol: str
    side: Literal["buy", "sell"]
    stop_loss: Positive | None = None


class Reset(BaseModel):
    """Start the paper account again; without a balance with that of the start."""

    model_config = example({"balance": 10000}, strict=True)

    balance: Positive | None = None

"""A few facts, each with what a test does not care about filled in."""

from typing import Any

from triplane.model.facts import Candle, Error, Order, RiskAlert, Session, Trade


def session(**fields: Any) -> Session:
    given: dict[str, Any] = {
        "session_id": "s", "seq": 1, "time": 1, "mode": "paper", "venue": "demo", "source": "demo",
        "strategy": "ema_cross", "strategy_text": "crosses", "parameters": {"fast": 9.0}, "symbols": ["BTCUSDT"],
        "base": "1m", "timeframe": "15m", "start_balance": "10000", "started_at": 1, "settings": {},
    }  # fmt: skip
    return Session(**given | fields)


def candle(number: int, seq: int, **fields: Any) -> Candle:
    given: dict[str, Any] = {
        "session_id": "s", "seq": seq, "time": 60_000 * (number + 1), "symbol": "BTCUSDT", "venue": "demo", "tf": "1m",
        "open_time": 60_000 * number, "open": 1.0, "high": 2.0, "low": 0.5, "close": 1.5, "volume": 3.0,
    }  # fmt: skip
    return Candle(**given | fields)


def order(number: int, seq: int, **fields: Any) -> Order:
    given: dict[str, Any] = {
        "session_id": "s", "seq": seq, "time": 1000 * number, "symbol": "BTCUSDT", "decision": number,
        "order_id": f"o{number}", "client_order_id": f"c{number}", "leg": "entry", "type": "market", "side": "buy",
        "quantity": "0.001", "price": None, "trigger_price": None, "requested_price": "100.10", "reduce_only": False,
        "created_at": 1000 * number, "expires_at": None,
    }  # fmt: skip
    return Order(**given | fields)


def trade(number: int, **fields: Any) -> Trade:
    given: dict[str, Any] = {
        "session_id": "s", "seq": number, "time": 10 * number + 5, "symbol": "BTCUSDT", "decision": number,
        "id": f"p{number:04}", "position_id": f"p{number:04}", "side": "LONG", "quantity": "0.5",
        "entry_time": 10 * number, "exit_time": 10 * number + 5, "entry_price": "100", "exit_price": "101",
        "pnl": "0.50", "fees": "0", "funding": "0", "slippage": "0", "balance_after": "10000.5", "r_multiple": 0.5,
        "mae": -1.0, "mfe": 2.0, "exit_reason": "target", "bars_held": 3, "stop_loss": "99",
    }  # fmt: skip
    return Trade(**given | fields)


def alert(number: int, seq: int, **fields: Any) -> RiskAlert:
    given: dict[str, Any] = {
        "session_id": "s", "seq": seq, "time": seq, "alert_id": f"a{number}", "severity": "WARNING",
        "alert_type": "daily_loss_limit", "message": "The loss of the day is 3.1 %.",
        "details": {"value": 0.031, "limit": 0.03},
    }  # fmt: skip
    return RiskAlert(**given | fields)


def error(seq: int, **fields: Any) -> Error:
    given: dict[str, Any] = {"session_id": "s", "seq": seq, "time": seq, "code": "feed_lost", "message": "Gone."}
    return Error(**given | fields)

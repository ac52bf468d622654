"""Streams of facts made by hand, for what a recorded session does not show; and a real one, made from a journal."""

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from journals import again

from triplane.model import facts as f
from triplane.model.live import FeedHealth, Health, SessionHealth
from triplane.model.settings import TradingSettings

F = TypeVar("F", bound=f.Fact)
MINUTE = 60_000
DAY = 86_400_000
START = 1_767_225_600_000


class Stream:
    """Facts of one session, numbered as the engine numbers them."""

    def __init__(self, session_id: str = "s", **session: Any) -> None:
        self.session_id, self.facts, self.now = session_id, [], START
        fields: dict[str, Any] = {
            "mode": "paper", "venue": "demo", "source": "demo", "strategy": "ema_cross", "strategy_text": "",
            "parameters": {"fast": 5.0}, "symbols": ["BTCUSDT", "ETHUSDT"], "base": "1m", "timeframe": "1m",
            "start_balance": "10000", "started_at": START, "settings": TradingSettings().model_dump(),
        }  # fmt: skip
        self.add(f.Session, "", time=START, **(fields | session))

    def add(self, of: type[F], symbol: str = "BTCUSDT", /, **fields: Any) -> F:
        """The next fact."""
        head = {"session_id": self.session_id, "seq": len(self.facts) + 1, "time": self.now, "symbol": symbol}
        fact = of(**(head | fields))
        self.facts.append(fact)
        return fact

    @property
    def rest(self) -> list[f.Fact]:
        """All but the first."""
        return self.facts[1:]

    def candle(self, close: float = 100.0, at: int | None = None, symbol: str = "BTCUSDT", **more: Any) -> f.Candle:
        """A base candle; the market's time goes on to its close."""
        opened = self.now if at is None else at
        length = {"1m": MINUTE, "5m": 5 * MINUTE}[more.get("tf", "1m")]
        self.now = max(self.now, opened + length)
        fields = {"open": close - 1, "high": close + 2, "low": close - 2, "close": close, "volume": 1.5}
        return self.add(f.Candle, symbol, **({"venue": "demo", "tf": "1m", "open_time": opened} | fields | more))

    def account(self, **more: Any) -> f.Account:
        """The account."""
        fields: dict[str, Any] = {
            "epoch": 0, "start_balance": 10_000.0, "simulated": 0.0, "balance": 10_000.0, "equity": 10_000.0,
            "unrealized": 0.0, "used_margin": 0.0, "peak_equity": 10_000.0, "max_drawdown": 0.0,
            "day_equity": 10_000.0, "trades_today": 0, "open_positions": 0, "halted": False, "halt_reason": None,
            "gates": [],
        }  # fmt: skip
        return self.add(f.Account, "", **(fields | more))

    def status(self, state: str = "SCANNING", symbol: str = "BTCUSDT", **more: Any) -> f.Status:
        """Where a symbol stands."""
        fields = {"cooldown_remaining": 0, "data_grade": "A", "margin": 0.0, "liquidation_price": None}
        return self.add(f.Status, symbol, **({"state": state} | fields | more))

    def signal(self, name: str = "g1", status: str = "pending", **more: Any) -> f.Signal:
        """What the strategy said."""
        fields: dict[str, Any] = {
            "agent": "ema_cross", "action": "enter", "signal_type": "buy", "confidence": 0.7,
            "confidence_level": "high", "price": 100.0, "entry_price": 100.0, "stop_loss": 98.0,
            "tp_levels": f.TpLevels(102.0), "position_size": 0.5, "risk_reward_ratio": 1.0, "indicators": {},
            "reasons": ["The fast average is above the slow one."], "generated_at": self.now, "decision": 17,
        }  # fmt: skip
        return self.add(f.Signal, **({"id": name, "status": status} | fields | more))

    def order(self, name: str = "o1", leg: str = "entry", **more: Any) -> f.Order:
        """An order."""
        fields: dict[str, Any] = {
            "client_order_id": f"c-{name}", "type": "limit", "side": "buy", "quantity": "0.5", "price": "100.00",
            "trigger_price": None, "requested_price": "100.00", "reduce_only": leg != "entry", "created_at": self.now,
            "expires_at": None, "decision": 17,
        }  # fmt: skip
        return self.add(f.Order, **({"order_id": name, "leg": leg} | fields | more))

    def fill(self, name: str = "x1", leg: str = "entry", **more: Any) -> f.Fill:
        """An execution."""
        fields: dict[str, Any] = {
            "order_id": "o1", "filled_at": self.now, "side": "buy", "price": "100.00", "quantity": "0.5", "fee": "0.02",
            "slippage": "0", "maker": False, "reason": None, "decision": 17,
        }  # fmt: skip
        return self.add(f.Fill, **({"fill_id": name, "leg": leg} | fields | more))

    def position(self, name: str = "p1", **more: Any) -> f.Position:
        """A position."""
        fields: dict[str, Any] = {
            "side": "LONG", "status": "open", "size": "0.5", "quantity": "0.5", "entry_price": "100.00",
            "entry_time": self.now, "stop_loss": "98.00", "take_profits": [f.TakeProfit("102.00", "0.5")],
            "leverage": "1", "decision": 17,
        }  # fmt: skip
        return self.add(f.Position, **({"id": name} | fields | more))

    def trade(self, name: str = "p1", pnl: str = "1.5", **more: Any) -> f.Trade:
        """A closed position."""
        fields: dict[str, Any] = {
            "position_id": name, "side": "LONG", "quantity": "0.5", "entry_time": self.now - MINUTE,
            "exit_time": self.now, "entry_price": "100.00", "exit_price": "103.00", "fees": "0.04", "funding": "0",
            "slippage": "0.01", "balance_after": "10001.5", "r_multiple": 0.75, "mae": 0.5, "mfe": 3.5,
            "exit_reason": "target", "bars_held": 1, "stop_loss": "98.00", "decision": 17,
        }  # fmt: skip
        return self.add(f.Trade, **({"id": name, "pnl": pnl} | fields | more))

    def zone(self, name: str = "z1", **more: Any) -> f.Zone:
        """A zone."""
        fields: dict[str, Any] = {
            "tf": "1m", "kind": "OB", "side": "DEMAND", "price_lo": 95.0, "price_hi": 96.0, "created_ts": START,
            "confirmed_ts": START + MINUTE, "strength": 5.0, "touches": 0, "filled_percent": 0.0, "valid": True,
        }  # fmt: skip
        return self.add(f.Zone, **({"id": name} | fields | more))


def session_health(stream: "Stream | str", status: str = "running", **more: Any) -> SessionHealth:
    """How the engine says that a session is."""
    session_id = stream if isinstance(stream, str) else stream.session_id
    seq = 0 if isinstance(stream, str) else len(stream.facts)
    fields: dict[str, Any] = {
        "mode": "paper", "strategy": "ema_cross", "symbols": ["BTCUSDT"], "timeframe": "1m", "speed": 60.0,
        "started_at": START, "seq": seq, "feed": FeedHealth(source="demo", connected=True),
    }  # fmt: skip
    return SessionHealth(**({"session_id": session_id, "status": status} | fields | more))


def health(*sessions: SessionHealth, **more: Any) -> Health:
    """How the engine says that it is."""
    fields: dict[str, Any] = {
        "at": 1, "pid": 1, "started_at": 1, "version": "0", "loop_s": 0.0, "disk_free": None, "disk_low": False,
        "memory_mb": 1.0, "kill_switch": False, "kill_reason": None,
    }  # fmt: skip
    return Health(**(fields | more), sessions=list(sessions))


@cache
def recorded(name: str = "ema_cross") -> Sequence[f.Fact]:
    """The facts of a session with the inputs of a recorded one."""
    import tempfile

    from triplane.engine.facts import facts_of

    with tempfile.TemporaryDirectory() as folder:
        again(name, Path(folder))
        return tuple(facts_of(Path(folder)))


def texts(frames: bytes) -> Iterator[bytes]:
    """What is in the frames of a server, one after the other."""
    while frames:
        head = {126: 4, 127: 10}.get(frames[1], 2)
        end = head + (frames[1] if head == 2 else int.from_bytes(frames[2:head], "big"))
        yield frames[head:end]
        frames = frames[end:]
